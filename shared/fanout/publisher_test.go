package fanout_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPublisher(t *testing.T) {
	redistest.Suite(t, func(t *testing.T, rdb redis.UniversalClient) {
		for _, test := range []struct {
			name string
			run  func(*testing.T, redis.UniversalClient)
		}{
			{"gives seqs without holes", testSeqs},
			{"knows ids again", testDuplicates},
			{"knows ids repeated in one call", testRepeatsInCall},
			{"forgets ids after two windows", testDedupeWindows},
			{"sheds by display budget", testDisplayBudget},
			{"sheds nothing but danmu and likes", testSheddingClasses},
			{"tells whether a duplicate is in Kafka", testPersisted},
			{"never calls a failed batch persisted", testNotPersisted},
			{"begins an epoch when data was lost", testNewEpoch},
			{"notices that Redis went back", testRollback},
			{"takes many items in one call", testManyItems},
			{"remembers marks without showing them", testMarks},
			{"refuses what would break the envelope", testBadItems},
			{"keeps senders' rates", testRates},
			{"counts from when messages came in", testAges},
			{"bounds what it keeps", testBounds},
			{"lets an ended room go", testRetire},
		} {
			t.Run(test.name, func(t *testing.T) { test.run(t, rdb) })
		}
	})
}

func item(sender, id string) fanout.Item {
	return fanout.Item{Sender: sender, ID: id, Class: live.ClassDanmu, Payload: []byte(`{"id":"` + id + `"}`)}
}

func items(sender string, from, to int) []fanout.Item {
	var all []fanout.Item
	for i := from; i < to; i++ {
		all = append(all, item(sender, strconv.Itoa(i)))
	}
	return all
}

func publish(t *testing.T, p *fanout.Publisher, room live.RoomID, items ...fanout.Item) []fanout.Outcome {
	t.Helper()
	outcomes, err := p.Publish(t.Context(), room, items)
	if err != nil {
		t.Fatal(err)
	}
	if len(outcomes) != len(items) {
		t.Fatalf("got %d outcomes for %d items", len(outcomes), len(items))
	}
	return outcomes
}

// brief writes outcomes as seq, then d for a duplicate, p for persisted, x for not shown.
func brief(outcomes []fanout.Outcome) string {
	var b []string
	for _, o := range outcomes {
		text := strconv.FormatInt(int64(o.Seq), 10)
		if o.Duplicate {
			text += "d"
		}
		if o.Persisted {
			text += "p"
		}
		if !o.Shown {
			text += "x"
		}
		b = append(b, text)
	}
	return strings.Join(b, " ")
}

func expect(t *testing.T, outcomes []fanout.Outcome, want string) {
	t.Helper()
	if got := brief(outcomes); got != want {
		t.Fatalf("got outcomes %q, want %q", got, want)
	}
}

func testSeqs(t *testing.T, rdb redis.UniversalClient) {
	room, p := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{})
	expect(t, publish(t, p, room, item("u1", "a")), "1")
	got := publish(t, p, room, items("u1", 0, 3)...)
	expect(t, got, "2 3 4")
	if got[0].Epoch == "" || got[0].Epoch != got[2].Epoch || got[0].Batch == 0 {
		t.Fatalf("got %+v", got)
	}
	other := fanout.NewPublisher(rdb, fanout.PublisherConfig{})
	more := publish(t, other, room, item("", ""), item("", ""))
	expect(t, more, "5 6")
	if more[0].Epoch != got[0].Epoch {
		t.Fatalf("got epoch %q, want %q", more[0].Epoch, got[0].Epoch)
	}
	if none := publish(t, p, room); len(none) != 0 {
		t.Fatalf("got %v", none)
	}
}

// shiftWindow makes the room believe that its present dedupe window began n windows ago.
func testDisplayBudget(t *testing.T, rdb redis.UniversalClient) {
	room, p := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{DisplayRate: 1000})
	rate := 4
	q := fanout.NewPublisher(rdb, fanout.PublisherConfig{DisplayRate: 1, RoomRate: func(live.RoomID) int { return rate }})
	got := publish(t, q, room, items("u1", 0, 6)...)
	expect(t, got, "1 2 3 4 0x 0x")
	again := publish(t, q, room, item("u1", "5"), item("u1", "0"))
	expect(t, again, "0dx 1d")
	rate = 0
	expect(t, publish(t, q, redistest.Room(), items("u1", 0, 3)...), "1 0x 0x")
	expect(t, publish(t, p, redistest.Room(), items("u1", 0, 3)...), "1 2 3")
	redistest.Await(t, "the budget to fill up", func(ctx context.Context) error {
		got, err := p.Publish(ctx, room, []fanout.Item{{Class: live.ClassLike, Payload: []byte("{}")}})
		if err == nil && !got[0].Shown {
			err = fmt.Errorf("shed")
		}
		return err
	})
}

func testSheddingClasses(t *testing.T, rdb redis.UniversalClient) {
	room, p := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{DisplayRate: 1})
	batch := []fanout.Item{item("u", "1"), item("u", "2"), item("u", "3"), item("u", "4"), item("u", "5"), item("u", "6")}
	batch[1].Class, batch[2].Class, batch[3].Class = live.ClassLike, live.ClassGift, live.ClassControl
	batch[0].TraceParent, batch[1].TraceParent, batch[3].TraceParent = "t0", "t1", "t3"
	expect(t, publish(t, p, room, batch...), "1 0x 2 3 0x 0x")
	entries, err := rdb.XRange(t.Context(), roomstate.HistoryKey(room), "-", "+").Result()
	if err != nil || len(entries) != 1 {
		t.Fatalf("got %d entries, %v", len(entries), err)
	}
	_, rest, _ := strings.Cut(entries[0].Values["b"].(string)[2:], " ")
	if want := "1 3 0=t0,2=t3\n{\"id\":\"1\"}\n{\"id\":\"3\"}\n{\"id\":\"4\"}"; rest != want || entries[0].ID != "3-0" {
		t.Fatalf("got entry %s %q, want %q", entries[0].ID, rest, want)
	}
}

func testNewEpoch(t *testing.T, rdb redis.UniversalClient) {
	room, p := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{})
	old := publish(t, p, room, items("u1", 0, 5)...)
	if err := rdb.Del(t.Context(), roomstate.LogKey(room)).Err(); err != nil {
		t.Fatal(err)
	}
	got := publish(t, p, room, item("u1", "new"))
	expect(t, got, "1")
	if got[0].Epoch <= old[0].Epoch {
		t.Fatalf("got epoch %q after %q", got[0].Epoch, old[0].Epoch)
	}
	msgs, at, err := fanout.NewHistory(rdb).Latest(t.Context(), room, 10)
	if err != nil || len(msgs) != 1 || at != (fanout.Position{Epoch: got[0].Epoch, Seq: 1}) {
		t.Fatalf("got %d messages at %+v, %v", len(msgs), at, err)
	}
	expect(t, publish(t, p, room, item("u1", "2")), "3d") // an id outlives its epoch
}

func testRollback(t *testing.T, rdb redis.UniversalClient) {
	room, p := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{})
	old := publish(t, p, room, items("u1", 0, 5)...)
	// As after a failover to a replica that was two messages behind.
	if err := rdb.HSet(t.Context(), roomstate.LogKey(room), "s", 3).Err(); err != nil {
		t.Fatal(err)
	}
	got := publish(t, p, room, item("u1", "new"))
	expect(t, got, "1")
	if got[0].Epoch <= old[0].Epoch {
		t.Fatalf("got epoch %q after %q", got[0].Epoch, old[0].Epoch)
	}
	// As after a restart from an old snapshot.
	if err := rdb.HSet(t.Context(), roomstate.LogKey(room), "e", string(old[0].Epoch), "s", 99).Err(); err != nil {
		t.Fatal(err)
	}
	if third := publish(t, p, room, item("u1", "newer")); third[0].Seq != 1 || third[0].Epoch <= got[0].Epoch {
		t.Fatalf("got %+v", third)
	}
}

func testManyItems(t *testing.T, rdb redis.UniversalClient) {
	room, p := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{})
	publish(t, p, room, items("u1", 0, 10)...)
	got := publish(t, p, room, items("u1", 5, 900)...)
	for i, o := range got {
		if o.Seq != live.Seq(i+6) || o.Duplicate != (i < 5) || o.Batch != got[0].Batch {
			t.Fatalf("item %d: got %+v", i, o)
		}
	}
	big := items("u2", 0, 12)
	for i := range big {
		big[i].Payload = []byte(`"` + strings.Repeat("x", 60_000) + `"`)
	}
	if got := publish(t, p, room, big...); got[11].Seq != got[0].Seq+11 {
		t.Fatalf("got %+v", got)
	}
}

func testBadItems(t *testing.T, rdb redis.UniversalClient) {
	room, p := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{})
	for name, bad := range map[string]fanout.Item{
		"no payload":      {ID: "a"},
		"two lines":       {ID: "a", Payload: []byte("{\n}")},
		"too big":         {ID: "a", Payload: make([]byte, 64<<10+1)},
		"bad traceparent": {ID: "a", Payload: []byte("{}"), TraceParent: "a,1=b"},
	} {
		if _, err := p.Publish(t.Context(), room, []fanout.Item{item("u", "ok"), bad}); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	expect(t, publish(t, p, room, item("u", "ok")), "1")
}

func testBounds(t *testing.T, rdb redis.UniversalClient) {
	room, p := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{History: 500})
	for i := range 40 {
		publish(t, p, room, items("u1", i*100, i*100+100)...)
	}
	msgs, _, err := fanout.NewHistory(rdb).Latest(t.Context(), room, 5000)
	// Redis trims by whole nodes of the stream.
	if err != nil || len(msgs) < 500 || len(msgs) > 1500 {
		t.Fatalf("got %d messages kept, %v; want about 500", len(msgs), err)
	}
	even, odd := roomstate.SeenKeys(room)
	for _, key := range []string{roomstate.LogKey(room), roomstate.HistoryKey(room), even, odd} {
		exists, err := rdb.Exists(t.Context(), key).Result()
		ttl, ttlErr := rdb.TTL(t.Context(), key).Result()
		if err != nil || ttlErr != nil || exists == 1 && ttl <= 0 {
			t.Errorf("key %s: got time to live %v, %v, %v", key, ttl, err, ttlErr)
		}
	}
}

func testRetire(t *testing.T, rdb redis.UniversalClient) {
	room, p := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{})
	ttl := func() float64 {
		d, err := rdb.TTL(t.Context(), roomstate.HistoryKey(room)).Result()
		if err != nil {
			t.Fatal(err)
		}
		return d.Minutes()
	}
	publish(t, p, room, item("u1", "a"))
	if got := ttl(); got < 50 {
		t.Fatalf("got %v minutes to live", got)
	}
	if err := p.Retire(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	if got := ttl(); got > 10 {
		t.Fatalf("got %v minutes to live after the end", got)
	}
	expect(t, publish(t, p, room, item("u1", "b")), "2")
	if got := ttl(); got < 50 {
		t.Fatalf("got %v minutes to live after a new beginning", got)
	}
}
