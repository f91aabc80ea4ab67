package intake

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate/embedded"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
	"github.com/barrage-live/barrage/shared/stream"
)

// TestBurstKeepsOrder sends 10,000 messages of 50 senders into four rooms as fast as it can.
func TestBurstKeepsOrder(t *testing.T) {
	onServers(t, func(t *testing.T, s servers) {
		in := s.start(t, nil)
		const senders, each = 50, 200
		rooms := []live.RoomID{s.room, redistest.Room(), redistest.Room(), redistest.Room()}
		var r replies
		done := make(chan struct{})
		for sender := range senders {
			go func() {
				defer func() { done <- struct{}{} }()
				who, room := user(live.UserID(sender+1)), rooms[sender%len(rooms)]
				for n := range each {
					in.Submit(who, room, danmu(fmt.Sprintf("%d-%d", sender, n), fmt.Sprint(n)), r.expect())
				}
			}()
		}
		for range senders {
			<-done
		}
		for _, got := range r.wait(t) {
			if got.Err != nil || !got.Shown {
				t.Fatalf("got %+v", got)
			}
		}
		for i, room := range rooms {
			s.room = room
			want := 0
			for sender := i; sender < senders; sender += len(rooms) {
				want += each
			}
			shown, stored := s.history(t), s.stored(t)
			if len(shown) != want || len(stored) != want {
				t.Fatalf("got %d shown and %d stored, want %d", len(shown), len(stored), want)
			}
			next := make(map[live.UserID]int)
			for j := range shown {
				if shown[j].Seq != live.Seq(j+1) || stored[j].Seq != shown[j].Seq || stored[j].ID != shown[j].ID {
					t.Fatalf("place %d: got seq %d in Redis, seq %d in Kafka", j, shown[j].Seq, stored[j].Seq)
				}
				if m := shown[j]; m.Content != fmt.Sprint(next[m.UserID]) {
					t.Fatalf("user %d: got %s, want %d", m.UserID, m.Content, next[m.UserID])
				}
				next[shown[j].UserID]++
			}
		}
	})
}

// TestRetryBehindItsAckIsNotStoredAgain sends everything twice, each time as soon as the ack is there, from many at once.
func TestRetryBehindItsAckIsNotStoredAgain(t *testing.T) {
	onServers(t, func(t *testing.T, s servers) {
		in := s.start(t, nil)
		const senders, each = 20, 20
		var all sync.WaitGroup
		for sender := range senders {
			all.Go(func() {
				for n := range each {
					msg := danmu(fmt.Sprintf("%d-%d", sender, n), "x")
					first := post(t, in, user(live.UserID(sender+1)), s.room, msg)
					if again := post(t, in, user(live.UserID(sender+1)), s.room, msg); again != first || first.Err != nil {
						t.Errorf("got %+v, then %+v", first, again)
					}
				}
			})
		}
		all.Wait()
		if got := len(s.stored(t)); got != senders*each {
			t.Errorf("got %d records, want %d", got, senders*each)
		}
	})
}

func TestRedisDies(t *testing.T) {
	addr, stop, err := embedded.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	s := servers{redistest.Client(t, addr), []string{startKafka(t).Addr()}, redistest.Room()}
	in := s.start(t, func(c *Config, _ *fanout.PublisherConfig) { c.RedisTimeout = 300 * time.Millisecond })
	if got := post(t, in, user(1), s.room, danmu("before", "x")); got.Err != nil {
		t.Fatal(got.Err)
	}
	stop()
	start := time.Now()
	var r replies
	for i := range 20 {
		in.Submit(user(1), s.room, danmu(fmt.Sprint("d", i), "x"), r.expect())
		in.Submit(user(1), s.room, like(fmt.Sprint("l", i), 1), r.expect())
	}
	for _, got := range r.wait(t) {
		if code(got) != CodeUnavailable {
			t.Errorf("got %+v, want unavailable", got)
		}
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("got the replies after %v, want them quickly", took)
	}
	if got := s.stored(t); len(got) != 1 {
		t.Errorf("got %d records, want what was acked", len(got))
	}
}

// TestRedisComesBack proves that a message whose fate was unknown is neither lost nor doubled when it is sent again.
func TestRedisComesBack(t *testing.T) {
	if !redistest.Installed() {
		t.Log("redis-server is not installed: nothing to kill")
		return
	}
	server := redistest.StartServer(t)
	s := servers{redistest.Client(t, server.Addr), []string{startKafka(t).Addr()}, redistest.Room()}
	in := s.start(t, func(c *Config, _ *fanout.PublisherConfig) { c.RedisTimeout = time.Second })
	if err := s.rdb.Do(t.Context(), "CLIENT", "PAUSE", "1500").Err(); err != nil { // longer than RedisTimeout
		t.Fatal(err)
	}
	if got := post(t, in, user(1), s.room, danmu("m", "x")); code(got) != CodeUnavailable {
		t.Fatalf("got %+v, want unavailable", got)
	}
	var got Reply
	for got = post(t, in, user(1), s.room, danmu("m", "x")); got.Err != nil; got = post(t, in, user(1), s.room, danmu("m", "x")) {
		if code(got) != CodeUnavailable {
			t.Fatal(got.Err)
		}
	}
	if shown := s.history(t); len(shown) != 1 || got.Seq != 1 {
		t.Errorf("got seq %d and %d messages, want one", got.Seq, len(shown))
	}
	if stored := s.stored(t); len(stored) == 0 || slices.ContainsFunc(stored, func(m live.Message) bool { return m.ID != "m" || m.Seq != 1 }) {
		t.Errorf("got records %+v", stored)
	}
}

func TestKafkaDies(t *testing.T) {
	broker := startKafka(t)
	s := servers{redistest.Embedded(t), []string{broker.Addr()}, redistest.Room()}
	in := s.start(t, func(c *Config, _ *fanout.PublisherConfig) {
		c.PersistTimeout = 500 * time.Millisecond
		c.Kafka = s.dial(t, stream.Config{DeliveryTimeout: time.Second})
	})
	if got := post(t, in, user(1), s.room, danmu("before", "x")); got.Err != nil {
		t.Fatal(got.Err)
	}
	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	var r replies
	for i := range 20 {
		in.Submit(user(1), s.room, danmu(fmt.Sprint(i), "x"), r.expect())
	}
	for _, got := range r.wait(t) {
		if code(got) != CodeNotPersisted {
			t.Errorf("got %+v, want not_persisted", got)
		}
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("got the replies after %v, want them after 500ms", took)
	}
	if got := s.history(t); len(got) != 21 {
		t.Errorf("got %d shown, want all 21: the room goes on without Kafka", len(got))
	}
}

func TestKafkaBufferIsFull(t *testing.T) {
	broker := startKafka(t)
	s := servers{redistest.Embedded(t), []string{broker.Addr()}, redistest.Room()}
	in := s.start(t, func(c *Config, _ *fanout.PublisherConfig) {
		c.PersistTimeout = time.Hour
		c.Kafka = s.dial(t, stream.Config{DeliveryTimeout: 2 * time.Second, MaxBufferedBytes: 4 << 10})
	})
	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}
	var r replies
	for i := range 100 {
		in.Submit(user(1), s.room, danmu(fmt.Sprint(i), "x"), r.expect())
	}
	for _, got := range r.wait(t) {
		if code(got) != CodeNotPersisted {
			t.Errorf("got %+v, want not_persisted", got)
		}
	}
}
