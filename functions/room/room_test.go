package room_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/functions/room"
	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/token"
	"github.com/barrage-live/barrage/shared/wire"
)

// However many start a room at once, it starts once: one event is shown and one start is counted.
func TestRoomStartsOnce(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.create(t).ID
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if r, err := f.Start(t.Context(), anchor, id); err != nil || r.Status != live.RoomLive {
					t.Errorf("got %+v, %v", r, err)
				}
			})
		}
		all.Wait()
		if got := f.events(t, id); len(got) != 1 {
			t.Errorf("got %d events, want 1", len(got))
		}
		if got := f.counter(t, "liveroom.started"); got != 1 {
			t.Errorf("liveroom.started: got %d, want 1", got)
		}
	})
}

// A start that SQL has seen and nobody else, because Redis was away, is completed by its repeat.
func TestRepeatedStartHeals(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.create(t).ID
		away := f.deps
		gone := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
		defer gone.Close()
		away.Fanout = fanout.NewPublisher(gone, fanout.PublisherConfig{})
		if _, err := service(t, away).Start(t.Context(), anchor, id); err == nil {
			t.Fatal("started without Redis")
		}
		if got := f.events(t, id); len(got) != 0 {
			t.Fatalf("got %d events before the repeat", len(got))
		}
		for range 2 {
			if _, err := f.Start(t.Context(), anchor, id); err != nil {
				t.Fatal(err)
			}
		}
		if got := f.events(t, id); len(got) != 1 {
			t.Errorf("got %d events, want 1", len(got))
		}
	})
}

func TestStopIsHeardAndRepeatable(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.started(t).ID
		for range 2 {
			r, err := f.Stop(t.Context(), anchor, id)
			if err != nil || r.Status != live.RoomEnded || r.EndedAt == nil {
				t.Fatalf("got %+v, %v", r, err)
			}
		}
		if got := f.events(t, id); len(got) != 2 {
			t.Errorf("got %d events, want start and stop", len(got))
		}
		if _, err := f.Join(t.Context(), viewer, id); !errors.Is(err, room.ErrNotLive) {
			t.Errorf("join an ended room: got %v", err)
		}
		again, err := f.Start(t.Context(), anchor, id)
		if err != nil || again.Status != live.RoomLive || again.EndedAt != nil {
			t.Errorf("start again: got %+v, %v", again, err)
		}
	})
}

func TestOnlyTheAnchorMay(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id, title := f.create(t).ID, "mine now"
		for name, step := range map[string]func() error{
			"start":  func() error { _, err := f.Start(t.Context(), viewer, id); return err },
			"stop":   func() error { _, err := f.Stop(t.Context(), viewer, id); return err },
			"update": func() error { _, err := f.Update(t.Context(), viewer, id, store.RoomPatch{Title: &title}); return err },
		} {
			if err := step(); !errors.Is(err, store.ErrNotAnchor) {
				t.Errorf("%s: got %v", name, err)
			}
		}
		if _, err := f.Stop(t.Context(), anchor, id); !errors.Is(err, store.ErrWrongStatus) {
			t.Errorf("stop before start: got %v", err)
		}
	})
}

// A change is seen at once where it was made, though rooms are cached, and viewers of a live room hear of it.
func TestUpdateIsSeenAtOnce(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id, title := f.started(t).ID, "a better title"
		if _, err := f.Room(t.Context(), id); err != nil { // now it is cached
			t.Fatal(err)
		}
		if _, err := f.Update(t.Context(), anchor, id, store.RoomPatch{Title: &title}); err != nil {
			t.Fatal(err)
		}
		got, err := f.Room(t.Context(), id)
		if err != nil || got.Title != title {
			t.Errorf("got %+v, %v", got, err)
		}
		if events := f.events(t, id); len(events) != 2 || !strings.Contains(string(events[1].Data), title) {
			t.Errorf("got events %+v", events)
		}
	})
}

// Redis is a cache in front of rooms, not their home.
func TestRoomsAreSeenWithoutRedis(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		want := f.started(t)
		if err := f.redis.Close(); err != nil {
			t.Fatal(err)
		}
		fresh := f.deps
		var err error
		if fresh.State, err = roomstate.New(f.redis, roomstate.Config{}); err != nil { // with nothing cached in the process
			t.Fatal(err)
		}
		defer fresh.State.Close()
		got, err := service(t, fresh).Room(t.Context(), want.ID)
		if err != nil || got.ID != want.ID || got.Title != want.Title || got.Status != live.RoomLive {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestJoinCountsAViewerOnce(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.started(t).ID
		for range 2 {
			a, err := f.Join(t.Context(), viewer, id)
			if err != nil || a.ViewerCount != 1 || a.RoomID != id || a.SocketURL != "ws://test/ws" {
				t.Fatalf("got %+v, %v", a, err)
			}
		}
		if r, err := f.Room(t.Context(), id); err != nil || r.ViewerCount != 1 {
			t.Errorf("got %+v, %v", r, err)
		}
		users, count, err := f.Viewers(t.Context(), id, 10)
		if err != nil || count != 1 || len(users) != 1 || users[0] != viewer {
			t.Errorf("viewers: got %v, %d, %v", users, count, err)
		}
		for range 2 {
			if a, err := f.Leave(t.Context(), viewer, id); err != nil || a.ViewerCount != 0 {
				t.Fatalf("leave: got %+v, %v", a, err)
			}
		}
	})
}

func TestSayIsInHistoryAndPagesBackwards(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.started(t).ID
		who := token.Identity{User: viewer, Nickname: "小鱼干", Role: live.RoleViewer}
		for n := range 5 {
			r, err := f.Say(t.Context(), who, id, wire.Inbound{Type: live.Danmu, ID: fmt.Sprint("m", n), Content: fmt.Sprint("message ", n)})
			if err != nil || !r.Shown || r.Seq == 0 {
				t.Fatalf("got %+v, %v", r, err)
			}
		}
		page, err := f.Messages(t.Context(), id, 0, 3)
		if err != nil || len(page) != 3 || page[2].ID != "m4" || page[0].ID != "m2" || page[0].UserID != viewer {
			t.Fatalf("newest: got %+v, %v", page, err)
		}
		if !strings.Contains(string(page[0].Data), "小鱼干") {
			t.Errorf("data: got %s", page[0].Data)
		}
		before, err := f.Messages(t.Context(), id, page[0].Seq, 3)
		if err != nil || len(before) != 3 || before[2].ID != "m1" || before[2].Seq != page[0].Seq-1 {
			t.Errorf("page before: got %+v, %v", before, err)
		}
	})
}

func TestListIsNewestFirstWithCounts(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		older, newer := f.started(t), f.started(t)
		if _, err := f.Join(t.Context(), viewer, older.ID); err != nil {
			t.Fatal(err)
		}
		status := live.RoomLive
		rooms, next, err := f.Rooms(t.Context(), store.RoomQuery{Status: &status, Sort: store.SortNew, Limit: 1})
		if err != nil || len(rooms) != 1 || rooms[0].ID != newer.ID || next == "" {
			t.Fatalf("got %+v, %q, %v", rooms, next, err)
		}
		rooms, _, err = f.Rooms(t.Context(), store.RoomQuery{Status: &status, Sort: store.SortNew, Limit: 1, Cursor: next})
		if err != nil || len(rooms) != 1 || rooms[0].ID != older.ID || rooms[0].ViewerCount != 1 {
			t.Errorf("next page: got %+v, %v", rooms, err)
		}
	})
}

// The same start delivered twice to Kafka has one id, so that consumers can drop the second.
func TestEventsAreInKafkaUnderOneID(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.started(t).ID
		if _, err := f.Start(t.Context(), anchor, id); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		ids := make(map[string]int)
		group := stream.GroupConfig{Group: fmt.Sprintf("test-%016x", rand.Uint64()), Topics: []stream.Topic{stream.LiveMessages}}
		err := f.deps.Kafka.Consume(ctx, group, func(_ context.Context, part []stream.Record) (int, error) {
			for _, r := range part {
				if string(r.Key) != strconv.FormatInt(int64(id), 10) {
					continue
				}
				if ids[string(r.Header(stream.HeaderMessageID))]++; r.Partition != stream.RoomPartition(id, stream.DefaultPartitions) {
					t.Errorf("got partition %d", r.Partition)
				}
				if ids[string(r.Header(stream.HeaderMessageID))] == 2 {
					cancel()
				}
			}
			return len(part), nil
		})
		if err != nil || len(ids) != 1 {
			t.Errorf("got ids %v, %v", ids, err)
		}
	})
}
