package store_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/storetest"
)

func createUser(t *testing.T, s *store.Store, name string) live.User {
	t.Helper()
	u, err := s.CreateUser(t.Context(), store.NewUser{Username: name, Nickname: "Nick " + name, PasswordHash: "hash of " + name, Role: live.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestUserIsFoundByIDAndName(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, name := range []string{"anna", `x' OR '1'='1`, `back\slash"`, "%", "夜猫"} {
			want := createUser(t, s, name)
			byID, err := s.User(t.Context(), want.ID)
			if err != nil || byID != want {
				t.Errorf("%s by id: got %+v, %v, want %+v", name, byID, err, want)
			}
			byName, hash, err := s.UserByName(t.Context(), name)
			if err != nil || byName != want || hash != "hash of "+name {
				t.Errorf("%s by name: got %+v, %q, %v, want %+v", name, byName, hash, err, want)
			}
		}
		for _, name := range []string{"Anna", "anna' --", "_", "nobody"} {
			if _, _, err := s.UserByName(t.Context(), name); !errors.Is(err, store.ErrUserNotFound) {
				t.Errorf("%s: got %v, want ErrUserNotFound", name, err)
			}
		}
		if _, err := s.User(t.Context(), 999); !errors.Is(err, store.ErrUserNotFound) {
			t.Errorf("id 999: got %v, want ErrUserNotFound", err)
		}
	})
}

func TestOfManyRegistrationsOneGetsTheName(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		errs := make([]error, 8)
		var callers sync.WaitGroup
		for i := range errs {
			callers.Go(func() {
				_, errs[i] = s.CreateUser(t.Context(), store.NewUser{Username: "same", Nickname: "n", PasswordHash: "h", Role: live.RoleViewer})
			})
		}
		callers.Wait()
		made := 0
		for _, err := range errs {
			if err == nil {
				made++
			} else if !errors.Is(err, store.ErrUsernameTaken) {
				t.Errorf("got %v, want ErrUsernameTaken", err)
			}
		}
		if made != 1 {
			t.Errorf("made %d accounts, want 1", made)
		}
	})
}

func TestUpdateUserChangesOnlyWhatIsGiven(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		before := createUser(t, s, "anna")
		bio, role := "I like 'quotes'", live.RoleAdmin
		for range 2 {
			got, err := s.UpdateUser(t.Context(), before.ID, store.UserPatch{Bio: &bio, Role: &role})
			want := before
			want.Bio, want.Role = bio, role
			if err != nil || got != want {
				t.Errorf("got %+v, %v, want %+v", got, err, want)
			}
		}
		if _, err := s.UpdateUser(t.Context(), 999, store.UserPatch{Bio: &bio}); !errors.Is(err, store.ErrUserNotFound) {
			t.Errorf("unknown user: got %v", err)
		}
	})
}

func refresh(family, secret string, user live.UserID, expires time.Time) store.Refresh {
	return store.Refresh{
		Family: sha256.Sum256([]byte(family)), Secret: sha256.Sum256([]byte(secret)), User: user, Expires: expires,
	}
}

func spend(t *testing.T, s *store.Store, family, secret, next string, now time.Time) (live.UserID, error) {
	t.Helper()
	return s.SpendRefresh(t.Context(), sha256.Sum256([]byte(secret)), refresh(family, next, 0, now.Add(time.Hour)), now)
}

func TestRefreshTokensRotateUntilOneIsReused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		now, user := time.Now(), createUser(t, s, "anna").ID
		if err := s.SaveRefresh(t.Context(), refresh("phone", "p1", user, now.Add(time.Hour)), now); err != nil {
			t.Fatal(err)
		}
		if err := s.SaveRefresh(t.Context(), refresh("laptop", "l1", user, now.Add(time.Hour)), now); err != nil {
			t.Fatal(err)
		}
		for i := 1; i < 4; i++ {
			got, err := spend(t, s, "phone", fmt.Sprint("p", i), fmt.Sprint("p", i+1), now)
			if err != nil || got != user {
				t.Fatalf("spend p%d: got user %d, %v", i, got, err)
			}
		}
		if _, err := spend(t, s, "phone", "p2", "thief", now); !errors.Is(err, store.ErrRefreshReused) {
			t.Fatalf("a spent one: got %v, want ErrRefreshReused", err)
		}
		for _, secret := range []string{"p4", "thief", "p2"} {
			if _, err := spend(t, s, "phone", secret, "x", now); !errors.Is(err, store.ErrRefreshReused) {
				t.Errorf("%s after the reuse: got %v, want ErrRefreshReused", secret, err)
			}
		}
		if got, err := spend(t, s, "laptop", "l1", "l2", now); err != nil || got != user {
			t.Errorf("another family: got user %d, %v", got, err)
		}
	})
}

func TestRefreshTokensEnd(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		now, user := time.Now(), createUser(t, s, "anna").ID
		save := func(family string, expires time.Time) {
			t.Helper()
			if err := s.SaveRefresh(t.Context(), refresh(family, "s", user, expires), now); err != nil {
				t.Fatal(err)
			}
		}
		unknown := func(why, family string, now time.Time) {
			t.Helper()
			if _, err := spend(t, s, family, "s", "t", now); !errors.Is(err, store.ErrRefreshUnknown) {
				t.Errorf("%s: got %v, want ErrRefreshUnknown", why, err)
			}
		}
		unknown("never saved", "none", now)
		save("short", now.Add(time.Minute))
		unknown("expired", "short", now.Add(time.Minute))
		save("left", now.Add(time.Hour))
		for range 2 {
			if err := s.RevokeFamily(t.Context(), sha256.Sum256([]byte("left"))); err != nil {
				t.Fatal(err)
			}
		}
		unknown("revoked", "left", now)
		save("all", now.Add(time.Hour))
		if err := s.RevokeUser(t.Context(), user); err != nil {
			t.Fatal(err)
		}
		unknown("user revoked", "all", now)

		save("old", now.Add(time.Minute))
		later := now.Add(time.Hour)
		if err := s.SaveRefresh(t.Context(), refresh("new", "s", user, later.Add(time.Hour)), later); err != nil {
			t.Fatal(err)
		}
		var rows int64
		if err := s.DB().Table("refresh_families").Count(&rows).Error; err != nil || rows != 1 {
			t.Errorf("%d rows are left, %v, want 1: the next sign-in forgets what has expired", rows, err)
		}
	})
}

func TestOfManySpendersExactlyOneWinsAndTheFamilyEnds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		now, user := time.Now(), createUser(t, s, "anna").ID
		if err := s.SaveRefresh(t.Context(), refresh("f", "s", user, now.Add(time.Hour)), now); err != nil {
			t.Fatal(err)
		}
		errs := make([]error, 12)
		var callers sync.WaitGroup
		for i := range errs {
			callers.Go(func() { _, errs[i] = spend(t, s, "f", "s", fmt.Sprint("next", i), now) })
		}
		callers.Wait()
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner < 0:
				winner = i
			case err == nil:
				t.Errorf("%d and %d both won", winner, i)
			case !errors.Is(err, store.ErrRefreshReused):
				t.Errorf("got %v, want ErrRefreshReused", err)
			}
		}
		if winner < 0 {
			t.Fatal("nobody won")
		}
		if _, err := spend(t, s, "f", fmt.Sprint("next", winner), "x", now); !errors.Is(err, store.ErrRefreshReused) {
			t.Errorf("the winner's new token: got %v, want ErrRefreshReused", err)
		}
	})
}
