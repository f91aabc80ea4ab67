package hub

import (
	"github.com/barrage-live/barrage/shared/wire"
)

// admit starts a member: what came with Start goes before the private messages sent since Join.
func (s *shard) admit(m *Member, answer []byte, payloads [][]byte) {
	if m.flags&started != 0 {
		return
	}
	m.flags |= started
	early := m.out
	m.out = nil
	if len(answer) > 0 || len(payloads) > 0 || len(early) > 0 {
		s.buffer(m)
	}
	m.out = append(m.out, answer...)
	for _, payload := range payloads {
		m.out = wire.AppendTextFrame(m.out, payload)
	}
	m.out = append(m.out, early...)
	m.granted = int32(len(m.out))

	in := s.viewers[m.room]
	if in == nil {
		in = &viewers{}
		s.viewers[m.room] = in
	}
	m.index = int32(len(in.members))
	in.members = append(in.members, m)

	second := s.clock.Load()
	m.heard.Store(second)
	m.ping = second + s.firstPing()
	s.wheel.move(m, s.due(m))
	s.later(m)
}

// fits says whether m may get size more private bytes, and closes it if not.
func (s *shard) fits(m *Member, size int) bool {
	if m.closing != nil || m.flags&lastFrame != 0 {
		return false
	}
	if (m.stuck != 0 || m.flags&started == 0) && len(m.out)+size > s.limit(m) {
		s.closeSlow(m)
		return false
	}
	s.buffer(m)
	s.later(m)
	return true
}

// limit is how much may wait for m; what came with Start is not counted.
func (s *shard) limit(m *Member) int { return s.hub.config.PrivateBytes + int(m.granted) }

// closeSlow ends a member that takes less than it must get.
func (s *shard) closeSlow(m *Member) {
	m.state.CompareAndSwap(stateOpen, stateClosing)
	m.flags |= noLog
	s.beginClose(m, wire.CloseTooSlow, "too slow")
}

// closeDead ends a member whose client is silent, or stuck in the middle of a frame: nobody will answer.
func (s *shard) closeDead(m *Member) {
	m.state.CompareAndSwap(stateOpen, stateClosing)
	m.flags |= noLog
	s.beginClose(m, wire.CloseGoingAway, "silent")
}

func (s *shard) closeExpired(m *Member) {
	m.state.CompareAndSwap(stateOpen, stateClosing)
	s.beginClose(m, wire.CloseTokenExpired, "token expired")
}

func (s *shard) sendPing(m *Member) {
	if s.fits(m, wire.MaxFrameHeader) {
		m.out = wire.AppendPing(m.out)
	}
}

// firstPing spreads the pings of those who came together over half a period, by neighbours: what the kernel and we hold of
// connections that came one after another lies side by side, and most of a ping's price is memory that nobody has touched
// since the last one.
func (s *shard) firstPing() uint32 {
	every := s.hub.deadline(0, s.hub.config.PingEvery)
	s.joined++
	return max(1, every-s.joined/neighbours%(every/2+1))
}

const neighbours = 256

// beginClose puts the close frame behind what m still gets.
func (s *shard) beginClose(m *Member, code wire.CloseCode, reason string) {
	s.later(m)
	if m.code != 0 {
		return
	}
	m.code = code
	m.closing = wire.AppendClose(nil, code, reason)
	m.closeBy = s.hub.deadline(s.clock.Load(), s.hub.config.CloseTimeout)
	s.wheel.move(m, s.due(m))
}

func (s *shard) closeRoom(o *op) {
	in := s.viewers[o.room]
	if in == nil {
		return
	}
	for _, m := range in.members {
		if m.state.CompareAndSwap(stateOpen, stateClosing) {
			s.beginClose(m, o.code, o.reason)
		}
	}
}

// release takes m out of all lists and gives its connection back. Whoever began the close is named, not the error of
// the socket that followed from it.
func (s *shard) release(m *Member, why error) {
	if m.state.Swap(stateReleased) == stateReleased {
		return
	}
	if m.code != 0 && m.flags&clientFirst == 0 {
		why = &CloseError{Code: m.code}
	}
	s.wheel.remove(m)
	if m.flags&started != 0 {
		s.forget(m)
	}
	s.freeBuffer(m)
	m.closing = nil
	m.room.leave(m)
	s.hub.members.Add(-1)
	m.conn.Release(why)
}

// abandon releases a member of which the shard's goroutine, which has ended, never knew.
func (m *Member) abandon() {
	if m.state.Swap(stateReleased) == stateReleased {
		return
	}
	m.room.leave(m)
	m.shard.hub.members.Add(-1)
	m.conn.Release(ErrClosed)
}

// forget removes m from its room's list by moving the last one to its place.
func (s *shard) forget(m *Member) {
	in := s.viewers[m.room]
	last := len(in.members) - 1
	moved := in.members[last]
	in.members[m.index] = moved
	moved.index = m.index
	in.members[last] = nil
	in.members = in.members[:last]
	s.moves++
	if last == 0 {
		delete(s.viewers, m.room)
	}
}

// stop releases everybody, with a close frame for those who can take one now.
func (s *shard) stop() {
	s.takeOps()
	s.mu.Lock()
	s.stopped = true
	late := s.inbox
	s.inbox = nil
	s.mu.Unlock()
	for i := range late {
		s.apply(&late[i])
	}
	for _, m := range s.all() {
		m.state.CompareAndSwap(stateOpen, stateClosing)
		s.beginClose(m, wire.CloseGoingAway, "going away")
	}
	s.flushPrivate()
	for _, m := range s.all() {
		s.release(m, ErrClosed)
	}
}
