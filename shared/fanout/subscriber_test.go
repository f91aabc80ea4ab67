package fanout_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
)

func TestSubscriber(t *testing.T) {
	redistest.Suite(t, func(t *testing.T, rdb redis.UniversalClient) {
		for _, test := range []struct {
			name string
			run  func(*testing.T, redis.UniversalClient)
		}{
			{"hears every kind in order", testKinds},
			{"hears several publishers in one order", testOneOrder},
			{"hears many rooms", testManyRooms},
			{"stops hearing", testUnsubscribe},
			{"gives up waiting with the context", testSubscribeEnds},
			{"repairs a hole", testHole},
			{"repairs before what follows", testRepairBeforeOthers},
			{"tells what the history has lost", testLost},
			{"finds a loss that nothing follows", testAudit},
			{"follows a new epoch", testFollowEpoch},
			{"notices that Redis went back", testFollowRollback},
			{"tells its publisher what it heard", testTellsPublisher},
			{"waits for a slow sink", testSlowSink},
			{"is not stopped by what it can't read", testUnreadable},
		} {
			t.Run(test.name, func(t *testing.T) { test.run(t, rdb) })
		}
	})
}

func testKinds(t *testing.T, rdb redis.UniversalClient) {
	room, p, sink := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{}), newRecorder(t)
	say(t, p, room, "before")
	s := start(t, rdb, fanout.Config{}, sink)
	if at := subscribe(t, s, room); at.Seq != 1 || at.Epoch == "" {
		t.Fatalf("got position %+v", at)
	}
	if _, err := s.Subscribe(t.Context(), room); err == nil {
		t.Fatal("got no error for a room that is subscribed already")
	}
	say(t, p, room, "1", "2")
	for _, err := range []error{
		p.Send(t.Context(), room, 7, []byte("{}")),
		p.Broadcast(t.Context(), room, []byte(`{"a":"b\n"}`)),
		p.Command(t.Context(), room, []byte("{}")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	traced := []fanout.Item{{Payload: []byte("3")}, {Payload: []byte("4"), TraceParent: "00-4bf92f-00f067-01"}}
	if _, err := p.Publish(t.Context(), room, traced); err != nil {
		t.Fatal(err)
	}
	sink.await(room, "1", "2", "A 7 {}", `U {"a":"b\n"}`, "C {}", "3", "4")
	if got := sink.rooms[room].traces; len(got) != 1 || got[0] != (fanout.Trace{Index: 1, TraceParent: "00-4bf92f-00f067-01"}) {
		t.Fatalf("got traces %v", got)
	}
	if stats := s.Stats(); stats != (fanout.Stats{}) {
		t.Fatalf("got %+v when nothing was lost", stats)
	}
}

func testOneOrder(t *testing.T, rdb redis.UniversalClient) {
	const publishers, batches = 4, 50
	room, a, b := redistest.Room(), newRecorder(t), newRecorder(t)
	for _, sink := range []*recorder{a, b} {
		subscribe(t, start(t, rdb, fanout.Config{}, sink), room)
	}
	var all sync.WaitGroup
	for n := range publishers {
		p := fanout.NewPublisher(rdb, fanout.PublisherConfig{})
		all.Go(func() {
			for i := range batches {
				say(t, p, room, fmt.Sprintf("%d-%d", n, 2*i), fmt.Sprintf("%d-%d", n, 2*i+1))
			}
		})
	}
	all.Wait()
	full := func(rec *record) bool { return len(rec.events) == publishers*batches*2 }
	first, second := a.until(room, full), b.until(room, full)
	next := make([]int, publishers)
	for i, text := range first {
		var from, n int
		if _, err := fmt.Sscanf(text, "%d-%d", &from, &n); err != nil || n != next[from] || second[i] != text {
			t.Fatalf("event %d: got %q and %q, want number %d of that publisher, %v", i, text, second[i], next[from], err)
		}
		next[from]++
	}
}

func testManyRooms(t *testing.T, rdb redis.UniversalClient) {
	const rooms = 300
	first, sink := redistest.Room(), newRecorder(t)
	s := start(t, rdb, fanout.Config{Shards: 3}, sink)
	p := fanout.NewPublisher(rdb, fanout.PublisherConfig{})
	var all sync.WaitGroup
	for from := range 10 {
		all.Go(func() {
			for i := from; i < rooms; i += 10 {
				room := first + live.RoomID(i)
				subscribe(t, s, room)
				say(t, p, room, strconv.Itoa(i))
			}
		})
	}
	all.Wait()
	for i := range rooms {
		sink.await(first+live.RoomID(i), strconv.Itoa(i))
	}
}

func testUnsubscribe(t *testing.T, rdb redis.UniversalClient) {
	room, other := redistest.Room(), redistest.Room()
	p, sink := fanout.NewPublisher(rdb, fanout.PublisherConfig{}), newRecorder(t)
	s := start(t, rdb, fanout.Config{Connections: 1, Shards: 1}, sink)
	subscribe(t, s, room)
	subscribe(t, s, other)
	say(t, p, room, "1")
	sink.await(room, "1")
	s.Unsubscribe(room)
	s.Unsubscribe(room)
	say(t, p, room, "2")
	say(t, p, other, "x")
	sink.await(other, "x")
	sink.await(room, "1")
	if at := subscribe(t, s, room); at.Seq != 2 {
		t.Fatalf("got position %+v", at)
	}
	sink.mu.Lock()
	sink.rooms[room].at.Seq = 2
	sink.mu.Unlock()
	say(t, p, room, "3")
	sink.await(room, "1", "3")
}

func testSubscribeEnds(t *testing.T, rdb redis.UniversalClient) {
	s := fanout.NewSubscriber(rdb, fanout.Config{}, newRecorder(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Subscribe(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v before Run", err)
	}
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Subscribe(t.Context(), 1); err == nil {
		t.Fatal("got no error after Run")
	}
}

// hide stores a batch as Publish does, but nobody hears of it.
// testFollowRollback: a failover to a replica that was behind, or a restart from a snapshot, gives seqs out again.
func testSlowSink(t *testing.T, rdb redis.UniversalClient) {
	room, p, sink := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{}), newRecorder(t)
	sink.block = make(chan struct{})
	s := start(t, rdb, fanout.Config{QueueBytes: 1000}, sink)
	subscribe(t, s, room)
	var want []string
	for i := range 200 {
		want = append(want, strconv.Itoa(i))
		say(t, p, room, strconv.Itoa(i))
	}
	close(sink.block)
	sink.await(room, want...)
}

func testUnreadable(t *testing.T, rdb redis.UniversalClient) {
	room, p, sink := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{}), newRecorder(t)
	s := start(t, rdb, fanout.Config{}, sink)
	subscribe(t, s, room)
	command := "PUBLISH"
	if _, cluster := rdb.(*redis.ClusterClient); cluster {
		command = "SPUBLISH"
	}
	say(t, p, room, "1")
	if err := rdb.Do(t.Context(), command, roomstate.ChannelOf(room), "Z from the future").Err(); err != nil {
		t.Fatal(err)
	}
	say(t, p, room, "2")
	sink.await(room, "1", "2")
	if stats := s.Stats(); stats.Unreadable != 1 {
		t.Fatalf("got %+v", stats)
	}
}
