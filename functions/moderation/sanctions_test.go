package moderation_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/barrage-live/barrage/functions/moderation"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/rulebook"
	"github.com/barrage-live/barrage/shared/store"
)

func for1h(reason string) moderation.Term { return moderation.Term{For: time.Hour, Reason: reason} }

func TestMutesAndBansAreInForceUntilTheyAreLifted(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		ctx, user := t.Context(), f.viewer.User
		muted, err := f.Mute(ctx, f.mod, f.room, user, for1h("spam"))
		if err != nil || muted.User != user || muted.By != f.mod.User || time.Until(muted.Until) > time.Hour {
			t.Fatalf("got %+v, %v", muted, err)
		}
		if _, err := f.Ban(ctx, f.anchor, f.room, user, moderation.Term{}); err != nil {
			t.Fatal(err)
		}
		if got := f.standing(t, user); got.MuteReason != "spam" || !got.Muted(time.Now()) || !got.BannedUntil.Equal(roomstate.Forever()) {
			t.Fatalf("got %+v", got)
		}
		bans, more, err := f.Bans(ctx, f.mod, f.room, 0, 10)
		if err != nil || more || len(bans) != 1 || bans[0].User != user || bans[0].By != f.anchor.User {
			t.Fatalf("got %+v, %v, %v", bans, more, err)
		}
		for range 2 { // who is not muted need not be
			if err := errors.Join(f.Unmute(ctx, f.mod, f.room, user), f.Unban(ctx, f.mod, f.room, user)); err != nil {
				t.Fatal(err)
			}
		}
		if got := f.standing(t, user); got.Muted(time.Now()) || got.Banned(time.Now()) {
			t.Fatalf("got %+v after both were lifted", got)
		}
		f.logged(t, rulebook.Unbanned, rulebook.Unmuted, rulebook.Banned, rulebook.Muted, rulebook.Appointed)
	})
}

// logged compares the log, newest first, and reads it a page at a time.
func (f *fixture) logged(t *testing.T, want ...rulebook.Action) {
	t.Helper()
	var got []rulebook.Action
	for before := int64(0); ; {
		page, err := f.Log(t.Context(), f.mod, f.room, before, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			got, before = append(got, e.Action), e.ID
		}
		if len(page) < 2 {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got %v in the log, want %v", got, want)
	}
}

func TestNobodyModeratesAnEqualOrAbove(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		server := right.Who{Role: live.RoleService, Scopes: right.Scopes(right.ModerateRooms)}
		for _, c := range []struct {
			name   string
			by     right.Who
			target live.UserID
			want   error
		}{
			{"viewer, viewer", f.viewer, f.admin.User, right.ErrNotModerator},
			{"moderator, itself", f.mod, f.mod.User, right.ErrOutranked},
			{"moderator, anchor", f.mod, f.anchor.User, right.ErrOutranked},
			{"moderator, admin", f.mod, f.admin.User, right.ErrOutranked},
			{"server, anchor", server, f.anchor.User, right.ErrOutranked},
			{"anchor, admin", f.anchor, f.admin.User, right.ErrOutranked},
			{"moderator, nobody", f.mod, 1 << 50, store.ErrUserNotFound},
			{"guest, viewer", right.Who{}, f.viewer.User, right.ErrUnauthenticated},
			{"anchor, moderator", f.anchor, f.mod.User, nil},
			{"server, moderator", server, f.mod.User, nil},
			{"admin, anchor", f.admin, f.anchor.User, nil},
		} {
			ctx := t.Context()
			_, mute := f.Mute(ctx, c.by, f.room, c.target, for1h(""))
			_, ban := f.Ban(ctx, c.by, f.room, c.target, for1h(""))
			for what, err := range map[string]error{
				"mute": mute, "ban": ban, "kick": f.Kick(ctx, c.by, f.room, c.target, ""),
				"unmute": f.Unmute(ctx, c.by, f.room, c.target), "unban": f.Unban(ctx, c.by, f.room, c.target),
			} {
				if !errors.Is(err, c.want) {
					t.Errorf("%s: %s: got %v, want %v", c.name, what, err, c.want)
				}
			}
		}
	})
}

// A decision that got no further than the database is in force as soon as the copies are compared.
func TestHealCopies(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		ctx, now := t.Context(), time.Now()
		if _, err := f.Ban(ctx, f.mod, f.room, f.viewer.User, for1h("")); err != nil {
			t.Fatal(err)
		}
		lost := rulebook.Sanction{User: f.admin.User, Until: roomstate.Forever(), Since: now}
		if _, err := f.deps.Book.Ban(ctx, f.room, lost); err != nil {
			t.Fatal(err)
		}
		if f.standing(t, f.admin.User).Banned(now) {
			t.Fatal("the copy knows what it was not told")
		}
		healed, err := f.deps.Book.HealCopies(ctx, f.deps.State, now.Add(-time.Minute))
		if err != nil || !slices.Contains(healed, f.room) {
			t.Fatalf("got %v healed, %v", healed, err)
		}
		if !f.standing(t, f.admin.User).Banned(now) || !f.standing(t, f.viewer.User).Banned(now) {
			t.Fatal("the copy is behind")
		}
		if healed, err := f.deps.Book.HealCopies(ctx, f.deps.State, now.Add(-time.Minute)); err != nil || slices.Contains(healed, f.room) {
			t.Fatalf("got %v healed again, %v", healed, err)
		}
		if _, err := f.deps.Book.Unban(ctx, f.room, f.admin.User, 0); err != nil {
			t.Fatal(err)
		}
		if err := f.Heal(ctx); err != nil || f.standing(t, f.admin.User).Banned(now) {
			t.Fatalf("by the job: %v, still banned", err)
		}
	})
}
