package hub

import (
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

// Segments start small, for the many rooms where little is said, and grow to maxSegment.
const (
	minSegment = 2 << 10
	maxSegment = 64 << 10
)

// mark is one frame of a segment: where it ends, in data and in packed, and the room's seq once it has been sent.
type mark struct {
	end, packed uint32
	seq         live.Seq
}

// in is where the frame ends in the bytes that a connection gets.
func (m *mark) in(packed bool) uint32 {
	if packed {
		return m.packed
	}
	return m.end
}

// segment is a piece of the log. Bytes and marks are only ever appended, never changed, so a part of it that was seen
// under the lock may be read without. Frames do not span segments.
type segment struct {
	base   int64 // the log position of data[0]
	data   []byte
	packed []byte // the same frames, those that shrink compressed; nil when nobody asked for that
	marks  []mark
	at     int64 // Unix seconds of the last append, for trimming by age
}

func (g *segment) end() int64 { return g.base + int64(len(g.data)) }

// roomLog is the bytes of ready frames, appended once and sent to all. Positions count bytes of plain frames from the
// room's first one and never repeat; who gets compressed frames is at the same positions. It is guarded by Room.mu.
type roomLog struct {
	segments   []*segment
	packing    bool  // whether new segments hold compressed frames too
	bytes      int   // held in segments
	end        int64 // position after the last frame
	epoch      live.Epoch
	epochs     uint32   // how many there were before it
	epochStart int64    // position at which epoch began
	baseSeq    live.Seq // from here on nothing of the epoch is missing: who has it can be resumed
	seq        live.Seq // last seq appended
}

// first is the position of the oldest byte that is still there.
func (l *roomLog) first() int64 {
	if len(l.segments) == 0 {
		return l.end
	}
	return l.segments[0].base
}

// room returns the last segment with space for need more bytes. A segment holds compressed frames from its first one on
// or none at all.
func (l *roomLog) room(need int) *segment {
	size := minSegment
	if n := len(l.segments); n > 0 {
		last := l.segments[n-1]
		if cap(last.data)-len(last.data) >= need && l.packing == (last.packed != nil) {
			return last
		}
		size = min(2*cap(last.data), maxSegment)
	}
	size = max(size, need)
	g := &segment{base: l.end, data: make([]byte, 0, size), marks: make([]mark, 0, size/256+1)}
	if l.packing {
		g.packed = make([]byte, 0, size)
	}
	l.segments = append(l.segments, g)
	return g
}

// append adds one message, with its seq spliced in when it has one, and its compressed frame unless that is empty. It
// returns where the plain frame lies.
func (l *roomLog) append(payload, packed []byte, seq live.Seq, now int64) []byte {
	g := l.room(wire.MaxFrameHeader + len(payload) + maxSeqBytes)
	start := len(g.data)
	if seq != 0 {
		g.data = wire.AppendSeqFrame(g.data, payload, seq)
		l.seq = seq
	} else {
		g.data = wire.AppendTextFrame(g.data, payload)
	}
	frame := g.data[start:]
	l.bytes += len(frame)
	l.end += int64(len(frame))
	if g.packed != nil {
		if len(packed) == 0 {
			packed = frame
		}
		g.packed = append(g.packed, packed...)
		l.bytes += len(packed)
	}
	g.marks = append(g.marks, mark{end: uint32(len(g.data)), packed: uint32(len(g.packed)), seq: l.seq})
	g.at = now
	return frame
}

// maxSeqBytes is the room that `,"seq":N` takes.
const maxSeqBytes = len(`,"seq":`) + 20

// trim drops the oldest segments while the log holds more than limit bytes, or they were last written before old.
// The segment that is written to stays unless it is old.
func (l *roomLog) trim(limit int, old int64) {
	drop := 0
	for drop < len(l.segments) {
		g := l.segments[drop]
		tooMany := l.bytes > limit && drop < len(l.segments)-1
		if !tooMany && g.at >= old {
			break
		}
		l.bytes -= len(g.data) + len(g.packed)
		if g.end() > l.epochStart {
			l.baseSeq = max(l.baseSeq, g.marks[len(g.marks)-1].seq)
		}
		drop++
	}
	if drop > 0 {
		l.segments = append([]*segment(nil), l.segments[drop:]...)
	}
}
