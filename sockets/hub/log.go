package hub

import (
	"sort"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

// Segments start small, for the many rooms where little is said, and grow to maxSegment.
const (
	minSegment = 2 << 10
	maxSegment = 64 << 10
)

// mark is one frame of a segment: where it ends, and the room's seq once it has been sent.
type mark struct {
	end uint32
	seq live.Seq
}

// segment is a piece of the log. Bytes and marks are only ever appended, never changed, so a part of it that was seen
// under the lock may be read without. Frames do not span segments.
type segment struct {
	base  int64 // the log position of data[0]
	data  []byte
	marks []mark
	at    int64 // Unix seconds of the last append, for trimming by age
}

func (g *segment) end() int64 { return g.base + int64(len(g.data)) }

// roomLog is the bytes of ready frames, appended once and sent to all. Positions count bytes from the room's first
// frame and never repeat. It is guarded by Room.mu.
type roomLog struct {
	segments   []*segment
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

// room returns the last segment with space for need more bytes.
func (l *roomLog) room(need int) *segment {
	size := minSegment
	if n := len(l.segments); n > 0 {
		last := l.segments[n-1]
		if cap(last.data)-len(last.data) >= need {
			return last
		}
		size = min(2*cap(last.data), maxSegment)
	}
	size = max(size, need)
	g := &segment{base: l.end, data: make([]byte, 0, size), marks: make([]mark, 0, size/256+1)}
	l.segments = append(l.segments, g)
	return g
}

// append adds one message, with its seq spliced in when it has one. It returns where the frame lies.
func (l *roomLog) append(payload []byte, seq live.Seq, now int64) []byte {
	g := l.room(wire.MaxFrameHeader + len(payload) + maxSeqBytes)
	start := len(g.data)
	if seq != 0 {
		g.data = wire.AppendSeqFrame(g.data, payload, seq)
		l.seq = seq
	} else {
		g.data = wire.AppendTextFrame(g.data, payload)
	}
	g.marks = append(g.marks, mark{end: uint32(len(g.data)), seq: l.seq})
	g.at = now
	l.bytes += len(g.data) - start
	l.end += int64(len(g.data) - start)
	return g.data[start:]
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
		l.bytes -= len(g.data)
		if g.end() > l.epochStart {
			l.baseSeq = max(l.baseSeq, g.marks[len(g.marks)-1].seq)
		}
		drop++
	}
	if drop > 0 {
		l.segments = append([]*segment(nil), l.segments[drop:]...)
	}
}

// part is what a view shows of one segment.
type part struct {
	base  int64
	data  []byte
	marks []mark
}

func (p *part) end() int64 { return p.base + int64(len(p.data)) }

// view is the log as it was at one moment, readable without the lock.
type view struct {
	parts      []part
	first, end int64
	seq        live.Seq
	epoch      live.Epoch
	epochs     uint32
	epochStart int64
}

// look fills v, reusing its memory.
func (l *roomLog) look(v *view) {
	v.parts = v.parts[:0]
	for _, g := range l.segments {
		v.parts = append(v.parts, part{base: g.base, data: g.data, marks: g.marks})
	}
	v.first, v.end, v.seq, v.epoch, v.epochs, v.epochStart = l.first(), l.end, l.seq, l.epoch, l.epochs, l.epochStart
}

// from appends the bytes between the position cursor, which is not before first, and the end.
func (v *view) from(bufs [][]byte, cursor int64) [][]byte {
	if cursor >= v.end {
		return bufs
	}
	i := len(v.parts) - 1
	for i > 0 && v.parts[i].base > cursor {
		i--
	}
	bufs = append(bufs, v.parts[i].data[cursor-v.parts[i].base:])
	for _, p := range v.parts[i+1:] {
		bufs = append(bufs, p.data)
	}
	return bufs
}

// cut says what to do about a write that ended at pos, after the frame boundary before: the rest of the frame that
// was cut, nil at a boundary, the next boundary, and the seq there.
func (v *view) cut(pos int64) (rest []byte, next int64, seq live.Seq) {
	i := sort.Search(len(v.parts), func(i int) bool { return v.parts[i].end() >= pos })
	p := &v.parts[i]
	at := uint32(pos - p.base)
	j := sort.Search(len(p.marks), func(j int) bool { return p.marks[j].end >= at })
	end := p.marks[j].end
	return p.data[at:end], p.base + int64(end), p.marks[j].seq
}

// after returns the position of the first frame of the current epoch whose seq is above seq.
func (v *view) after(seq live.Seq) (int64, bool) {
	for i := range v.parts {
		p := &v.parts[i]
		if len(p.marks) == 0 || p.end() <= v.epochStart || p.marks[len(p.marks)-1].seq <= seq {
			continue
		}
		start := uint32(0)
		for _, m := range p.marks {
			if m.seq > seq && p.base+int64(start) >= v.epochStart {
				return p.base + int64(start), true
			}
			start = m.end
		}
	}
	return 0, false
}
