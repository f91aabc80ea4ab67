package fanout_test

import (
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
)

func TestHistory(t *testing.T) {
	redistest.Suite(t, func(t *testing.T, rdb redis.UniversalClient) {
		for _, test := range []struct {
			name string
			run  func(*testing.T, redis.UniversalClient)
		}{
			{"reads on from a seq", testSince},
			{"never reads on over a hole", testSinceIncomplete},
			{"reads backwards", testBefore},
			{"of a room without one", testNoHistory},
		} {
			t.Run(test.name, func(t *testing.T) { test.run(t, rdb) })
		}
	})
}

// fill publishes 1..n in batches of changing size, and returns the room and where it ends.
func fill(t *testing.T, rdb redis.UniversalClient, n int) (live.RoomID, fanout.Position) {
	t.Helper()
	room, p := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{})
	var end fanout.Position
	for from, size := 1, 1; from <= n; size = size%4 + 1 {
		var batch []string
		for i := from; i < from+size && i <= n; i++ {
			batch = append(batch, strconv.Itoa(i))
		}
		from += len(batch)
		end = say(t, p, room, batch...)
	}
	return room, end
}

// expectRun checks that the messages are from..to, in order.
func expectRun(t *testing.T, msgs []fanout.Stored, from, to live.Seq) {
	t.Helper()
	if len(msgs) != int(to-from+1) {
		t.Fatalf("got %d messages, want %d to %d", len(msgs), from, to)
	}
	for i, m := range msgs {
		if want := from + live.Seq(i); m.Seq != want || string(m.Payload) != strconv.Itoa(int(want)) {
			t.Fatalf("message %d: got %d %s, want %d", i, m.Seq, m.Payload, want)
		}
	}
}

func testSince(t *testing.T, rdb redis.UniversalClient) {
	const n = 1000
	room, end := fill(t, rdb, n)
	h := fanout.NewHistory(rdb)
	for _, test := range []struct {
		after live.Seq
		limit int
		to    live.Seq
	}{{0, 2000, n}, {0, n, n}, {0, 10, 10}, {1, 1, 2}, {2, 3, 5}, {500, 300, 800}, {997, 100, n}, {n, 10, n}} {
		msgs, epoch, last, complete, err := h.Since(t.Context(), room, end.Epoch, test.after, test.limit)
		if err != nil || !complete || epoch != end.Epoch || last != n {
			t.Fatalf("since %d: got %q, %d, %v, %v", test.after, epoch, last, complete, err)
		}
		expectRun(t, msgs, test.after+1, test.to)
	}
}

func testSinceIncomplete(t *testing.T, rdb redis.UniversalClient) {
	room, end := fill(t, rdb, 30)
	h := fanout.NewHistory(rdb)
	incomplete := func(epoch live.Epoch, after live.Seq) {
		t.Helper()
		msgs, now, last, complete, err := h.Since(t.Context(), room, epoch, after, 100)
		if err != nil || complete || len(msgs) != 0 || now != end.Epoch || last != 30 {
			t.Fatalf("got %d messages, %q, %d, %v, %v", len(msgs), now, last, complete, err)
		}
	}
	incomplete("another", 3)
	incomplete("", 0)
	incomplete(end.Epoch, 31)
	entries, err := rdb.XRange(t.Context(), roomstate.HistoryKey(room), "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	if err := rdb.XDel(t.Context(), roomstate.HistoryKey(room), entries[0].ID, entries[3].ID).Err(); err != nil {
		t.Fatal(err)
	}
	incomplete(end.Epoch, 0)
	incomplete(end.Epoch, 2)
	msgs, _, _, complete, err := h.Since(t.Context(), room, end.Epoch, 10, 100)
	if err != nil || !complete {
		t.Fatalf("got %v, %v behind the hole", complete, err)
	}
	expectRun(t, msgs, 11, 30)
	if err := rdb.Del(t.Context(), roomstate.HistoryKey(room)).Err(); err != nil {
		t.Fatal(err)
	}
	incomplete(end.Epoch, 10)
}

func testBefore(t *testing.T, rdb redis.UniversalClient) {
	const n = 1000
	room, end := fill(t, rdb, n)
	h := fanout.NewHistory(rdb)
	for _, test := range []struct {
		before live.Seq
		limit  int
		from   live.Seq
		to     live.Seq
	}{{0, 20, 981, n}, {0, 2000, 1, n}, {n + 1, 1, n, n}, {n + 50, 2, 999, n}, {500, 100, 400, 499}, {7, 3, 4, 6}, {6, 100, 1, 5}, {2, 5, 1, 1}, {1, 5, 1, 0}} {
		msgs, err := h.Before(t.Context(), room, test.before, test.limit)
		if err != nil {
			t.Fatal(err)
		}
		expectRun(t, msgs, test.from, test.to)
	}
	msgs, at, err := h.Latest(t.Context(), room, 7)
	if err != nil || at != end {
		t.Fatalf("got %+v, %v, want %+v", at, err, end)
	}
	expectRun(t, msgs, n-6, n)
}

func testNoHistory(t *testing.T, rdb redis.UniversalClient) {
	h := fanout.NewHistory(rdb)
	msgs, epoch, last, complete, err := h.Since(t.Context(), redistest.Room(), "e", 5, 10)
	if len(msgs) != 0 || epoch != "" || last != 0 || complete || err != nil {
		t.Fatalf("got %v, %q, %d, %v, %v", msgs, epoch, last, complete, err)
	}
	msgs, at, err := h.Latest(t.Context(), redistest.Room(), 10)
	if len(msgs) != 0 || at != (fanout.Position{}) || err != nil {
		t.Fatalf("got %v, %+v, %v", msgs, at, err)
	}
}
