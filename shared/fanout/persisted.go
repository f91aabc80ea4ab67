package fanout

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/barrage-live/barrage/shared/live"
)

// How Redis learns what is in Kafka. A batch has a number, and the ids it brings are stored with the number and the
// origin that gave it. Each call carries the origin's watermark: all of its batches in the room up to that number are
// in Kafka. So a duplicate shows whether the first one is. A batch that didn't get into Kafka must never fall below
// a watermark: its origin is given up for the room, and a new incarnation of it begins with a watermark of its own.

// Bounds of what is remembered of the rooms. Forgetting is safe: a duplicate is then published to Kafka once more.
const (
	maxTracks  = 16_384
	maxPending = 4_096
	trackIdle  = time.Minute
)

// tracker knows the unfinished batches of this process and the highest position it has seen in each room.
type tracker struct {
	mu          sync.Mutex
	rooms       map[live.RoomID]*track
	calls       uint64
	incarnation uint64
}

type track struct {
	incarnation uint64
	watermark   uint64
	pending     []pendingBatch // in order of number
	known       Position
	used        time.Time
}

type pendingBatch struct {
	number    uint64
	persisted bool
}

// publishCall is what one Publish call is made with.
type publishCall struct {
	number      uint64 // unique in this process
	batch       uint64 // number, or 0 when nothing has to be persisted
	incarnation uint64
	watermark   uint64
	known       Position
}

func (t *tracker) begin(room live.RoomID, persist bool) publishCall {
	t.mu.Lock()
	defer t.mu.Unlock()
	tr := t.room(room)
	t.calls++
	call := publishCall{number: t.calls, incarnation: tr.incarnation, known: tr.known}
	if !persist {
		return call
	}
	if len(tr.pending) >= maxPending {
		t.renew(tr)
	}
	tr.pending = append(tr.pending, pendingBatch{number: t.calls})
	call.batch, call.incarnation, call.watermark = t.calls, tr.incarnation, tr.watermark
	return call
}

func (t *tracker) room(room live.RoomID) *track {
	now := time.Now()
	tr := t.rooms[room]
	if tr == nil {
		if len(t.rooms) >= maxTracks {
			t.forget(now)
		}
		tr = &track{}
		t.renew(tr)
		t.rooms[room] = tr
	}
	tr.used = now
	return tr
}

// forget drops rooms that were not used for a while, or else any.
func (t *tracker) forget(now time.Time) {
	for id, tr := range t.rooms {
		if now.Sub(tr.used) > trackIdle {
			delete(t.rooms, id)
		}
	}
	for id := range t.rooms {
		if len(t.rooms) < maxTracks {
			return
		}
		delete(t.rooms, id)
	}
}

func (t *tracker) renew(tr *track) {
	t.incarnation++
	tr.incarnation, tr.watermark, tr.pending = t.incarnation, 0, nil
}

// persisted moves the watermark over the batches that are done without a hole.
func (t *tracker) persisted(room live.RoomID, batch uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	tr := t.rooms[room]
	if tr == nil {
		return
	}
	if i, ok := tr.find(batch); ok {
		tr.pending[i].persisted = true
	}
	for len(tr.pending) > 0 && tr.pending[0].persisted {
		tr.watermark = tr.pending[0].number
		tr.pending = tr.pending[1:]
	}
}

func (t *tracker) failed(room live.RoomID, batch uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	tr := t.rooms[room]
	if tr == nil {
		return
	}
	if _, ok := tr.find(batch); ok {
		t.renew(tr)
	}
}

func (tr *track) find(batch uint64) (int, bool) {
	return slices.BinarySearchFunc(tr.pending, batch, func(p pendingBatch, number uint64) int {
		return cmp.Compare(p.number, number)
	})
}

// observe remembers the highest position of the room; epochs sort by age.
func (t *tracker) observe(room live.RoomID, at Position) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := &t.room(room).known
	if at.Epoch > known.Epoch || at.Epoch == known.Epoch && at.Seq > known.Seq {
		*known = at
	}
}

// Persisted says that all of the batch that had to go to Kafka is there.
func (p *Publisher) Persisted(room live.RoomID, batch uint64) { p.tracks.persisted(room, batch) }

// NotPersisted says that the batch didn't get into Kafka: its ids will be reported so when they are sent again.
func (p *Publisher) NotPersisted(room live.RoomID, batch uint64) { p.tracks.failed(room, batch) }
