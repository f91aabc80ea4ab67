package wire_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

// readFrame reads one whole unmasked frame as RFC 6455 section 5.2 draws it.
func readFrame(t *testing.T, b []byte) (first byte, payload, rest []byte) {
	t.Helper()
	first, size, head := b[0], int(b[1]), 2
	switch size {
	case 126:
		size, head = int(binary.BigEndian.Uint16(b[2:])), 4
	case 127:
		size, head = int(binary.BigEndian.Uint64(b[2:])), 10
	}
	return first, b[head : head+size], b[head+size:]
}

func TestAppendTextFrame(t *testing.T) {
	for _, size := range []int{0, 1, 125, 126, 127, 0xffff, 0x10000} {
		want := bytes.Repeat([]byte("x"), size)
		first, got, rest := readFrame(t, wire.AppendTextFrame(nil, want))
		if first != 0x81 || !bytes.Equal(got, want) || len(rest) != 0 {
			t.Errorf("size %d: got first byte %#x, %d bytes, %d left over", size, first, len(got), len(rest))
		}
	}
}

func TestAppendClose(t *testing.T) {
	first, got, rest := readFrame(t, wire.AppendClose(nil, wire.CloseTooSlow, "too slow"))
	if want := "\x0f\xa8too slow"; first != 0x88 || string(got) != want || len(rest) != 0 {
		t.Errorf("got %#x %q, want %q", first, got, want)
	}
	_, got, _ = readFrame(t, wire.AppendClose(nil, wire.CloseNormal, strings.Repeat("幕", 50)))
	if want := strings.Repeat("幕", 41); string(got[2:]) != want {
		t.Errorf("got reason %q, want %q", got[2:], want)
	}
}

func TestAppendSeqFrame(t *testing.T) {
	for _, seq := range []live.Seq{1, 9, 10, 99, 100, 12345678901234567, -1, -10, 0} {
		for _, payload := range []string{`{}`, `{"type":"danmu"}`, `{"content":"` + strings.Repeat("x", 120) + `"}`} {
			want := wire.AppendTextFrame(nil, wire.AppendSeq(nil, []byte(payload), seq))
			if got := wire.AppendSeqFrame(nil, []byte(payload), seq); !bytes.Equal(got, want) {
				t.Errorf("seq %d in %s: got %q, want %q", seq, payload, got, want)
			}
		}
	}
}

func FuzzAppendSeq(f *testing.F) {
	f.Add([]byte(`{"type":"danmu","content":"x"}`), int64(7))
	f.Fuzz(func(t *testing.T, b []byte, seq int64) {
		m, err := wire.Unmarshal(b)
		if err != nil {
			return
		}
		m.Seq = 0
		payload, err := wire.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := wire.Unmarshal(wire.AppendSeq(nil, payload, live.Seq(seq)))
		if err != nil || got.Seq != live.Seq(seq) || got.Content != m.Content || got.ID != m.ID {
			t.Fatalf("got %+v, %v, want seq %d of %+v", got, err, seq, m)
		}
	})
}

func TestAppendAllocatesNothing(t *testing.T) {
	payload, err := wire.Marshal(sample())
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 0, 4096)
	for name, f := range map[string]func(){
		"AppendSeq":       func() { wire.AppendSeq(buf, payload, 123456) },
		"AppendSeqFrame":  func() { wire.AppendSeqFrame(buf, payload, 123456) },
		"AppendTextFrame": func() { wire.AppendTextFrame(buf, payload) },
		"AppendClose":     func() { wire.AppendClose(buf, wire.CloseRestart, "restart") },
		"AppendPing":      func() { wire.AppendPing(buf) },
	} {
		if got := testing.AllocsPerRun(100, f); got != 0 {
			t.Errorf("%s: got %v allocations, want 0", name, got)
		}
	}
}

func BenchmarkAppendSeqFrame(b *testing.B) {
	payload, err := wire.Marshal(sample())
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		wire.AppendSeqFrame(buf[:0], payload, 123456)
	}
}
