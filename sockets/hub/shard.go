package hub

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/barrage-live/barrage/shared/wire"
)

type opKind uint8

const (
	opStart opKind = iota
	opSend
	opFrame
	opClose
	opGoodbye
	opGone
	opWritable
	opPartial
	opExpire
	opCloseRoom
	opList
)

// op is one thing to do for a shard's goroutine.
type op struct {
	kind     opKind
	code     wire.CloseCode
	second   uint32
	m        *Member
	room     *Room
	payload  []byte
	payloads [][]byte
	reason   string
	err      error
	list     chan<- []*Member // buffered
}

// shard is a share of the connections and the one goroutine that writes to them. Others hand it ops and dirty rooms.
type shard struct {
	hub   *Hub
	index int
	clock atomic.Uint32 // Hub.seconds, brought up to date by every step
	wake  chan struct{} // holds one token when there are ops or dirty rooms

	mu      sync.Mutex
	inbox   []op // bounded by Config.PrivateBytes a member and a few control ops
	rooms   []*Room
	stopped bool

	// What follows belongs to the goroutine.
	ops     []op               // the other half of inbox
	dirty   []*Room            // the other half of rooms
	viewers map[*Room]*viewers // of rooms with members in this shard
	private []*Member          // with private frames to flush
	wheel   wheel
	view    view
	bufs    [][]byte
	buffers [][]byte // free ones for Member.out
	pace    pace
	moves   int // members that left the lists so far
	joined  uint32
	flushed Flush // since the last report
}

// viewers are the members of one room in one shard.
type viewers struct {
	members []*Member
}

func newShard(h *Hub) *shard {
	s := &shard{hub: h, index: len(h.shards), wake: make(chan struct{}, 1), viewers: map[*Room]*viewers{}}
	s.pace.budget = h.config.FlushBudget
	s.clock.Store(1)
	return s
}

func (s *shard) post(o op) {
	s.mu.Lock()
	stopped := s.stopped
	if !stopped {
		s.inbox = append(s.inbox, o)
	}
	s.mu.Unlock()
	if !stopped {
		s.signal()
		return
	}
	s.refuse(o)
}

// refuse answers an op that came after the end.
func (s *shard) refuse(o op) {
	switch o.kind {
	case opStart, opClose, opGoodbye, opGone:
		o.m.abandon()
	case opList:
		o.list <- nil
	}
}

func (s *shard) markDirty(r *Room) {
	s.mu.Lock()
	s.rooms = append(s.rooms, r)
	s.mu.Unlock()
	s.signal()
}

func (s *shard) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run is the shard's goroutine.
func (s *shard) run(ctx context.Context) {
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	for {
		next := s.step(time.Now())
		timer.Reset(next)
		select {
		case <-s.wake:
		case <-timer.C:
		case <-ctx.Done():
			s.stop()
			return
		}
	}
}

// step does what is due and returns how long nothing will be, unless somebody signals.
func (s *shard) step(now time.Time) time.Duration {
	second := s.hub.seconds(now)
	s.clock.Store(second)
	s.takeOps()
	s.turn(second)
	s.flushPrivate()
	s.report(0)
	s.takeDirty()
	wait := s.hub.start.Add(time.Duration(second) * time.Second).Sub(now)
	if len(s.dirty) > 0 {
		if early := s.pace.until(now); early > 0 {
			return min(early, wait)
		}
		s.round(now)
	}
	return wait
}

// takeOps applies what others asked for; what it has to send waits for flushPrivate.
func (s *shard) takeOps() {
	s.mu.Lock()
	s.inbox, s.ops = s.ops[:0], s.inbox
	s.mu.Unlock()
	for i := range s.ops {
		s.apply(&s.ops[i])
	}
	clear(s.ops)
	if cap(s.ops) > 4096 { // after a burst
		s.ops = nil
	}
}

// later puts m on the list of flushPrivate.
func (s *shard) later(m *Member) {
	if m.flags&queued == 0 {
		m.flags |= queued
		s.private = append(s.private, m)
	}
}

func (s *shard) flushPrivate() {
	for i := 0; i < len(s.private); i++ {
		m := s.private[i]
		m.flags &^= queued
		s.private[i] = nil
		if m.state.Load() != stateReleased {
			m.room.look(&s.view)
			s.flush(m)
		}
	}
	s.private = s.private[:0]
}

func (s *shard) takeDirty() {
	s.mu.Lock()
	s.dirty = append(s.dirty, s.rooms...)
	clear(s.rooms)
	s.rooms = s.rooms[:0]
	s.mu.Unlock()
}

func (s *shard) apply(o *op) {
	m := o.m
	if m != nil && m.state.Load() == stateReleased {
		return
	}
	switch o.kind {
	case opStart:
		s.admit(m, o.payload, o.payloads)
	case opSend:
		size := wire.MaxFrameHeader + len(o.payload)
		m.inbox.Add(int32(-size))
		if s.fits(m, size) {
			m.out = wire.AppendTextFrame(m.out, o.payload)
		}
	case opFrame:
		m.inbox.Add(int32(-len(o.payload)))
		if s.fits(m, len(o.payload)) {
			m.out = append(m.out, o.payload...)
		}
	case opClose:
		s.beginClose(m, o.code, o.reason)
	case opGoodbye:
		if m.flags |= goodbye | noLog; m.code == 0 {
			m.flags |= clientFirst
		}
		s.beginClose(m, o.code, "")
	case opGone:
		s.release(m, o.err)
	case opWritable:
		m.stuck = 0
		s.later(m)
	case opPartial:
		s.wheel.move(m, s.due(m))
	case opExpire:
		m.expires = o.second
		s.wheel.move(m, s.due(m))
	case opCloseRoom:
		s.closeRoom(o)
	case opList:
		o.list <- s.all()
	}
}

// list returns the shard's members by asking its goroutine.
func (s *shard) list(ctx context.Context) ([]*Member, error) {
	answer := make(chan []*Member, 1)
	s.post(op{kind: opList, list: answer})
	select {
	case members := <-answer:
		return members, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *shard) all() []*Member {
	var members []*Member
	for _, v := range s.viewers {
		members = append(members, v.members...)
	}
	return members
}
