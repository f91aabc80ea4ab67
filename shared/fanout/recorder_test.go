package fanout_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
)

// recorder is a sink that keeps what it gets, and checks what every sink is promised.
type recorder struct {
	t     testing.TB
	block chan struct{} // not nil: Messages waits until it is closed

	mu     sync.Mutex
	change sync.Cond
	rooms  map[live.RoomID]*record
}

// record is what one room got, in order: "7" is a message by its payload, "lost 3-5", "A 7 {}", "U {}", "C {}".
type record struct {
	busy   sync.Mutex
	at     fanout.Position
	events []string
	traces []fanout.Trace
}

func newRecorder(t testing.TB) *recorder {
	r := &recorder{t: t, rooms: make(map[live.RoomID]*record)}
	r.change.L = &r.mu
	return r
}

func (r *recorder) record(room live.RoomID, add func(*record)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rooms[room] == nil {
		r.rooms[room] = &record{}
	}
	rec := r.rooms[room]
	if !rec.busy.TryLock() {
		r.t.Errorf("room %d: sink called concurrently", room)
		return
	}
	if r.block != nil {
		r.mu.Unlock()
		<-r.block
		r.mu.Lock()
	}
	add(rec)
	rec.busy.Unlock()
	r.change.Broadcast()
}

func (r *recorder) Messages(room live.RoomID, epoch live.Epoch, first live.Seq, payloads [][]byte, traces []fanout.Trace) {
	r.record(room, func(rec *record) {
		if rec.at.Epoch != "" && (rec.at.Epoch != epoch || rec.at.Seq+1 != first) {
			r.t.Errorf("room %d: got %s:%d after %s:%d", room, epoch, first, rec.at.Epoch, rec.at.Seq)
		}
		rec.at = fanout.Position{Epoch: epoch, Seq: first + live.Seq(len(payloads)) - 1}
		rec.traces = append(rec.traces, traces...)
		for _, payload := range payloads {
			rec.events = append(rec.events, string(payload))
		}
	})
}

func (r *recorder) Addressed(room live.RoomID, user live.UserID, payload []byte) {
	r.record(room, func(rec *record) { rec.events = append(rec.events, fmt.Sprintf("A %d %s", user, payload)) })
}

func (r *recorder) Unsequenced(room live.RoomID, payload []byte) {
	r.record(room, func(rec *record) { rec.events = append(rec.events, "U "+string(payload)) })
}

func (r *recorder) Command(room live.RoomID, payload []byte) {
	r.record(room, func(rec *record) { rec.events = append(rec.events, "C "+string(payload)) })
}

func (r *recorder) Lost(room live.RoomID, from, to live.Seq, epoch live.Epoch) {
	r.record(room, func(rec *record) {
		text := fmt.Sprintf("lost %d-%d", from, to)
		if rec.at.Epoch != epoch {
			text = fmt.Sprintf("new epoch, lost %d-%d", from, to)
		}
		rec.at = fanout.Position{Epoch: epoch, Seq: to}
		rec.events = append(rec.events, text)
	})
}

// await waits until the room's events are these.
func (r *recorder) await(room live.RoomID, want ...string) {
	r.t.Helper()
	got := r.until(room, func(rec *record) bool { return len(rec.events) >= len(want) })
	if fmt.Sprint(got) != fmt.Sprint(want) {
		r.t.Fatalf("room %d: got %q, want %q", room, got, want)
	}
}

// until waits for the room to be as asked, and returns its events.
func (r *recorder) until(room live.RoomID, done func(*record) bool) []string {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.change.Broadcast()
	})()
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		rec := r.rooms[room]
		if rec != nil && done(rec) {
			return append([]string(nil), rec.events...)
		}
		if ctx.Err() != nil {
			r.t.Fatalf("room %d: waited too long, got %d events, the last of %q", room, count(rec), last(rec))
		}
		r.change.Wait()
	}
}

func count(rec *record) int {
	if rec == nil {
		return 0
	}
	return len(rec.events)
}

func last(rec *record) []string {
	if rec == nil {
		return nil
	}
	return rec.events[max(0, len(rec.events)-5):]
}

// start runs a subscriber until the test ends.
func start(t testing.TB, rdb redis.UniversalClient, c fanout.Config, sink fanout.Sink) *fanout.Subscriber {
	t.Helper()
	s := fanout.NewSubscriber(rdb, c, sink)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return s
}

func subscribe(t testing.TB, s *fanout.Subscriber, room live.RoomID) fanout.Position {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	at, err := s.Subscribe(ctx, room)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// say publishes the texts as one batch.
func say(t testing.TB, p *fanout.Publisher, room live.RoomID, texts ...string) fanout.Position {
	t.Helper()
	var batch []fanout.Item
	for _, text := range texts {
		batch = append(batch, fanout.Item{Class: live.ClassGift, Payload: []byte(text)})
	}
	outcomes, err := p.Publish(context.Background(), room, batch)
	if err != nil {
		t.Fatal(err)
	}
	end := outcomes[len(outcomes)-1]
	return fanout.Position{Epoch: end.Epoch, Seq: end.Seq}
}
