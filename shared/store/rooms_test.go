package store_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/storetest"
)

const anchor, stranger = live.UserID(7), live.UserID(8)

func createRoom(t *testing.T, s *store.Store, title string) live.Room {
	t.Helper()
	room, err := s.CreateRoom(t.Context(), store.NewRoom{Anchor: anchor, Title: title, Cover: "c.png", PlaybackURL: "https://cdn/x"})
	if err != nil {
		t.Fatal(err)
	}
	return room
}

func TestRoomIsKeptAsCreated(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const title = `夜の弾幕 🎆 '; DROP TABLE rooms; -- \' " %_`
		created := createRoom(t, s, title)
		got, err := s.Room(t.Context(), created.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got != created || got.Title != title || got.AnchorID != anchor || got.Status != live.RoomNotStarted {
			t.Errorf("got %+v, want %+v", got, created)
		}
		if age := time.Since(got.CreatedAt); age < 0 || age > time.Minute || got.CreatedAt.Location() != time.UTC {
			t.Errorf("created at %v", got.CreatedAt)
		}
		if _, err := s.Room(t.Context(), created.ID+1); !errors.Is(err, store.ErrRoomNotFound) {
			t.Errorf("another id: got %v, want ErrRoomNotFound", err)
		}
	})
}

func TestUpdateRoomChangesOnlyWhatIsGiven(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		room := createRoom(t, s, "before")
		title := "after"
		for range 2 { // the second one changes nothing and is no error
			got, err := s.UpdateRoom(t.Context(), room.ID, store.RoomPatch{Title: &title})
			if err != nil {
				t.Fatal(err)
			}
			if got.Title != title || got.Cover != room.Cover || got.PlaybackURL != room.PlaybackURL {
				t.Errorf("got %+v", got)
			}
		}
		if _, err := s.UpdateRoom(t.Context(), 999, store.RoomPatch{Title: &title}); !errors.Is(err, store.ErrRoomNotFound) {
			t.Errorf("unknown room: got %v", err)
		}
	})
}

func TestRoomStartsAndStops(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, room := t.Context(), createRoom(t, s, "r")
		steps := []struct {
			name    string
			turn    func() (live.Room, bool, error)
			changed bool
			status  live.RoomStatus
			err     error
		}{
			{"stop before start", func() (live.Room, bool, error) { return s.StopRoom(ctx, room.ID, anchor) }, false, 0, store.ErrWrongStatus},
			{"start by another", func() (live.Room, bool, error) { return s.StartRoom(ctx, room.ID, stranger) }, false, 0, store.ErrNotAnchor},
			{"start", func() (live.Room, bool, error) { return s.StartRoom(ctx, room.ID, anchor) }, true, live.RoomLive, nil},
			{"start again", func() (live.Room, bool, error) { return s.StartRoom(ctx, room.ID, anchor) }, false, live.RoomLive, nil},
			{"stop by another", func() (live.Room, bool, error) { return s.StopRoom(ctx, room.ID, stranger) }, false, 0, store.ErrNotAnchor},
			{"stop", func() (live.Room, bool, error) { return s.StopRoom(ctx, room.ID, anchor) }, true, live.RoomEnded, nil},
			{"stop again", func() (live.Room, bool, error) { return s.StopRoom(ctx, room.ID, anchor) }, false, live.RoomEnded, nil},
			{"start a stopped one", func() (live.Room, bool, error) { return s.StartRoom(ctx, room.ID, anchor) }, true, live.RoomLive, nil},
			{"start an unknown one", func() (live.Room, bool, error) { return s.StartRoom(ctx, 999, anchor) }, false, 0, store.ErrRoomNotFound},
		}
		for _, step := range steps {
			got, changed, err := step.turn()
			if !errors.Is(err, step.err) || changed != step.changed || (err == nil && got.Status != step.status) {
				t.Fatalf("%s: got status %d, changed %v, err %v", step.name, got.Status, changed, err)
			}
			if err == nil && (got.StartedAt == nil || (got.EndedAt != nil) != (got.Status == live.RoomEnded)) {
				t.Fatalf("%s: started %v, ended %v", step.name, got.StartedAt, got.EndedAt)
			}
		}
	})
}

func TestOfManyStartsExactlyOneChanges(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		room := createRoom(t, s, "r")
		var starts sync.WaitGroup
		won := make(chan bool, 16)
		for range cap(won) {
			starts.Go(func() {
				_, changed, err := s.StartRoom(t.Context(), room.ID, anchor)
				if err != nil {
					t.Error(err)
				}
				won <- changed
			})
		}
		starts.Wait()
		close(won)
		winners := 0
		for changed := range won {
			if changed {
				winners++
			}
		}
		if winners != 1 {
			t.Errorf("got %d changes, want 1", winners)
		}
	})
}

func TestRoomsPagesThroughEverythingOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		hot, onAir := map[live.RoomID]int64{}, live.RoomLive
		var all, started []live.RoomID
		for i := range 23 {
			room := createRoom(t, s, fmt.Sprint(i))
			all = append(all, room.ID)
			hot[room.ID] = int64(i % 5) // with ties
			if i%3 == 0 {
				if _, _, err := s.StartRoom(t.Context(), room.ID, anchor); err != nil {
					t.Fatal(err)
				}
				started = append(started, room.ID)
			}
		}
		if err := s.SetHot(t.Context(), hot); err != nil {
			t.Fatal(err)
		}
		slices.Reverse(all)
		slices.Reverse(started)
		byHot := func(ids []live.RoomID) []live.RoomID {
			return slices.SortedStableFunc(slices.Values(ids), func(a, b live.RoomID) int { return int(hot[b] - hot[a]) })
		}
		for name, c := range map[string]struct {
			query store.RoomQuery
			want  []live.RoomID
		}{
			"new":      {store.RoomQuery{Limit: 5}, all},
			"new live": {store.RoomQuery{Limit: 4, Status: &onAir, Sort: store.SortNew}, started},
			"hot":      {store.RoomQuery{Limit: 7, Sort: store.SortHot}, byHot(all)},
			"hot live": {store.RoomQuery{Limit: 8, Status: &onAir, Sort: store.SortHot}, byHot(started)},
		} {
			if got := pages(t, s, c.query); !slices.Equal(got, c.want) {
				t.Errorf("%s: got %v, want %v", name, got, c.want)
			}
		}
	})
}

func pages(t *testing.T, s *store.Store, q store.RoomQuery) (ids []live.RoomID) {
	t.Helper()
	for {
		items, next, err := s.Rooms(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(items) > q.Limit {
			t.Fatalf("got %d items, want at most %d", len(items), q.Limit)
		}
		for _, room := range items {
			ids = append(ids, room.ID)
		}
		if next == "" {
			return ids
		}
		q.Cursor = next
	}
}

func TestRoomsBoundsItsLimit(t *testing.T) {
	s := storetest.Open(t, storetest.SQLite(t))
	for range store.MaxLimit + 5 {
		createRoom(t, s, "r")
	}
	for limit, want := range map[int]int{-1: store.DefaultLimit, 0: store.DefaultLimit, 3: 3, 1 << 40: store.MaxLimit} {
		items, _, err := s.Rooms(t.Context(), store.RoomQuery{Limit: limit})
		if err != nil || len(items) != want {
			t.Errorf("limit %d: got %d items, %v, want %d", limit, len(items), err, want)
		}
	}
}

func TestRoomsRefusesForgedCursors(t *testing.T) {
	s := storetest.Open(t, storetest.SQLite(t))
	createRoom(t, s, "a")
	createRoom(t, s, "b")
	_, next, err := s.Rooms(t.Context(), store.RoomQuery{Limit: 1})
	if err != nil || next == "" {
		t.Fatalf("got cursor %q, %v", next, err)
	}
	enc := base64.RawURLEncoding.EncodeToString
	for name, q := range map[string]store.RoomQuery{
		"of another order": {Cursor: next, Sort: store.SortHot},
		"cut":              {Cursor: next[:len(next)-1]},
		"padded":           {Cursor: next + "="},
		"sql":              {Cursor: enc([]byte("new.0.1 OR 1=1"))},
		"negative":         {Cursor: enc([]byte("new.0.-5"))},
		"overflow":         {Cursor: enc([]byte("new.0.99999999999999999999"))},
		"long":             {Cursor: string(make([]byte, 1<<20))},
		"plain text":       {Cursor: "new.0.5"},
	} {
		if _, _, err := s.Rooms(t.Context(), q); !errors.Is(err, store.ErrBadCursor) {
			t.Errorf("%s: got %v, want ErrBadCursor", name, err)
		}
	}
	if _, _, err := s.Rooms(t.Context(), store.RoomQuery{Sort: "id; --"}); err == nil {
		t.Error("unknown sort: got no error")
	}
}
