package hub

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

// Room is one room on this pod: its log, and who is in it. All methods may be called concurrently.
type Room struct {
	ID live.RoomID

	hub   *Hub
	refs  int            // guarded by Hub.mu
	dirty []atomic.Int64 // a shard: Unix ns of the first append that it has not seen, 0 if it has seen all

	packers atomic.Int64 // members that get compressed frames; changed under mu

	mu      sync.Mutex
	log     roomLog
	keep    keepLog
	count   int64                   // members
	named   int64                   // of them with a user
	users   map[live.UserID]*Member // head of the chain of siblings
	present []int                   // members a shard
}

func newRoom(h *Hub, id live.RoomID) *Room {
	return &Room{
		ID: id, hub: h, users: map[live.UserID]*Member{},
		dirty: make([]atomic.Int64, len(h.shards)), present: make([]int, len(h.shards)),
	}
}

// Release undoes one Open. Members that are still in the room keep what they have, but a later Open makes a new one.
func (r *Room) Release() {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	if r.refs--; r.refs == 0 && r.hub.rooms[r.ID] == r {
		delete(r.hub.rooms, r.ID)
	}
}

// Begin tells a fresh room where the sequence stands, before its first message; a room that knows better ignores it.
func (r *Room) Begin(epoch live.Epoch, seq live.Seq) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.log.epoch == "" {
		r.log.epoch, r.log.seq, r.log.baseSeq = epoch, seq, seq
	}
}

// Append adds messages with consecutive seq from first on, each a JSON object without seq. What the room already has
// is left out; where messages are missing, or the epoch is new, viewers are told by a gap.
func (r *Room) Append(epoch live.Epoch, first live.Seq, payloads [][]byte) {
	packed := r.pack(first, payloads...) // takes longer than all else here
	r.mu.Lock()
	now := time.Now()
	r.advance(epoch, first, now)
	for i, payload := range payloads {
		if seq := first + live.Seq(i); seq > r.log.seq {
			r.add(payload, packed.at(i), seq, now)
		}
	}
	r.trim(now)
	r.mu.Unlock()
	r.wake(now)
}

// Lost says that nothing before next will come any more in the epoch; viewers who miss something by it are told.
func (r *Room) Lost(epoch live.Epoch, next live.Seq) {
	r.mu.Lock()
	now := time.Now()
	r.advance(epoch, next, now)
	r.mu.Unlock()
	r.wake(now)
}

// AppendControl adds a message without seq for everybody who is in the room now.
func (r *Room) AppendControl(payload []byte) {
	packed := r.pack(0, payload)
	r.mu.Lock()
	now := time.Now()
	r.add(payload, packed.at(0), 0, now)
	r.trim(now)
	r.mu.Unlock()
	r.wake(now)
}

// advance makes the log ready for next, declaring what is missing before it.
func (r *Room) advance(epoch live.Epoch, next live.Seq, now time.Time) {
	l := &r.log
	switch {
	case l.epoch == "":
		l.epoch, l.seq, l.baseSeq = epoch, next-1, next-1
	case l.epoch != epoch:
		l.epoch, l.epochs, l.epochStart = epoch, l.epochs+1, l.end
		l.seq, l.baseSeq = next-1, next-1
		gap := wire.GapData{FromSeq: 1, ToSeq: next - 1, Epoch: epoch, Reason: wire.GapEpoch}
		r.add(gapMessage(r.ID, gap), nil, 0, now)
	case next > l.seq+1:
		gap := wire.GapData{FromSeq: l.seq + 1, ToSeq: next - 1, Reason: wire.GapLost}
		l.seq, l.baseSeq = next-1, next-1 // nobody recovers across a hole
		r.add(gapMessage(r.ID, gap), nil, 0, now)
	}
}

func (r *Room) add(payload, packed []byte, seq live.Seq, now time.Time) {
	pos := r.log.end
	frame := r.log.append(payload, packed, seq, now.Unix())
	if mustReach(wire.TypeOf(payload)) {
		r.keep.add(kept{pos: pos, at: now.Unix(), frame: frame}, r.hub.config.KeepBytes)
	}
}

// mustReach says which messages a viewer who fell out of the log still gets. A later online count replaces a missed one.
func mustReach(t live.MessageType) bool {
	class := t.Class()
	return t != live.Online && (class == live.ClassGift || class == live.ClassControl)
}

func (r *Room) trim(now time.Time) {
	old := now.Add(-r.hub.config.LogAge).Unix()
	r.log.trim(r.hub.config.LogBytes, old)
	r.keep.forget(old)
}

// wake tells every shard that has viewers of the room.
func (r *Room) wake(since time.Time) {
	for i, s := range r.hub.shards {
		if r.dirty[i].Load() == 0 && r.in(i) && r.dirty[i].CompareAndSwap(0, since.UnixNano()) {
			s.markDirty(r)
		}
	}
}

func (r *Room) in(shard int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.present[shard] > 0
}

// look fills v with the log as it is now.
func (r *Room) look(v *view) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log.look(v)
}

// kept returns the frames at positions from ≤ pos < to that must reach everybody, false when some are gone.
func (r *Room) kept(from, to int64) ([]byte, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keep.between(nil, from, to)
}
