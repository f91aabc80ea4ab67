package roomstate_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
)

func TestRestore(t *testing.T) {
	suite(t, []stateTest{
		{"restores what redis has lost", testRestoreLost},
		{"restores when a change was missed", testRestoreMissed},
		{"never replaces newer rules", testRestoreOlder},
		{"knows nothing while rules cannot be restored", testRestoreFails},
		{"restores many at once", testRestoreMany},
	})
}

// truth is what SQL would hold.
type truth struct {
	roomstate.Rules
	err   error
	calls int
}

func restoring(t *testing.T, rdb redis.UniversalClient, from *truth) *roomstate.State {
	t.Helper()
	var s *roomstate.State
	s, err := roomstate.New(rdb, roomstate.Config{Restore: func(ctx context.Context, room live.RoomID) error {
		from.calls++
		if from.err != nil {
			return from.err
		}
		return s.Restore(ctx, room, from.Rules)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

var always = roomstate.Sanction{Until: roomstate.Forever(), Reason: "because"}

func testRestoreLost(t *testing.T, _ *roomstate.State, rdb redis.UniversalClient) {
	room, ctx := redistest.Room(), t.Context()
	words := []string{"a", "b"}
	from := &truth{Rules: roomstate.Rules{
		Version: 7, Mutes: map[live.UserID]roomstate.Sanction{1: always}, Bans: map[live.UserID]roomstate.Sanction{2: always},
		Moderators: []live.UserID{3}, Words: words, Settings: roomstate.Settings{SlowMode: time.Second, DisplayRate: 9},
	}}
	s := restoring(t, rdb, from)
	for range 2 { // a room that Redis never knew, then one that it has forgotten
		for user, want := range map[live.UserID][3]bool{1: {false, true, false}, 2: {true, false, false}, 3: {false, false, true}, 4: {}} {
			banned, muted, moderator := standing(t, s, room, user)
			if got := [3]bool{banned, muted, moderator}; got != want {
				t.Fatalf("user %d: got banned, muted, moderator %v, want %v", user, got, want)
			}
		}
		got, err := s.Settings(ctx, room)
		if err != nil || got.SlowMode != time.Second || got.DisplayRate != 9 || got.Words != roomstate.WordsName(words) {
			t.Fatalf("got %+v, %v", got, err)
		}
		if got, err := s.BlockedWords(ctx, room); err != nil || !slices.Equal(got, words) {
			t.Fatalf("got words %q, %v", got, err)
		}
		lose(t, rdb, room)
		s.Invalidate(room)
	}
	if from.calls != 2 {
		t.Fatalf("got %d restores, want 2", from.calls)
	}
}

// lose deletes all rules of the room, as a server does that comes back empty.
func lose(t *testing.T, rdb redis.UniversalClient, room live.RoomID) {
	t.Helper()
	do(t, rdb.Del(t.Context(), roomstate.SettingsKey(room), roomstate.MutesKey(room), roomstate.BansKey(room),
		roomstate.ModeratorsKey(room), roomstate.WordsKey(room)).Err())
}

func testRestoreMissed(t *testing.T, _ *roomstate.State, rdb redis.UniversalClient) {
	room, ctx := redistest.Room(), t.Context()
	from := &truth{Rules: roomstate.Rules{Version: 3, Bans: map[live.UserID]roomstate.Sanction{1: always, 2: always}}}
	s := restoring(t, rdb, from)
	do(t, s.Restore(ctx, room, roomstate.Rules{Version: 1}))
	do(t, s.Apply(ctx, room, 3, roomstate.Ban(2, always))) // version 2, the ban of user 1, never came
	if banned, _, _ := standing(t, s, room, 1); !banned || from.calls != 1 {
		t.Fatalf("got user 1 banned %v after %d restores", banned, from.calls)
	}
	do(t, s.Apply(ctx, room, 4, roomstate.Mute(5, always)), s.Apply(ctx, room, 4, roomstate.Mute(6, always)))
	if _, muted, _ := standing(t, s, room, 5); !muted || from.calls != 1 {
		t.Fatalf("got muted %v after %d restores, want the change alone to do it", muted, from.calls)
	}
	if _, muted, _ := standing(t, s, room, 6); muted {
		t.Fatal("a version was applied twice")
	}
	versions, err := s.Versions(ctx, []live.RoomID{room, redistest.Room()})
	if err != nil || !slices.Equal(versions, []int64{4, -1}) {
		t.Fatalf("got versions %v, %v", versions, err)
	}
}

func testRestoreOlder(t *testing.T, _ *roomstate.State, rdb redis.UniversalClient) {
	room, ctx := redistest.Room(), t.Context()
	s := restoring(t, rdb, &truth{})
	do(t, s.Restore(ctx, room, roomstate.Rules{Version: 5, Bans: map[live.UserID]roomstate.Sanction{1: always}}))
	do(t, s.Restore(ctx, room, roomstate.Rules{Version: 4}))
	if banned, _, _ := standing(t, s, room, 1); !banned {
		t.Fatal("older rules have replaced newer ones")
	}
	do(t, s.Restore(ctx, room, roomstate.Rules{Version: 6}))
	if banned, _, _ := standing(t, s, room, 1); banned {
		t.Fatal("newer rules have not replaced older ones")
	}
}

func testRestoreFails(t *testing.T, _ *roomstate.State, rdb redis.UniversalClient) {
	room := redistest.Room()
	away := errors.New("away")
	s := restoring(t, rdb, &truth{err: away})
	if _, err := s.Standing(t.Context(), room, 1); !errors.Is(err, away) {
		t.Fatalf("got %v, want no standing", err)
	}
	if err := s.Apply(t.Context(), room, 2, roomstate.Ban(1, always)); !errors.Is(err, away) {
		t.Fatalf("got %v for a change without what it changes", err)
	}
}

func testRestoreMany(t *testing.T, _ *roomstate.State, rdb redis.UniversalClient) {
	room := redistest.Room()
	bans := make(map[live.UserID]roomstate.Sanction)
	for user := range live.UserID(11_000) {
		bans[user+1] = always
	}
	s := restoring(t, rdb, &truth{Rules: roomstate.Rules{Version: 1, Bans: bans, Moderators: slices.Collect(maps.Keys(bans))[:700]}})
	for _, user := range []live.UserID{1, 5_000, 11_000} {
		if banned, _, _ := standing(t, s, room, user); !banned {
			t.Fatalf("user %d is not banned", user)
		}
	}
	if n, err := rdb.SCard(t.Context(), roomstate.ModeratorsKey(room)).Result(); n != 700 || err != nil {
		t.Fatalf("got %d moderators, %v", n, err)
	}
}
