package hub

import "time"

// wheelSlots is a power of two; what is due later than this many seconds is looked at again on the way.
const wheelSlots = 64

// link is a member's place in the wheel.
type link struct {
	prev, next *Member
	slot       int8 // 1 + index of the slot, 0 when in none
}

// wheel keeps every member in the slot of the second at which something may be due for it: no timers, no heap.
type wheel struct {
	slots [wheelSlots]*Member
	at    uint32 // the second that was done last
}

// move puts m into the slot of second.
func (w *wheel) move(m *Member, second uint32) {
	second = min(max(second, w.at+1), w.at+wheelSlots-1)
	slot := int8(second%wheelSlots) + 1
	if m.wheel.slot == slot {
		return
	}
	w.remove(m)
	head := &w.slots[slot-1]
	m.wheel = link{next: *head, slot: slot}
	if *head != nil {
		(*head).wheel.prev = m
	}
	*head = m
}

func (w *wheel) remove(m *Member) {
	l := m.wheel
	if l.slot == 0 {
		return
	}
	if l.prev != nil {
		l.prev.wheel.next = l.next
	} else {
		w.slots[l.slot-1] = l.next
	}
	if l.next != nil {
		l.next.wheel.prev = l.prev
	}
	m.wheel = link{}
}

// turn does what is due up to second.
func (s *shard) turn(second uint32) {
	w := &s.wheel
	if second > w.at+wheelSlots { // the process was stopped for a while
		w.at = second - wheelSlots
	}
	for w.at < second {
		w.at++
		slot := &w.slots[w.at%wheelSlots]
		for m := *slot; m != nil; m = *slot {
			w.remove(m)
			s.check(m, second)
		}
		if s.index == 0 && w.at%8 == 0 {
			s.hub.trim(time.Now())
		}
	}
}

// check does what is due for m and puts it back into the wheel.
func (s *shard) check(m *Member, now uint32) {
	c := &s.hub.config
	partial := m.partial.Load()
	switch {
	case m.closeBy != 0 && now >= m.closeBy:
		s.release(m, ErrClosed)
		return
	case m.closeBy != 0:
	case now >= s.hub.deadline(m.heard.Load(), c.Silence), partial != 0 && now >= s.hub.deadline(partial, c.FrameTimeout):
		s.closeDead(m)
	case m.stuck != 0 && now >= s.hub.deadline(m.stuck, c.WriteTimeout):
		s.closeSlow(m)
	case m.expires != 0 && now >= m.expires:
		s.closeExpired(m)
	case now >= m.ping:
		m.ping = s.hub.deadline(now, c.PingEvery)
		s.sendPing(m)
	}
	s.wheel.move(m, s.due(m))
}

// due is the next second at which check may have something to do.
func (s *shard) due(m *Member) uint32 {
	c := &s.hub.config
	if m.closeBy != 0 {
		return m.closeBy
	}
	at := s.hub.deadline(m.heard.Load(), c.Silence)
	if m.ping != 0 {
		at = min(at, m.ping)
	}
	if m.expires != 0 {
		at = min(at, m.expires)
	}
	if m.stuck != 0 {
		at = min(at, s.hub.deadline(m.stuck, c.WriteTimeout))
	}
	if partial := m.partial.Load(); partial != 0 {
		at = min(at, s.hub.deadline(partial, c.FrameTimeout))
	}
	return at
}

// trim forgets what is too old in rooms where nothing is said any more.
func (h *Hub) trim(now time.Time) {
	for _, r := range h.Rooms() {
		r.mu.Lock()
		r.trim(now)
		r.mu.Unlock()
	}
}
