package auth

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/store"
)

// The median of a few is steady enough to see that the expensive step is done for both.
func TestUnknownNamesTakeAsLong(t *testing.T) {
	each(t, func(t *testing.T, f fixture, _ live.User) {
		median := func(name string) time.Duration {
			times := make([]time.Duration, 7)
			for i := range times {
				start := time.Now()
				if _, err := f.check(t.Context(), name, "wrong horse"); !errors.Is(err, ErrBadCredentials) {
					t.Fatal(err)
				}
				times[i] = time.Since(start)
			}
			slices.Sort(times)
			return times[len(times)/2]
		}
		known, unknown := median("anna"), median("bella")
		t.Logf("known %v, unknown %v", known, unknown)
		if known > 3*unknown || unknown > 3*known {
			t.Errorf("known name: %v, unknown name: %v: they can be told apart", known, unknown)
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
