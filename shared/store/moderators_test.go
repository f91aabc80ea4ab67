package store_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/storetest"
)

func TestModerators(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := store.Primary(t.Context())
		anna, ben := newUser(t, s, "anna"), newUser(t, s, "ben")
		const room, other live.RoomID = 1, 2
		for range 2 { // a repeat changes nothing
			for _, u := range []live.UserID{anna, ben} {
				if err := s.AddModerator(ctx, room, u, 7); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := s.AddModerator(ctx, room, ben+1000, 7); !errors.Is(err, store.ErrUserNotFound) {
			t.Errorf("unknown user: got %v", err)
		}
		all, err := s.Moderators(ctx, room)
		if err != nil || len(all) != 2 || all[0].User != anna || all[0].Nickname != "anna" || all[0].Since.IsZero() {
			t.Errorf("got %+v, %v", all, err)
		}
		if is, err := s.IsModerator(ctx, other, anna); is || err != nil {
			t.Errorf("in another room: got %v, %v", is, err)
		}
		for range 2 {
			if err := s.RemoveModerator(ctx, room, anna); err != nil {
				t.Fatal(err)
			}
		}
		if is, err := s.IsModerator(ctx, room, anna); is || err != nil {
			t.Errorf("removed: got %v, %v", is, err)
		}
		if is, err := s.IsModerator(ctx, room, ben); !is || err != nil {
			t.Errorf("who stays: got %v, %v", is, err)
		}
	})
}

func TestModeratorsAreBounded(t *testing.T) {
	s := storetest.Open(t, storetest.SQLite(t))
	const room live.RoomID = 1
	for i := range store.MaxModerators {
		if err := s.AddModerator(t.Context(), room, newUser(t, s, fmt.Sprint("user", i)), 7); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.AddModerator(t.Context(), room, newUser(t, s, "one-more"), 7); !errors.Is(err, store.ErrTooManyModerators) {
		t.Errorf("got %v", err)
	}
}

func newUser(t *testing.T, s *store.Store, name string) live.UserID {
	t.Helper()
	u, err := s.CreateUser(t.Context(), store.NewUser{Username: name, Nickname: name, Role: live.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	return u.ID
}
