package fanout_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
)

func hide(t *testing.T, rdb redis.UniversalClient, room live.RoomID, texts ...string) {
	t.Helper()
	script := redis.NewScript(`
		local e, s = unpack(redis.call('HMGET', KEYS[1], 'e', 's'))
		local last = s + ARGV[1]
		redis.call('XADD', KEYS[2], last .. '-0', 'b', 'S ' .. e .. ' ' .. (s + 1) .. ' ' .. ARGV[1] .. '\n' .. ARGV[2])
		return redis.call('HSET', KEYS[1], 's', last)`)
	body := texts[0]
	for _, text := range texts[1:] {
		body += "\n" + text
	}
	if err := script.Run(t.Context(), rdb, []string{roomstate.LogKey(room), roomstate.HistoryKey(room)}, len(texts), body).Err(); err != nil {
		t.Fatal(err)
	}
}

func testHole(t *testing.T, rdb redis.UniversalClient) {
	room, p, sink := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{}), newRecorder(t)
	s := start(t, rdb, fanout.Config{}, sink)
	subscribe(t, s, room)
	say(t, p, room, "1")
	var want = []string{"1"}
	for i := range 300 {
		text := "hidden " + strconv.Itoa(i)
		hide(t, rdb, room, text, text+"b")
		want = append(want, text, text+"b")
	}
	say(t, p, room, "2", "3")
	sink.await(room, append(want, "2", "3")...)
	if stats := s.Stats(); stats.Repaired < 600 || stats.Lost != 0 {
		t.Fatalf("got %+v", stats)
	}
	say(t, p, room, "4")
	sink.await(room, append(want, "2", "3", "4")...)
}

func testRepairBeforeOthers(t *testing.T, rdb redis.UniversalClient) {
	room, p, sink := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{}), newRecorder(t)
	subscribe(t, start(t, rdb, fanout.Config{}, sink), room)
	hide(t, rdb, room, "1")
	say(t, p, room, "2")
	if err := p.Broadcast(t.Context(), room, []byte("deleted 2")); err != nil {
		t.Fatal(err)
	}
	sink.await(room, "1", "2", "U deleted 2")
}

func testLost(t *testing.T, rdb redis.UniversalClient) {
	room, p, sink := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{}), newRecorder(t)
	s := start(t, rdb, fanout.Config{}, sink)
	subscribe(t, s, room)
	say(t, p, room, "1")
	sink.await(room, "1")
	hide(t, rdb, room, "2", "3")
	if err := rdb.Del(t.Context(), roomstate.HistoryKey(room)).Err(); err != nil {
		t.Fatal(err)
	}
	hide(t, rdb, room, "4")
	say(t, p, room, "5")
	sink.await(room, "1", "lost 2-3", "4", "5")
	if stats := s.Stats(); stats.Lost != 2 {
		t.Fatalf("got %+v", stats)
	}
}

func testAudit(t *testing.T, rdb redis.UniversalClient) {
	room, sink := redistest.Room(), newRecorder(t)
	subscribe(t, start(t, rdb, fanout.Config{Audit: 300 * time.Millisecond}, sink), room)
	hide(t, rdb, room, "1")
	sink.await(room, "1")
	hide(t, rdb, room, "2")
	if err := rdb.Del(t.Context(), roomstate.HistoryKey(room)).Err(); err != nil {
		t.Fatal(err)
	}
	sink.await(room, "1", "lost 2-2")
}

func testFollowEpoch(t *testing.T, rdb redis.UniversalClient) {
	room, p, sink := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{}), newRecorder(t)
	s := start(t, rdb, fanout.Config{}, sink)
	subscribe(t, s, room)
	say(t, p, room, "1", "2")
	sink.await(room, "1", "2")
	if err := rdb.Del(t.Context(), roomstate.LogKey(room), roomstate.HistoryKey(room)).Err(); err != nil {
		t.Fatal(err)
	}
	say(t, p, room, "new 1")
	sink.await(room, "1", "2", "new epoch, lost 1-0", "new 1")
	if err := rdb.Del(t.Context(), roomstate.LogKey(room)).Err(); err != nil {
		t.Fatal(err)
	}
	// The next publisher knows of no epoch, so its own sorts behind those of earlier milliseconds only, and this test can
	// be quicker than one. No Redis loses its data twice in so short a time.
	<-time.After(10 * time.Millisecond)
	say(t, fanout.NewPublisher(rdb, fanout.PublisherConfig{}), room, "newer 1", "newer 2")
	sink.await(room, "1", "2", "new epoch, lost 1-0", "new 1", "new epoch, lost 1-0", "newer 1", "newer 2")
}

func testFollowRollback(t *testing.T, rdb redis.UniversalClient) {
	room, p, sink := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{}), newRecorder(t)
	subscribe(t, start(t, rdb, fanout.Config{}, sink), room)
	say(t, p, room, "1", "2")
	say(t, p, room, "3")
	sink.await(room, "1", "2", "3")
	if err := rdb.HSet(t.Context(), roomstate.LogKey(room), "s", 2).Err(); err != nil {
		t.Fatal(err)
	}
	if err := rdb.Del(t.Context(), roomstate.HistoryKey(room)).Err(); err != nil {
		t.Fatal(err)
	}
	// This publisher doesn't know that there was another third message.
	other := fanout.NewPublisher(rdb, fanout.PublisherConfig{})
	say(t, other, room, "another 3")
	sink.await(room, "1", "2", "3", "new epoch, lost 1-0")
	say(t, other, room, "new 1")
	sink.await(room, "1", "2", "3", "new epoch, lost 1-0", "new 1")
}

func testTellsPublisher(t *testing.T, rdb redis.UniversalClient) {
	room, sink := redistest.Room(), newRecorder(t)
	own, other := fanout.NewPublisher(rdb, fanout.PublisherConfig{}), fanout.NewPublisher(rdb, fanout.PublisherConfig{})
	subscribe(t, start(t, rdb, fanout.Config{Publisher: own}, sink), room)
	at := say(t, other, room, "1", "2", "3")
	sink.await(room, "1", "2", "3")
	if err := rdb.HSet(t.Context(), roomstate.LogKey(room), "s", 1).Err(); err != nil {
		t.Fatal(err)
	}
	if got := say(t, own, room, "new 1"); got.Seq != 1 || got.Epoch <= at.Epoch {
		t.Fatalf("got %+v after %+v", got, at)
	}
	sink.await(room, "1", "2", "3", "new epoch, lost 1-0", "new 1")
}
