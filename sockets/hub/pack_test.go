package hub

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/live"
)

// TestPacked: in one room some get compressed frames and some do not; everybody reads the same messages.
func TestPacked(t *testing.T) {
	h := New(Config{Shards: 1, FlushBudget: -1})
	r := h.Open(1)
	r.Begin("e", 0)
	s := h.shards[0]
	say := func(n int) {
		seq := r.log.seq
		payload := fmt.Appendf(nil, `{"type":"danmu","content":%q}`, strings.Repeat("666 ", 50))
		for range n {
			seq++
			r.Append("e", seq, [][]byte{payload})
		}
		s.pace = pace{}
		s.step(time.Now())
	}
	join := func(packed bool, from live.Seq) *pipe {
		p := &pipe{room: 1 << 20}
		m, _ := r.Join(p, Joining{Packed: packed, Epoch: "e", Seq: from})
		m.Start(nil)
		return p
	}
	plain := join(false, 0)
	say(3)
	packed := join(true, 0) // reads from the time when nothing was compressed, too
	say(40)
	late := join(true, 20)
	say(1)

	_, want, _ := frames(plain.bytes())
	if len(want) != 44 {
		t.Fatalf("got %d messages, want 44", len(want))
	}
	for name, got := range map[string]*pipe{"packed": packed, "late": late} {
		_, payloads, cut := frames(got.bytes())
		if fmt.Sprint(payloads) != fmt.Sprint(want[len(want)-len(payloads):]) || len(cut) > 0 {
			t.Errorf("%s: got %q, want the end of %q", name, payloads, want)
		}
	}
	if _, payloads, _ := frames(late.bytes()); len(payloads) != 24 {
		t.Errorf("late: got %d messages, want those after 20", len(payloads))
	}
	if n := len(packed.bytes()); n > len(plain.bytes())/2 {
		t.Errorf("got %d bytes compressed of %d", n, len(plain.bytes()))
	}
	if held := r.log.bytes; held <= len(plain.bytes()) {
		t.Errorf("got %d bytes held, want the compressed frames counted too", held)
	}
}

// TestPackingEnds: when nobody wants compressed frames any more, none are made.
func TestPackingEnds(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, _ *Hub, r *Room) {
		payload := [][]byte{[]byte(`{"type":"danmu","content":"` + strings.Repeat("6", 100) + `"}`)}
		m, p := join(r, Joining{Packed: true})
		r.Append("e", 1, payload)
		after(time.Second, m)
		if op := p.bytes()[0]; op&0x40 == 0 {
			t.Errorf("got frame %x, want a compressed one", op)
		}
		m.Gone(nil)
		after(time.Second)
		r.Append("e", 2, payload)
		if last := r.log.segments[len(r.log.segments)-1]; last.packed != nil || r.packers.Load() != 0 {
			t.Errorf("got %d packers, %d bytes compressed for nobody", r.packers.Load(), len(last.packed))
		}
	})
}
