package room_test

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/store"
)

// moderates asks as a pod does that knows nothing yet.
func (f *fixture) moderates(t *testing.T, id live.RoomID, user live.UserID) bool {
	t.Helper()
	pod, err := roomstate.New(f.redis, roomstate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer pod.Close()
	s, err := pod.Standing(t.Context(), id, user)
	if err != nil {
		t.Fatal(err)
	}
	return s.Moderator
}

func (f *fixture) user(t *testing.T, name string, role live.Role) right.Who {
	t.Helper()
	// One database serves the test on each Redis, so names must differ.
	username := name + "-" + strings.ToLower(rand.Text()[:10])
	u, err := f.deps.Store.CreateUser(t.Context(), store.NewUser{Username: username, Nickname: name, Role: role})
	if err != nil {
		t.Fatal(err)
	}
	return right.Who{User: u.ID, Role: role}
}

func TestModeratorsAreAppointedAndDismissed(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		owner, mod, admin := f.user(t, "owner", live.RoleViewer), f.user(t, "mod", live.RoleViewer), f.user(t, "boss", live.RoleAdmin)
		r, err := f.Create(t.Context(), owner.User, "a room", "")
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Appoint(t.Context(), mod, r.ID, mod.User); !errors.Is(err, right.ErrNotAnchor) {
			t.Errorf("a viewer appoints: got %v", err)
		}
		if err := f.Appoint(t.Context(), owner, r.ID, mod.User); err != nil {
			t.Fatal(err)
		}
		if !f.moderates(t, r.ID, mod.User) {
			t.Error("pods do not know the new moderator")
		}
		if err := f.Appoint(t.Context(), mod, r.ID, admin.User); !errors.Is(err, right.ErrNotAnchor) {
			t.Errorf("a moderator appoints: got %v", err)
		}
		if err := f.Dismiss(t.Context(), admin, r.ID, mod.User); err != nil {
			t.Errorf("an admin dismisses: %v", err)
		}
		if f.moderates(t, r.ID, mod.User) {
			t.Error("pods know the dismissed moderator")
		}
	})
}

// A Redis that was emptied gets the moderators back with the room.
func TestModeratorsOutliveRedis(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		owner, mod := f.user(t, "owner", live.RoleViewer), f.user(t, "mod", live.RoleViewer)
		r, err := f.Create(t.Context(), owner.User, "a room", "")
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Appoint(t.Context(), owner, r.ID, mod.User); err != nil {
			t.Fatal(err)
		}
		if err := f.redis.Del(t.Context(), roomstate.InfoKey(r.ID), roomstate.ModeratorsKey(r.ID)).Err(); err != nil {
			t.Fatal(err)
		}
		f.deps.State.Invalidate(r.ID)
		if _, err := f.Room(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
		if !f.moderates(t, r.ID, mod.User) {
			t.Error("the moderator is forgotten")
		}
	})
}
