package auth

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/alexedwards/argon2id"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/store"
)

// What a login costs is one comparison of a password with a hash, everything else being microseconds: whether there is
// such a name or not, and whether it could be one, it is done once and with the same parameters.
func TestUnknownNamesTakeAsLong(t *testing.T) {
	each(t, func(t *testing.T, f fixture, _ live.User) {
		var work []argon2id.Params
		f.hasher.matches = func(password, hash string) (bool, error) {
			p, _, _, err := argon2id.DecodeHash(hash)
			if err != nil {
				t.Fatal(err)
			}
			work = append(work, *p)
			return argon2id.ComparePasswordAndHash(password, hash)
		}
		for _, login := range []struct{ name, password string }{
			{"anna", "wrong horse"}, {"bella", "wrong horse"}, {"", "wrong horse"}, {"no name at all!", "wrong horse"},
			{strings.Repeat("x", 256), "wrong horse"}, {"bella", ""}, {"bella", "nobody's password"},
		} {
			work = nil
			_, err := f.Login(t.Context(), home(), login.name, login.password)
			if !errors.Is(err, ErrBadCredentials) || err.Error() != ErrBadCredentials.Error() {
				t.Errorf("%q: got %v, want ErrBadCredentials", login.name, err)
			}
			if want := []argon2id.Params{*hashParams()}; !slices.Equal(work, want) {
				t.Errorf("%q: compared %+v, want %+v", login.name, work, want)
			}
		}
	})
}

func TestOldHashesAreRenewedAtLogin(t *testing.T) {
	each(t, func(t *testing.T, f fixture, anna live.User) {
		old, err := argon2id.CreateHash(password, &argon2id.Params{Memory: 8 << 10, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.store.UpdateUser(t.Context(), anna.ID, store.UserPatch{PasswordHash: &old}); err != nil {
			t.Fatal(err)
		}
		f.login(t)
		_, hash, err := f.store.UserByName(t.Context(), "anna")
		if err != nil || hash == old {
			t.Errorf("the old hash is still there (%v)", err)
		}
		f.login(t)
		bomb := strings.Replace(old, "m=8192", "m=4194304", 1)
		if _, err := f.store.UpdateUser(t.Context(), anna.ID, store.UserPatch{PasswordHash: &bomb}); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Login(t.Context(), home(), "anna", password); err == nil || code(err) != "" {
			t.Errorf("a hash that wants 4 GiB: got %v, want an internal error", err)
		}
	})
}

func TestHashingIsBounded(t *testing.T) {
	h, err := newHasher()
	if err != nil {
		t.Fatal(err)
	}
	var leave []func()
	for range cap(h.slots) {
		l, err := h.enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, l)
	}
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, maxHashWaiters+1)
	for range cap(errs) {
		go func() {
			_, err := h.hash(ctx, password)
			errs <- err
		}()
	}
	if err := <-errs; !errors.Is(err, errBusy) {
		t.Errorf("one too many: got %v, want errBusy", err)
	}
	cancel()
	for range maxHashWaiters {
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Errorf("a waiter: got %v, want context.Canceled", err)
		}
	}
	for _, l := range leave {
		l()
	}
	if _, err := h.hash(t.Context(), password); err != nil {
		t.Errorf("after all that: %v", err)
	}
}
