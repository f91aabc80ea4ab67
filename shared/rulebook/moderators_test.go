package rulebook_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/rulebook"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/storetest"
)

func TestModerators(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, b := t.Context(), rulebook.New(s)
		anna, ben := newUser(t, s, "anna"), newUser(t, s, "ben")
		const room, other live.RoomID = 1, 2
		for range 2 { // a repeat changes nothing
			for _, u := range []live.UserID{anna, ben} {
				if _, err := b.Appoint(ctx, room, u, 7); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, err := b.Appoint(ctx, room, ben+1000, 7); !errors.Is(err, store.ErrUserNotFound) {
			t.Errorf("unknown user: got %v", err)
		}
		all, err := b.Moderators(ctx, room)
		if err != nil || len(all) != 2 || all[0].User != anna || all[0].Nickname != "anna" || all[0].Since.IsZero() {
			t.Errorf("got %+v, %v", all, err)
		}
		if is, err := b.IsModerator(ctx, other, anna); is || err != nil {
			t.Errorf("in another room: got %v, %v", is, err)
		}
		for range 2 {
			if _, err := b.Dismiss(ctx, room, anna, 7); err != nil {
				t.Fatal(err)
			}
		}
		if is, err := b.IsModerator(ctx, room, anna); is || err != nil {
			t.Errorf("removed: got %v, %v", is, err)
		}
		if is, err := b.IsModerator(ctx, room, ben); !is || err != nil {
			t.Errorf("who stays: got %v, %v", is, err)
		}
	})
}

func TestModeratorsAreBounded(t *testing.T) {
	s := storetest.Open(t, storetest.SQLite(t))
	b := rulebook.New(s)
	const room live.RoomID = 1
	for i := range rulebook.MaxModerators {
		if _, err := b.Appoint(t.Context(), room, newUser(t, s, fmt.Sprint("user", i)), 7); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Appoint(t.Context(), room, newUser(t, s, "one-more"), 7); !errors.Is(err, rulebook.ErrTooManyModerators) {
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
