package wire_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/barrage-live/barrage/shared/wire"
)

// payloadOf is what a compressed frame of less than 64 KiB carries.
func payloadOf(t *testing.T, frame []byte) []byte {
	t.Helper()
	if frame[0] != 0xC1 {
		t.Fatalf("got first byte %x, want a whole compressed text message", frame[0])
	}
	if frame[1] == 126 {
		return frame[4:]
	}
	return frame[2:]
}

func TestDeflatedFrames(t *testing.T) {
	for _, text := range []string{"", "x", strings.Repeat("弹幕 ", 1000)} {
		frame, err := wire.AppendDeflatedFrame([]byte("before"), []byte(text))
		if err != nil || !bytes.HasPrefix(frame, []byte("before")) {
			t.Fatalf("got %q, %v", frame, err)
		}
		payload := payloadOf(t, frame[len("before"):])
		if got, err := wire.Inflate(payload, len(text)); err != nil || string(got) != text {
			t.Errorf("got %q, %v, want %q", got, err, text)
		}
		if text == "" {
			continue
		}
		if _, err := wire.Inflate(payload, len(text)-1); !errors.Is(err, wire.ErrTooBig) {
			t.Errorf("a byte over the limit: got %v", err)
		}
	}
	if _, err := wire.Inflate([]byte("\xff\xff"), 100); !errors.Is(err, wire.ErrInflate) {
		t.Errorf("garbage: got %v", err)
	}
}

// Whatever comes, no more than the limit is made of it, and what we compressed is read back, also behind garbage that the
// same inflater has seen.
func FuzzInflate(f *testing.F) {
	f.Add([]byte("\xf2\x48\xcd\xc9\xc9\x07\x00"))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		const limit = 4096
		if got, err := wire.Inflate(payload, limit); err == nil && len(got) > limit || err != nil && got != nil {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
		if len(payload) > 16<<10 {
			return
		}
		frame, err := wire.AppendDeflatedFrame(nil, payload)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := wire.Inflate(payloadOf(t, frame), len(payload)); err != nil || !bytes.Equal(got, payload) {
			t.Errorf("got %q, %v, want %q", got, err, payload)
		}
	})
}
