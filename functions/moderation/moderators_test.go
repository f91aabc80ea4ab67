package moderation_test

import (
	"errors"
	"testing"

	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/roomstate"
)

func TestModeratorsAreAppointedAndDismissed(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		if err := f.Appoint(ctx, f.mod, f.room, f.viewer.User); !errors.Is(err, right.ErrNotAnchor) {
			t.Errorf("a moderator appoints: got %v", err)
		}
		if !f.standing(t, f.mod.User).Moderator {
			t.Error("pods do not know the moderator")
		}
		if err := f.Dismiss(ctx, f.admin, f.room, f.mod.User); err != nil {
			t.Errorf("an admin dismisses: %v", err)
		}
		if f.standing(t, f.mod.User).Moderator {
			t.Error("pods know the dismissed moderator")
		}
	})
}

// What a Redis has lost comes back with the first question, and what it missed with the next decision.
func TestDecisionsOutliveRedis(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		if _, err := f.Ban(ctx, f.mod, f.room, f.viewer.User, for1h("spam")); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{roomstate.SettingsKey(f.room), roomstate.BansKey(f.room), roomstate.ModeratorsKey(f.room)} {
			if err := f.redis.Del(ctx, key).Err(); err != nil {
				t.Fatal(err)
			}
		}
		f.deps.State.Invalidate(f.room)
		if _, err := f.Settings(ctx, right.Who{}, f.room); err != nil {
			t.Fatal(err)
		}
		if got := f.standing(t, f.viewer.User); got.BanReason != "spam" {
			t.Errorf("the ban is forgotten: got %+v", got)
		}
		if !f.standing(t, f.mod.User).Moderator {
			t.Error("the moderator is forgotten")
		}
	})
}
