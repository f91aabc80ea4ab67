package fanout_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
)

func testDuplicates(t *testing.T, rdb redis.UniversalClient) {
	room, p := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{})
	other := fanout.NewPublisher(rdb, fanout.PublisherConfig{})
	expect(t, publish(t, p, room, item("u1", "a"), item("u1", "b")), "1 2")
	expect(t, publish(t, other, room, item("u1", "c"), item("u1", "a"), item("u2", "a"), item("u1", "b")), "3 1d 4 2d")
	expect(t, publish(t, p, room, item("u1", "a")), "1d")
	msgs, at, err := fanout.NewHistory(rdb).Latest(t.Context(), room, 10)
	if err != nil || len(msgs) != 4 || at.Seq != 4 {
		t.Fatalf("got %d messages up to %d, %v", len(msgs), at.Seq, err)
	}
	for i, want := range []string{"a", "b", "c", "a"} {
		if got := string(msgs[i].Payload); got != `{"id":"`+want+`"}` || msgs[i].Seq != live.Seq(i+1) {
			t.Fatalf("message %d: got %s with seq %d", i, got, msgs[i].Seq)
		}
	}
}

func testRepeatsInCall(t *testing.T, rdb redis.UniversalClient) {
	room, p := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{})
	got := publish(t, p, room, item("u1", "a"), item("u1", "a"), item("", ""), item("", ""), item("u2", "a"))
	expect(t, got, "1 1d 2 3 4")
}

func shiftWindow(t *testing.T, rdb redis.UniversalClient, room live.RoomID, n int64) {
	t.Helper()
	if err := rdb.HIncrBy(t.Context(), roomstate.LogKey(room), "w", -n).Err(); err != nil {
		t.Fatal(err)
	}
	if n%2 == 0 {
		return
	}
	even, odd := roomstate.SeenKeys(room)
	swap := redis.NewScript(`
		for i, k in ipairs(KEYS) do ARGV[i] = redis.call('HGETALL', k); redis.call('DEL', k) end
		for i, k in ipairs(KEYS) do
			local all = ARGV[3 - i]
			if #all > 0 then redis.call('HSET', k, unpack(all)) end
		end`)
	if err := swap.Run(t.Context(), rdb, []string{even, odd}).Err(); err != nil && err != redis.Nil {
		t.Fatal(err)
	}
}

func testDedupeWindows(t *testing.T, rdb redis.UniversalClient) {
	room, p := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{})
	expect(t, publish(t, p, room, item("u1", "a")), "1")
	shiftWindow(t, rdb, room, 1)
	expect(t, publish(t, p, room, item("u1", "b"), item("u1", "a")), "2 1d")
	shiftWindow(t, rdb, room, 1)
	// "a" was taken over by the window in which it was sent again: it isn't in Kafka yet.
	expect(t, publish(t, p, room, item("u1", "c"), item("u1", "a")), "3 1d")
	shiftWindow(t, rdb, room, 1)
	expect(t, publish(t, p, room, item("u1", "b")), "4")
	shiftWindow(t, rdb, room, 2)
	expect(t, publish(t, p, room, item("u1", "a"), item("u1", "b"), item("u1", "c")), "5 6 7")
}

func testPersisted(t *testing.T, rdb redis.UniversalClient) {
	room, p := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{})
	other := fanout.NewPublisher(rdb, fanout.PublisherConfig{})
	first := publish(t, p, room, item("u1", "a"))
	second := publish(t, p, room, item("u1", "b"))
	p.Persisted(room, second[0].Batch) // the first one isn't: no watermark yet
	expect(t, publish(t, p, room, item("u1", "b")), "2d")
	p.Persisted(room, first[0].Batch)
	expect(t, publish(t, p, room, item("u1", "a")), "1dp")
	expect(t, publish(t, p, room, item("u1", "c")), "3") // carries the watermark to Redis
	expect(t, publish(t, other, room, item("u1", "a")), "1dp")

	// Whoever reported a duplicate as not persisted has taken it over.
	took := publish(t, other, room, item("u1", "c"))
	expect(t, took, "3d")
	other.Persisted(room, took[0].Batch)
	expect(t, publish(t, other, room, item("u1", "c")), "3dp")

	settled := item("", "g1")
	settled.Settled = true
	got := publish(t, p, room, settled)
	expect(t, got, "4p")
	if got[0].Batch != 0 {
		t.Fatalf("got batch %d for what is in Kafka already", got[0].Batch)
	}
	expect(t, publish(t, other, room, item("", "g1")), "4dp")
	settled.ID = "g2"
	expect(t, publish(t, p, room, item("u1", "d"), settled), "5 6p")
}

func testNotPersisted(t *testing.T, rdb redis.UniversalClient) {
	room, p := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{})
	first := publish(t, p, room, item("u1", "a"))
	second := publish(t, p, room, item("u1", "b"))
	p.NotPersisted(room, first[0].Batch)
	p.Persisted(room, second[0].Batch)
	third := publish(t, p, room, item("u1", "c"))
	p.Persisted(room, third[0].Batch)
	expect(t, publish(t, p, room, item("u1", "a"), item("u1", "c")), "1d 3dp")
}

func testMarks(t *testing.T, rdb redis.UniversalClient) {
	room, p := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{})
	mark := func(id string) fanout.Item {
		return fanout.Item{Sender: "u1", ID: id, Class: live.ClassLike, Mark: true}
	}
	first := publish(t, p, room, mark("a"), item("u1", "b"), mark("c"))
	expect(t, first, "0x 1 0x")
	p.Persisted(room, first[0].Batch)
	expect(t, publish(t, p, room, mark("a"), item("u1", "d"), mark("e")), "0dpx 2 0x")
	msgs, err := fanout.NewHistory(rdb).Before(t.Context(), room, 0, 10)
	if err != nil || len(msgs) != 2 {
		t.Fatalf("got %d messages in the history, %v, want b and d", len(msgs), err)
	}
}
