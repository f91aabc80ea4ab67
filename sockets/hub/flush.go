package hub

import (
	"runtime"
	"time"

	"github.com/barrage-live/barrage/shared/wire"
)

// After so many connections a round lets others run, serves private frames and takes in what the room said meanwhile.
const roundChunk = 128

// round writes to everybody in the rooms that have something new.
func (s *shard) round(now time.Time) {
	dirty := len(s.dirty)
	for i := range dirty {
		s.flushRoom(s.dirty[i])
	}
	kept := copy(s.dirty, s.dirty[dirty:])
	clear(s.dirty[kept:])
	s.dirty = s.dirty[:kept]
	s.pace.ran(now, time.Since(now))
}

func (s *shard) flushRoom(r *Room) {
	since := r.dirty[s.index].Swap(0)
	in := s.viewers[r]
	if in == nil {
		return
	}
	moves := s.moves
	r.look(&s.view)
	for i, n := 0, 0; i < len(in.members); n++ {
		if n%roundChunk == roundChunk-1 {
			runtime.Gosched()
			s.takeOps()
			s.flushPrivate()
			r.look(&s.view)
			if i >= len(in.members) {
				break
			}
		}
		m := in.members[i]
		s.flush(m)
		if i < len(in.members) && in.members[i] == m {
			i++ // else m was released, and another took its place
		}
	}
	if s.moves != moves && r.dirty[s.index].CompareAndSwap(0, since) {
		s.dirty = append(s.dirty, r) // somebody may have moved to where the round had been
	}
	s.report(since)
}

// report hands on what was written since the last report, for messages that waited since then, if known.
func (s *shard) report(since int64) {
	if s.flushed.Connections == 0 {
		return
	}
	if s.hub.config.Flushed != nil {
		if since != 0 {
			s.flushed.Waited = time.Since(time.Unix(0, since))
		}
		s.hub.config.Flushed(s.flushed)
	}
	s.flushed = Flush{}
}

// flush writes everything that m has to get, in one call, as far as the socket takes it. s.view shows m's room.
func (s *shard) flush(m *Member) {
	if m.stuck != 0 || m.flags&started == 0 && m.closing == nil && m.flags&lastFrame == 0 {
		return
	}
	v := &s.view
	log := s.catchUp(m, v)
	bufs := s.bufs[:0]
	if len(m.out) > 0 {
		bufs = append(bufs, m.out)
	}
	if log {
		bufs = v.from(bufs, m.cursor, m.packed)
	}
	if m.closing != nil {
		bufs = append(bufs, m.closing)
	}
	s.bufs = bufs
	if len(bufs) == 0 {
		s.farewell(m)
		return
	}
	total := 0
	for _, b := range bufs {
		total += len(b)
	}
	n, err := m.conn.TryWrite(bufs)
	switch {
	case err != nil:
		s.release(m, err)
	case n == total:
		s.sent(m, v, log)
	default:
		s.cut(m, v, n, total)
	}
}

// catchUp brings the cursor into the log and says whether m gets anything from it.
func (s *shard) catchUp(m *Member, v *view) bool {
	if m.flags&(started|noLog|lastFrame) != started {
		return false
	}
	if m.flags&ahead != 0 {
		s.skip(m, v)
	}
	if m.cursor < v.first && m.flags&noLog == 0 {
		s.fall(m, v)
	}
	return m.flags&noLog == 0
}

// skip moves a member that has seen more on another pod over what it has seen.
func (s *shard) skip(m *Member, v *view) {
	if m.epoch != v.epochs { // its seq means nothing any more, the gap at the start of the epoch says so
		m.cursor = max(m.cursor, v.epochStart)
		m.flags &^= ahead
		return
	}
	if m.cursor < v.first { // where its seq was can't be told any more
		s.closeSlow(m)
		return
	}
	pos, ok := v.after(m.seq)
	if !ok {
		m.cursor = max(m.cursor, v.end)
		return
	}
	m.cursor = max(m.cursor, pos)
	m.flags &^= ahead
}

// fall takes a member that was too slow for the log to its end: it learns what it missed, and gets what must not be
// shed. It is closed when even that is too much, and when it fell over the end of an epoch: no range of seq would tell
// what it missed.
func (s *shard) fall(m *Member, v *view) {
	must, ok := m.room.kept(m.cursor, v.end)
	if !ok || len(m.out)+len(must) > s.limit(m) || m.epoch != v.epochs {
		s.closeSlow(m)
		return
	}
	gap := wire.GapData{FromSeq: m.seq + 1, ToSeq: v.seq, Reason: wire.GapSlow}
	s.buffer(m)
	if gap.ToSeq >= gap.FromSeq {
		m.out = wire.AppendTextFrame(m.out, gapMessage(m.room.ID, gap))
		s.flushed.Missed += int64(gap.ToSeq - gap.FromSeq + 1)
	}
	m.out = append(m.out, must...)
	m.cursor, m.seq, m.epoch = v.end, v.seq, v.epochs
}

// sent is after a flush that wrote all.
func (s *shard) sent(m *Member, v *view, log bool) {
	s.flushed.Connections++
	s.freeBuffer(m)
	if log && v.end > m.cursor {
		s.flushed.Deliveries += max(0, int64(v.seq-m.seq))
		m.cursor, m.seq, m.epoch = v.end, v.seq, v.epochs
	}
	if m.closing != nil {
		m.closing = nil
		m.flags |= lastFrame
	}
	s.farewell(m)
}

// farewell is when nothing waits for m any more: behind our close frame the stream ends, and m is released when the
// client's has been seen too.
func (s *shard) farewell(m *Member) {
	switch m.flags & (lastFrame | goodbye | ended) {
	case lastFrame | goodbye, lastFrame | goodbye | ended:
		s.release(m, nil)
	case lastFrame:
		m.flags |= ended
		m.conn.CloseWrite()
	}
}

// cut is after a flush that wrote n bytes of total: what was cut in the middle of a frame goes to out, so that the
// cursor is between two frames again.
func (s *shard) cut(m *Member, v *view, n, total int) {
	logged := total - len(m.out) - len(m.closing)
	m.stuck = s.clock.Load()
	s.wheel.move(m, s.due(m))
	if n < len(m.out) {
		m.out = m.out[:copy(m.out, m.out[n:])]
		return
	}
	n -= len(m.out)
	s.freeBuffer(m)
	if logged > 0 && n > 0 {
		rest, next, seq := v.cut(m.cursor, min(n, logged), m.packed)
		s.flushed.Deliveries += max(0, int64(seq-m.seq))
		m.cursor, m.seq = next, seq
		if next > v.epochStart {
			m.epoch = v.epochs
		}
		if len(rest) > 0 {
			s.buffer(m)
			m.out = append(m.out, rest...)
		}
		n -= min(n, logged)
	}
	if n > 0 && m.closing != nil {
		s.buffer(m)
		m.out = append(m.out, m.closing[n:]...)
		m.closing = nil
		m.flags |= lastFrame
	}
}

// Buffers of private frames are lent only while something waits.
const (
	bufferSize  = 512
	freeBuffers = 256
)

func (s *shard) buffer(m *Member) {
	if m.out != nil {
		return
	}
	if n := len(s.buffers); n > 0 {
		m.out, s.buffers[n-1] = s.buffers[n-1][:0], nil
		s.buffers = s.buffers[:n-1]
		return
	}
	m.out = make([]byte, 0, bufferSize)
}

func (s *shard) freeBuffer(m *Member) {
	if m.out != nil && cap(m.out) <= 4*bufferSize && len(s.buffers) < freeBuffers {
		s.buffers = append(s.buffers, m.out)
	}
	m.out, m.granted = nil, 0
}
