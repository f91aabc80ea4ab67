package hub

import (
	"sort"

	"github.com/barrage-live/barrage/shared/live"
)

// part is what a view shows of one segment.
type part struct {
	base   int64
	data   []byte
	packed []byte
	marks  []mark
}

func (p *part) end() int64 { return p.base + int64(len(p.data)) }

// bytes is what a connection gets of the part, and whether that is compressed.
func (p *part) bytes(packed bool) ([]byte, bool) {
	if packed && p.packed != nil {
		return p.packed, true
	}
	return p.data, false
}

// offset is where the frame that begins at the position pos lies in bytes.
func (p *part) offset(pos int64, packed bool) int {
	at := uint32(pos - p.base)
	if !packed || at == 0 {
		return int(at)
	}
	return int(p.marks[sort.Search(len(p.marks), func(i int) bool { return p.marks[i].end >= at })].packed)
}

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
		v.parts = append(v.parts, part{base: g.base, data: g.data, packed: g.packed, marks: g.marks})
	}
	v.first, v.end, v.seq, v.epoch, v.epochs, v.epochStart = l.first(), l.end, l.seq, l.epoch, l.epochs, l.epochStart
}

// at is the index of the part that holds the position pos, which is not before first.
func (v *view) at(pos int64) int {
	i := len(v.parts) - 1
	for i > 0 && v.parts[i].base > pos {
		i--
	}
	return i
}

// from appends the bytes between the position cursor, a frame's start that is not before first, and the end.
func (v *view) from(bufs [][]byte, cursor int64, packed bool) [][]byte {
	if cursor >= v.end {
		return bufs
	}
	i := v.at(cursor)
	data, isPacked := v.parts[i].bytes(packed)
	bufs = append(bufs, data[v.parts[i].offset(cursor, isPacked):])
	for i++; i < len(v.parts); i++ {
		data, _ = v.parts[i].bytes(packed)
		bufs = append(bufs, data)
	}
	return bufs
}

// cut says what to do about a write of n > 0 bytes of what from gave: the rest of the frame that was cut, nil at a
// boundary, the position of the next boundary, and the seq there.
func (v *view) cut(cursor int64, n int, packed bool) (rest []byte, next int64, seq live.Seq) {
	for i := v.at(cursor); ; i, cursor = i+1, v.parts[i].end() {
		p := &v.parts[i]
		data, isPacked := p.bytes(packed)
		start := p.offset(cursor, isPacked)
		if left := len(data) - start; n > left {
			n -= left
			continue
		}
		at := uint32(start + n)
		m := &p.marks[sort.Search(len(p.marks), func(j int) bool { return p.marks[j].in(isPacked) >= at })]
		return data[at:m.in(isPacked)], p.base + int64(m.end), m.seq
	}
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
