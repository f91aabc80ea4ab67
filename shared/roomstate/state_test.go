package roomstate_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
)

func TestState(t *testing.T) {
	suite(t, []stateTest{
		{"caches rooms", testRoom},
		{"never replaces a newer room", testOlderRoom},
		{"tells a user's standing", testStanding},
		{"looks users up when a room has many mutes", testManyMutes},
		{"looks up the bans of a room with many", testManyBans},
		{"keeps settings", testSettings},
	})
}

func testRoom(t *testing.T, s *roomstate.State, rdb redis.UniversalClient) {
	id, other := redistest.Room(), newState(t, rdb)
	if _, ok, err := s.Room(t.Context(), id); ok || err != nil {
		t.Fatalf("got %v, %v for a room that nobody put", ok, err)
	}
	started := time.Now().UTC().Truncate(time.Second)
	room := live.Room{ID: id, AnchorID: 7, Title: "t", Status: live.RoomLive, UpdatedAt: started, StartedAt: &started}
	if err := s.PutRoom(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	for _, reader := range []*roomstate.State{s, other} {
		got, ok, err := reader.Room(t.Context(), id)
		if !ok || err != nil || got.Title != "t" || got.Status != live.RoomLive || !got.StartedAt.Equal(started) {
			t.Fatalf("got %+v, %v, %v", got, ok, err)
		}
		*got.StartedAt = time.Time{}
	}
	if got, _, err := s.Room(t.Context(), id); err != nil || !got.StartedAt.Equal(started) {
		t.Fatalf("a reader changed the cached room: %+v, %v", got, err)
	}
	room.Title, room.UpdatedAt = "u", started.Add(time.Millisecond)
	if err := s.PutRoom(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	if got, _, err := s.Room(t.Context(), id); err != nil || got.Title != "u" {
		t.Fatalf("got %q, %v where it was put", got.Title, err)
	}
	other.Invalidate(id)
	if got, _, err := other.Room(t.Context(), id); err != nil || got.Title != "u" {
		t.Fatalf("got %q, %v after Invalidate", got.Title, err)
	}
	if ttl, err := rdb.TTL(t.Context(), roomstate.InfoKey(id)).Result(); err != nil || ttl <= 0 {
		t.Fatalf("got a time to live of %v, %v", ttl, err)
	}
}

func testOlderRoom(t *testing.T, s *roomstate.State, _ redis.UniversalClient) {
	id, now := redistest.Room(), time.Now()
	for _, room := range []live.Room{
		{ID: id, Title: "new", UpdatedAt: now},
		{ID: id, Title: "old", UpdatedAt: now.Add(-time.Millisecond)},
	} {
		if err := s.PutRoom(t.Context(), room); err != nil {
			t.Fatal(err)
		}
	}
	if got, _, err := s.Room(t.Context(), id); err != nil || got.Title != "new" {
		t.Fatalf("got %q, %v", got.Title, err)
	}
}

func standing(t *testing.T, s *roomstate.State, room live.RoomID, user live.UserID) (banned, muted, moderator bool) {
	t.Helper()
	got, err := s.Standing(t.Context(), room, user)
	if err != nil {
		t.Fatal(err)
	}
	return got.Banned(time.Now()), got.Muted(time.Now()), got.Moderator
}

func do(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func testStanding(t *testing.T, s *roomstate.State, rdb redis.UniversalClient) {
	room, other, ctx := redistest.Room(), newState(t, rdb), t.Context()
	if banned, muted, moderator := standing(t, other, room, 1); banned || muted || moderator {
		t.Fatalf("got %v, %v, %v for a user that nobody moderated", banned, muted, moderator)
	}
	hour, always := roomstate.Sanction{Until: time.Now().Add(time.Hour), Reason: "spam 1"}, roomstate.Sanction{Until: roomstate.Forever()}
	do(t, s.Apply(ctx, room, 0, roomstate.Mute(1, hour), roomstate.Ban(2, always), roomstate.Moderator(3, true), roomstate.Mute(4, hour)),
		s.Apply(ctx, room, 0, roomstate.Mute(4, roomstate.Sanction{}), roomstate.Moderator(5, true)),
		s.Apply(ctx, room, 0, roomstate.Moderator(5, false)))
	other.Invalidate(room)
	for user, want := range map[live.UserID][3]bool{1: {false, true, false}, 2: {true, false, false}, 3: {false, false, true}, 4: {}, 5: {}} {
		for _, reader := range []*roomstate.State{s, other} {
			banned, muted, moderator := standing(t, reader, room, user)
			if got := [3]bool{banned, muted, moderator}; got != want {
				t.Fatalf("user %d: got banned, muted, moderator %v, want %v", user, got, want)
			}
		}
	}
	if got, err := other.Standing(ctx, room, 1); err != nil || got.MuteReason != "spam 1" {
		t.Fatalf("got %+v, %v, want the reason", got, err)
	}
	if got, err := other.Banned(ctx, room, []live.UserID{1, 2, 3}); err != nil || !slices.Equal(got, []live.UserID{2}) {
		t.Fatalf("got %v banned, %v, want user 2", got, err)
	}
	// What has ended goes.
	do(t, rdb.HSet(ctx, roomstate.MutesKey(room), "1", time.Now().Add(-time.Second).UnixMilli()).Err())
	s.Invalidate(room)
	if _, muted, _ := standing(t, s, room, 1); muted {
		t.Fatal("still muted after the end")
	}
	if left, err := rdb.HLen(ctx, roomstate.MutesKey(room)).Result(); left != 0 || err != nil {
		t.Fatalf("got %d mutes left, %v", left, err)
	}
}

func testManyMutes(t *testing.T, s *roomstate.State, rdb redis.UniversalClient) {
	room, ctx := redistest.Room(), t.Context()
	for from := 0; from < 10_050; from += 2010 {
		var fields []any
		for user := from; user < from+2010; user++ {
			fields = append(fields, strconv.Itoa(user+1), "0")
		}
		do(t, rdb.HSet(ctx, roomstate.MutesKey(room), fields...).Err())
	}
	do(t, s.Apply(ctx, room, 0, roomstate.Mute(77, roomstate.Sanction{}), roomstate.Ban(77, roomstate.Sanction{Until: roomstate.Forever()})))
	for user, want := range map[live.UserID][2]bool{1: {false, true}, 10_050: {false, true}, 77: {true, false}, 20_000: {}} {
		banned, muted, _ := standing(t, s, room, user)
		if got := [2]bool{banned, muted}; got != want {
			t.Fatalf("user %d: got banned, muted %v, want %v", user, got, want)
		}
	}
}

// In a room with more bans than a process keeps, Redis is asked for a pod's viewers all at once.
func testManyBans(t *testing.T, s *roomstate.State, rdb redis.UniversalClient) {
	room, ctx := redistest.Room(), t.Context()
	for from := 0; from < 10_050; from += 2010 {
		var fields []any
		for user := from; user < from+2010; user++ {
			fields = append(fields, strconv.Itoa(user+1), "0")
		}
		do(t, rdb.HSet(ctx, roomstate.BansKey(room), fields...).Err())
	}
	do(t, s.Apply(ctx, room, 0, roomstate.Ban(77, roomstate.Sanction{})))
	here := make([]live.UserID, 0, 9000)
	for user := range live.UserID(9000) {
		here = append(here, 2000+user)
	}
	sent := &counter{}
	rdb.AddHook(sent)
	got, err := s.Banned(ctx, room, append(here, 77))
	if err != nil || len(got) != 8051 || got[0] != 2000 || got[8050] != 10_050 {
		t.Fatalf("got %d banned, %v, want 2000 to 10050", len(got), err)
	}
	if n := sent.n.Load(); n > 10 {
		t.Errorf("got %d commands, want a few", n)
	}
}

func testSettings(t *testing.T, s *roomstate.State, rdb redis.UniversalClient) {
	room, ctx, other := redistest.Room(), t.Context(), newState(t, rdb)
	if none, err := other.Settings(ctx, room); err != nil || none != (roomstate.Settings{}) {
		t.Fatalf("got %+v, %v", none, err)
	}
	words := []string{"b", "坏"}
	want := roomstate.Settings{SlowMode: 1500 * time.Millisecond, Adaptive: true, DisplayRate: 40, Words: roomstate.WordsName(words)}
	do(t, s.Apply(ctx, room, 0, roomstate.Configure(want, words)))
	other.Invalidate(room)
	if got := other.DisplayRate(room); got != 0 {
		t.Fatalf("got display rate %d of a room that is not in the cache", got)
	}
	if got, err := other.Settings(ctx, room); err != nil || got != want {
		t.Fatalf("got %+v, %v, want %+v", got, err, want)
	}
	if got := other.DisplayRate(room); got != 40 {
		t.Fatalf("got display rate %d from the cache, want 40", got)
	}
	if got, err := other.BlockedWords(ctx, room); err != nil || !slices.Equal(got, words) {
		t.Fatalf("got words %q, %v", got, err)
	}
	do(t, s.Apply(ctx, room, 0, roomstate.Configure(roomstate.Settings{}, nil)))
	if got, err := s.Settings(ctx, room); err != nil || got != (roomstate.Settings{}) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if got, err := s.BlockedWords(ctx, room); err != nil || len(got) != 0 {
		t.Fatalf("got words %q, %v", got, err)
	}
	if ttl, err := rdb.TTL(ctx, roomstate.SettingsKey(room)).Result(); err != nil || ttl <= 0 {
		t.Fatalf("got a time to live of %v, %v", ttl, err)
	}
}
