package hub

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

// pipe is a connection of which the test decides how much it takes.
type pipe struct {
	mu       sync.Mutex
	room     int // bytes it takes before it is full
	got      []byte
	full     bool
	ended    bool
	released bool
}

func (p *pipe) TryWrite(bufs [][]byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || p.released {
		panic("written to after the end")
	}
	n := 0
	for _, b := range bufs {
		k := min(len(b), p.room)
		p.got = append(p.got, b[:k]...)
		p.room -= k
		if n += k; k < len(b) {
			p.full = true
			break
		}
	}
	return n, nil
}

func (p *pipe) CloseWrite() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
}

func (p *pipe) Release(error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.released = true
}

// state is what came so far, and what was done.
func (p *pipe) state() (got []byte, ended, released bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got, p.ended, p.released
}

// allow makes room, and says whether a write waits for it.
func (p *pipe) allow(room int) (waits bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	waits = p.full
	p.room, p.full = room, false
	return waits
}

// frames splits what came into frames; cut is what is left.
func frames(b []byte) (ops []wire.Opcode, payloads []string, cut []byte) {
	for len(b) >= 2 {
		size, head := int(b[1]), 2
		if size == 126 {
			if len(b) < 4 {
				break
			}
			size, head = int(binary.BigEndian.Uint16(b[2:])), 4
		}
		if len(b) < head+size {
			break
		}
		payload := b[head : head+size]
		if b[0]&0x40 != 0 {
			var err error
			if payload, err = wire.Inflate(payload, 1<<20); err != nil {
				panic(err) // rapid shows the steps
			}
		}
		ops = append(ops, wire.Opcode(b[0]&0xf))
		payloads = append(payloads, string(payload))
		b = b[head+size:]
	}
	return ops, payloads, b
}

// reader is what the model knows of one member.
type reader struct {
	m        *Member
	pipe     *pipe
	epoch    live.Epoch
	seq      live.Seq // last one it has
	sent     int      // private messages it was sent
	controls int      // control messages of the room before it joined
	resumed  bool
	left     bool // closed by the test
}

type model struct {
	h        *Hub
	room     *Room
	epoch    live.Epoch
	epochs   int
	seq      live.Seq
	controls int
	readers  []*reader
	holes    bool
}

func newModel() *model {
	h := New(Config{Shards: 1, LogBytes: 3000, KeepBytes: 1500, PrivateBytes: 2000, FlushBudget: -1,
		PingEvery: time.Hour, Silence: time.Hour, WriteTimeout: time.Hour, CloseTimeout: time.Hour})
	md := &model{h: h, room: h.Open(1), epoch: "e0"}
	md.room.Begin(md.epoch, 0)
	return md
}

func (md *model) step() {
	s := md.h.shards[0]
	s.pace = pace{}
	s.step(time.Now())
}

// append says n messages; every fifth seq is a gift.
func (md *model) append(n, filler int) {
	var payloads [][]byte
	for i := range n {
		typ := live.Danmu
		if (int(md.seq)+i+1)%5 == 0 {
			typ = live.Gift
		}
		payloads = append(payloads, fmt.Appendf(nil, `{"type":%q,"content":%q}`, typ, strings.Repeat("x", filler)))
	}
	md.room.Append(md.epoch, md.seq+1, payloads)
	md.seq += live.Seq(n)
}

func (md *model) join(j Joining, room int) {
	r := &reader{pipe: &pipe{room: room}, controls: md.controls, resumed: j.Epoch != ""}
	m, at := md.room.Join(r.pipe, j)
	r.m, r.epoch, r.seq = m, at.Epoch, at.Seq
	md.readers = append(md.readers, r)
	m.Start(nil)
}

func (md *model) pick(t *rapid.T) *reader {
	if len(md.readers) == 0 {
		return nil
	}
	return md.readers[rapid.IntRange(0, len(md.readers)-1).Draw(t, "reader")]
}

func (r *reader) drain(room int) {
	if r.pipe.allow(room) {
		r.m.Writable()
	}
}

// message is what the model reads back.
type message struct {
	Type    live.MessageType `json:"type"`
	Seq     live.Seq         `json:"seq"`
	Control int              `json:"control"`
	Private int              `json:"private"`
	Data    wire.GapData     `json:"data"`
}

// check reads all that came and returns whether the connection was closed.
func (r *reader) check(t *rapid.T) (closed bool) {
	ops, payloads, cut := frames(r.pipe.got)
	if len(cut) > 0 && !r.pipe.released && !r.pipe.full {
		t.Fatalf("half a frame: %q", cut)
	}
	private, control, gapEnd := 0, r.controls, live.Seq(0)
	for i, payload := range payloads {
		if closed {
			t.Fatalf("frame after the close frame: %q", payload)
		}
		if ops[i] == wire.OpClose {
			closed = true
			continue
		}
		var m message
		if err := json.Unmarshal([]byte(payload), &m); err != nil {
			t.Fatalf("frame %q: %v", payload, err)
		}
		switch {
		case m.Private != 0:
			if private++; m.Private != private {
				t.Fatalf("got private message %d, want %d", m.Private, private)
			}
		case m.Control != 0:
			if control++; m.Control != control && !r.resumed {
				t.Fatalf("got control message %d, want %d", m.Control, control)
			}
			control = m.Control
		case m.Type == live.Gap:
			gapEnd = r.gap(t, m.Data)
		case m.Seq <= gapEnd: // what must not be shed of a gap
			if m.Type != live.Gift {
				t.Fatalf("got %s %d inside a gap that ends at %d", m.Type, m.Seq, gapEnd)
			}
		default:
			if m.Seq != r.seq+1 {
				t.Fatalf("got seq %d after %d in %q", m.Seq, r.seq, payloads)
			}
			r.seq = m.Seq
		}
	}
	if !closed && !r.pipe.released && private != r.sent {
		t.Fatalf("got %d private messages, want %d", private, r.sent)
	}
	return closed || r.pipe.released
}

func (r *reader) gap(t *rapid.T, g wire.GapData) live.Seq {
	if g.Epoch != "" {
		r.epoch, r.seq = g.Epoch, 0
	}
	if g.FromSeq > r.seq+1 { // less is a hole of the room, of which this reader knows a part
		t.Fatalf("got a gap from %d after %d", g.FromSeq, r.seq)
	}
	r.seq = max(r.seq, g.ToSeq)
	return r.seq
}

func (md *model) finish(t *rapid.T) {
	for range 3 {
		for _, r := range md.readers {
			r.drain(1 << 20)
		}
		md.step()
	}
	for i, r := range md.readers {
		if r.check(t) {
			continue
		}
		if r.left {
			t.Fatalf("reader %d was not closed", i)
		}
		if r.seq < md.seq || r.seq > md.seq && !r.resumed || r.epoch != md.epoch { // who resumed may have been ahead
			t.Fatalf("reader %d ends at %s:%d, want %s:%d", i, r.epoch, r.seq, md.epoch, md.seq)
		}
	}
}

// TestRoomLogModel: whatever the appends, joins and partial writes, each reader sees every message once and in order,
// or is told which it missed, and gets gifts and control messages even then; the bytes are always whole frames.
func TestRoomLogModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		md := newModel()
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				md.append(rapid.IntRange(1, 6).Draw(t, "n"), rapid.SampledFrom([]int{0, 50, 300}).Draw(t, "filler"))
			},
			"again": func(t *rapid.T) { // what was heard twice is said once
				if md.seq > 0 && !md.holes {
					md.room.Append(md.epoch, md.seq, [][]byte{[]byte(`{"type":"danmu","private":-1}`)})
				}
			},
			"control": func(*rapid.T) {
				md.controls++
				md.room.AppendControl(fmt.Appendf(nil, `{"type":"deleted","control":%d}`, md.controls))
			},
			"hole": func(t *rapid.T) {
				md.seq += live.Seq(rapid.IntRange(1, 3).Draw(t, "missing"))
				md.room.Lost(md.epoch, md.seq+1)
			},
			"epoch": func(t *rapid.T) {
				md.epochs++
				md.epoch, md.seq = live.Epoch(fmt.Sprintf("e%d", md.epochs)), live.Seq(rapid.IntRange(0, 3).Draw(t, "from"))
				md.append(1, 10)
			},
			"join": func(t *rapid.T) {
				md.join(Joining{Packed: rapid.Bool().Draw(t, "packed")}, rapid.IntRange(0, 2000).Draw(t, "room"))
			},
			"resume": func(t *rapid.T) {
				seq := md.seq + live.Seq(rapid.IntRange(-10, 5).Draw(t, "seq"))
				packed := rapid.Bool().Draw(t, "packed")
				md.join(Joining{Epoch: md.epoch, Seq: max(0, seq), Packed: packed}, rapid.IntRange(0, 2000).Draw(t, "room"))
			},
			"send": func(t *rapid.T) {
				if r := md.pick(t); r != nil && r.m.Send(fmt.Appendf(nil, `{"private":%d}`, r.sent+1)) == nil {
					r.sent++
				}
			},
			"drain": func(t *rapid.T) {
				if r := md.pick(t); r != nil {
					r.drain(rapid.IntRange(1, 1500).Draw(t, "room"))
				}
			},
			"close": func(t *rapid.T) {
				if r := md.pick(t); r != nil {
					r.m.Close(wire.CloseRoomEnded, "ended")
					r.left = true
				}
			},
			"goodbye": func(t *rapid.T) {
				if r := md.pick(t); r != nil {
					r.m.Goodbye(wire.CloseNormal)
					r.left = true
				}
			},
			"step": func(*rapid.T) { md.step() },
		})
		md.finish(t)
	})
}
