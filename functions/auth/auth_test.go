package auth

import (
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/embedded"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/storetest"
	"github.com/barrage-live/barrage/shared/token"
)

const password = "correct horse"

func home() netip.Addr { return netip.MustParseAddr("203.0.113.7") }

type fixture struct {
	*Service
	verifier  *token.Verifier
	state     *roomstate.State
	stopRedis func()
	deps      Deps
}

func newFixture(t testing.TB, s *store.Store, limits Limits) fixture {
	t.Helper()
	addr, stop, err := embedded.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	rdb := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2})
	t.Cleanup(func() { _ = rdb.Close() })
	key, err := token.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	signer, err := token.NewSigner([]token.Key{key}, "barrage", "barrage", 0)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := token.NewVerifier("barrage", signer.Keyring())
	if err != nil {
		t.Fatal(err)
	}
	state, err := roomstate.New(rdb, roomstate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(state.Close)
	deps := Deps{Store: s, Signer: signer, Redis: rdb, Where: state, Limits: limits, Logger: slog.New(slog.DiscardHandler)}
	service, err := New(deps)
	if err != nil {
		t.Fatal(err)
	}
	return fixture{service, verifier, state, stop, deps}
}

// another is the function in one more process.
func (f fixture) another(t testing.TB, limits Limits) *Service {
	t.Helper()
	f.deps.Limits = limits
	s, err := New(f.deps)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// each runs the test with a service on every kind of database, and with an account called anna.
func each(t *testing.T, test func(t *testing.T, f fixture, anna live.User)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newFixture(t, s, Limits{})
		anna, err := f.Register(t.Context(), home(), Account{Username: "Anna", Password: password})
		if err != nil {
			t.Fatal(err)
		}
		test(t, f, anna)
	})
}

func (f fixture) login(t *testing.T) Tokens {
	t.Helper()
	tokens, err := f.Login(t.Context(), home(), "anna", password)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func TestRegisterLoginRefreshLogout(t *testing.T) {
	each(t, func(t *testing.T, f fixture, anna live.User) {
		if anna.Username != "anna" || anna.Role != live.RoleViewer || strings.Contains(anna.Nickname, "anna") || anna.Nickname == "" {
			t.Errorf("registered %+v", anna)
		}
		first := f.login(t)
		id, err := f.verifier.Verify(first.Access)
		if err != nil || id.User != anna.ID || id.Nickname != anna.Nickname || id.Role != live.RoleViewer || first.User != anna {
			t.Errorf("login: got %+v, %v", id, err)
		}
		nick := "夜猫"
		if _, err := f.UpdateMe(t.Context(), anna.ID, Profile{Nickname: &nick}); err != nil {
			t.Fatal(err)
		}
		second, err := f.Refresh(t.Context(), first.Refresh)
		if err != nil || second.Refresh == first.Refresh {
			t.Fatalf("refresh: %v", err)
		}
		if id, err := f.verifier.Verify(second.Access); err != nil || id.Nickname != nick {
			t.Errorf("after the refresh: got %+v, %v, want the new nickname", id, err)
		}
		for range 2 {
			if err := f.Logout(t.Context(), second.Refresh); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := f.Refresh(t.Context(), second.Refresh); !errors.Is(err, store.ErrRefreshUnknown) {
			t.Errorf("refresh after logout: got %v", err)
		}
	})
}

func TestRegisterRefusesEverySpellingOfATakenName(t *testing.T) {
	each(t, func(t *testing.T, f fixture, _ live.User) {
		for _, name := range []string{"anna", "ANNA", "ａｎｎａ"} {
			if _, err := f.Register(t.Context(), home(), Account{Username: name, Password: password}); !errors.Is(err, store.ErrUsernameTaken) {
				t.Errorf("%s: got %v, want ErrUsernameTaken", name, err)
			}
		}
	})
}

func TestLoginTellsNothingButThatItFailed(t *testing.T) {
	each(t, func(t *testing.T, f fixture, _ live.User) {
		for name, c := range map[string][2]string{
			"wrong password":  {"anna", "wrong horse"},
			"empty password":  {"anna", ""},
			"unknown name":    {"bella", password},
			"impossible name": {"' OR 1=1 --", password},
			"decoy's words":   {"bella", "nobody's password"},
			"huge password":   {"anna", strings.Repeat("x", 1<<20)},
			"huge name":       {strings.Repeat("x", 1<<20), password},
			"capitals":        {"anna", "Correct Horse"},
		} {
			if _, err := f.Login(t.Context(), home(), c[0], c[1]); err != error(ErrBadCredentials) {
				t.Errorf("%s: got %v, want exactly ErrBadCredentials", name, err)
			}
		}
	})
}

func TestReusedRefreshTokenEndsItsFamilyAlone(t *testing.T) {
	each(t, func(t *testing.T, f fixture, _ live.User) {
		phone, laptop := f.login(t), f.login(t)
		next, err := f.Refresh(t.Context(), phone.Refresh)
		if err != nil {
			t.Fatal(err)
		}
		for _, raw := range []string{phone.Refresh, next.Refresh, phone.Refresh} {
			if _, err := f.Refresh(t.Context(), raw); code(err) != "token_reused" {
				t.Errorf("got %v, want token_reused", err)
			}
		}
		if _, err := f.Refresh(t.Context(), laptop.Refresh); err != nil {
			t.Errorf("the other device: %v", err)
		}
		flipped := []byte(laptop.Refresh)
		for name, raw := range map[string]string{
			"empty": "", "long": strings.Repeat("x", 1<<20), "an access token": phone.Access, "no prefix": laptop.Refresh[4:],
			"never issued": newRefreshToken().String(), "cut": string(flipped[:len(flipped)-1]), "padded": laptop.Refresh + "=",
		} {
			if _, err := f.Refresh(t.Context(), raw); code(err) != "invalid_token" {
				t.Errorf("%s: got %v, want invalid_token", name, err)
			}
		}
	})
}

func TestOfManyRefreshesExactlyOneWins(t *testing.T) {
	each(t, func(t *testing.T, f fixture, _ live.User) {
		tokens := f.login(t)
		won := make(chan Tokens, 16)
		var callers sync.WaitGroup
		for range cap(won) {
			callers.Go(func() {
				next, err := f.Refresh(t.Context(), tokens.Refresh)
				switch {
				case err == nil:
					won <- next
				case code(err) != "token_reused":
					t.Errorf("got %v, want token_reused", err)
				}
			})
		}
		callers.Wait()
		if len(won) != 1 {
			t.Fatalf("%d callers won, want 1", len(won))
		}
		if _, err := f.Refresh(t.Context(), (<-won).Refresh); code(err) != "token_reused" {
			t.Errorf("the winner's token: got %v, want token_reused", err)
		}
	})
}

func TestEnsureUserIsIdempotent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newFixture(t, s, Limits{})
		users := make([]live.User, 4)
		var callers sync.WaitGroup
		for i := range users {
			callers.Go(func() {
				u, err := f.EnsureUser(t.Context(), Account{Username: "admin", Password: "barrage-demo", Nickname: "Admin"}, live.RoleAdmin)
				if err != nil {
					t.Error(err)
				}
				users[i] = u
			})
		}
		callers.Wait()
		for _, u := range users {
			if u != users[0] || u.Role != live.RoleAdmin || u.Nickname != "Admin" {
				t.Errorf("got %+v and %+v", u, users[0])
			}
		}
		if _, err := f.EnsureUser(t.Context(), Account{Username: "admin", Password: "another one"}, live.RoleViewer); err != nil {
			t.Fatal(err)
		}
		if tokens, err := f.Login(t.Context(), home(), "admin", "barrage-demo"); err != nil || tokens.User.Role != live.RoleAdmin {
			t.Errorf("the first password and role: got %+v, %v", tokens.User, err)
		}
	})
}

func TestAddressKeyCountsCustomers(t *testing.T) {
	for addr, want := range map[string]string{
		"203.0.113.7": "203.0.113.7", "::ffff:203.0.113.7": "203.0.113.7",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "2001:db8:1:2::1": "2001:db8:1:2::", "fe80::1%eth0": "fe80::",
	} {
		if got := addressKey(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: got %s, want %s", addr, got, want)
		}
	}
}
