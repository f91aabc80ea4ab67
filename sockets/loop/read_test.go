package loop

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/barrage-live/barrage/shared/wire"
	"github.com/barrage-live/barrage/sockets/hub"
)

// masked is one frame of a client.
func masked(first byte, payload string) []byte {
	b := []byte{first, byte(len(payload)) | 0x80}
	if len(payload) > 125 {
		b = []byte{first, 126 | 0x80, byte(len(payload) >> 8), byte(len(payload))}
	}
	mask := [4]byte{1, 2, 3, 4}
	b = append(b, mask[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i&3])
	}
	return b
}

// heard collects what the handler is told.
type heard struct{ messages []string }

func (h *heard) Frame(_ *Conn, payload []byte) {
	h.messages = append(h.messages, "text "+string(payload))
}
func (h *heard) Closed(*Conn, error) {}

// nowhere is a hub.Conn that takes everything.
type nowhere struct{}

func (nowhere) TryWrite(bufs [][]byte) (int, error) { return size(bufs), nil }
func (nowhere) CloseWrite()                         {}
func (nowhere) Release(error)                       {}

// parse feeds the stream in pieces and returns the messages, the violation, and whether the client said goodbye.
func parse(stream []byte, piece int) (messages []string, bad *violation, closed bool) {
	var h heard
	l := &Loop{config: Config{Binary: func(_ *Conn, p []byte) { h.messages = append(h.messages, "binary "+string(p)) }}, handler: &h}
	l.config.fill()
	c := &Conn{loop: l}
	m, _ := hub.New(hub.Config{Shards: 1}).Open(1).Join(nowhere{}, hub.Joining{})
	c.member.Store(m)
	for len(stream) > 0 && bad == nil && !c.deaf {
		n := min(piece, len(stream))
		data := stream[:n]
		if tail := c.pending(); len(tail) > 0 {
			data = append(bytes.Clone(tail), data...)
		} else {
			data = bytes.Clone(data) // it is unmasked in place
		}
		stream = stream[n:]
		var rest []byte
		if rest, bad = c.consume(data); bad == nil && !c.deaf {
			c.keepTail(rest)
		}
	}
	return h.messages, bad, c.deaf
}

func TestViolations(t *testing.T) {
	for name, tc := range map[string]struct {
		stream []byte
		want   wire.CloseCode
	}{
		"not masked":               {[]byte{0x81, 0x01, 'x'}, wire.CloseProtocolError},
		"reserved bit":             {masked(0xA1, "x"), wire.CloseProtocolError},
		"compressed without offer": {masked(0xC1, "x"), wire.CloseProtocolError},
		"unknown opcode":           {masked(0x83, "x"), wire.CloseProtocolError},
		"unknown control opcode":   {masked(0x8B, "x"), wire.CloseProtocolError},
		"long ping":                {masked(0x89, string(make([]byte, 126))), wire.CloseProtocolError},
		"cut ping":                 {masked(0x09, "x"), wire.CloseProtocolError},
		"continuation of nothing":  {masked(0x80, "x"), wire.CloseProtocolError},
		"text inside a message":    {append(masked(0x01, "x"), masked(0x81, "y")...), wire.CloseProtocolError},
		"close of one byte":        {masked(0x88, "x"), wire.CloseProtocolError},
		"close with 1005":          {masked(0x88, "\x03\xed"), wire.CloseProtocolError},
		"close reason not UTF-8":   {masked(0x88, "\x03\xe8\xff"), wire.CloseBadPayload},
		"text not UTF-8":           {masked(0x81, "\xff"), wire.CloseBadPayload},
		"half a character":         {masked(0x81, "\xe5\xb9"), wire.CloseBadPayload},
		"too big, announced only":  {[]byte{0x81, 0xfe, 0x10, 0x01}, wire.CloseTooBig},
		"exabytes, announced only": {[]byte{0x81, 0xff, 0x10, 0, 0, 0, 0, 0, 0, 0}, wire.CloseTooBig},
		"top bit of the size":      {[]byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0}, wire.CloseProtocolError},
		"too big in fragments":     {append(masked(0x01, string(make([]byte, 4000))), masked(0x80, string(make([]byte, 97)))...), wire.CloseTooBig},
		"flood of pings":           {bytes.Repeat(masked(0x89, ""), 2*maxControls+1), wire.CloseFlooding},
	} {
		for _, piece := range []int{1, 3, 1 << 20} {
			if _, got, _ := parse(tc.stream, piece); got == nil || got.code != tc.want {
				t.Errorf("%s in pieces of %d: got %v, want code %d", name, piece, got, tc.want)
			}
		}
	}
}

func TestFragments(t *testing.T) {
	stream := slices.Concat(masked(0x01, "dan"), masked(0x89, "ping"), masked(0x00, ""), masked(0x80, "mu"), masked(0x81, ""), masked(0x88, "\x03\xe8bye"))
	for piece := 1; piece <= len(stream); piece++ {
		got, bad, closed := parse(stream, piece)
		if want := []string{"text danmu", "text "}; bad != nil || !closed || !slices.Equal(got, want) {
			t.Fatalf("pieces of %d: got %q, %v, closed %t, want %q", piece, got, bad, closed, want)
		}
	}
}

// script is a net.Conn that reads what a client sent and forgets what it is told.
type script struct {
	io.Reader
	net.Conn
}

func (s *script) Read(b []byte) (int, error)       { return s.Reader.Read(b) }
func (s *script) Write(b []byte) (int, error)      { return len(b), nil }
func (s *script) Close() error                     { return nil }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// hijacked lets gorilla upgrade onto a script.
type hijacked struct {
	*httptest.ResponseRecorder
	conn net.Conn
}

func (h hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	none := bufio.NewReader(bytes.NewReader(nil))
	return h.conn, bufio.NewReadWriter(none, bufio.NewWriter(io.Discard)), nil
}

// oracle reads the stream by gorilla/websocket.
func oracle(t *testing.T, stream []byte) (messages []string, err error) {
	r := httptest.NewRequest(http.MethodGet, "/ws", nil)
	for k, v := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-Websocket-Version": "13", "Sec-Websocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
		r.Header.Set(k, v)
	}
	u := websocket.Upgrader{ReadBufferSize: 8192, WriteBufferSize: 256}
	ws, err := u.Upgrade(hijacked{httptest.NewRecorder(), &script{Reader: bytes.NewReader(stream)}}, r, nil)
	if err != nil {
		t.Fatal(err)
	}
	ws.SetReadLimit(wire.MaxInbound)
	for {
		op, payload, err := ws.ReadMessage()
		if err != nil {
			return messages, err
		}
		kind := "text "
		if op == websocket.BinaryMessage {
			kind = "binary "
		}
		messages = append(messages, kind+string(payload))
	}
}

// FuzzFrames holds the parser against gorilla's: the same messages, and a violation where gorilla sees one. The parser
// is stricter about UTF-8, floods and half a close code only.
func FuzzFrames(f *testing.F) {
	f.Add(slices.Concat(masked(0x01, "dan"), masked(0x89, "ping"), masked(0x80, "mu"), masked(0x82, "bin"), masked(0x88, "\x03\xe8bye")), 3)
	f.Add(masked(0x81, string(make([]byte, 300))), 7)
	f.Add([]byte{0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 'x'}, 1)
	f.Add(masked(0x88, ""), 100)
	f.Fuzz(func(t *testing.T, stream []byte, piece int) {
		got, bad, closed := parse(stream, min(max(piece, 1), 1<<16))
		want, err := oracle(t, stream)
		if bad != nil && (bad.code == wire.CloseBadPayload || bad.code == wire.CloseFlooding) {
			if len(got) > len(want) || !slices.Equal(got, want[:len(got)]) {
				t.Fatalf("got %q, gorilla %q", got, want)
			}
			return
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %q, %v, gorilla %q, %v", got, bad, want, err)
		}
		var ce *websocket.CloseError
		more := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || websocket.IsCloseError(err, websocket.CloseAbnormalClosure)
		switch goodbye := errors.As(err, &ce) && !more; {
		case more && bad != nil && bad.code == wire.CloseTooBig, more && bad == errTopBit: // before the mask has come
		case more && (bad != nil || closed):
			t.Fatalf("got %v, closed %t, where gorilla waits for more", bad, closed)
		case goodbye && !closed && bad != errShortClose:
			t.Fatalf("got %v, where gorilla saw %v", bad, err)
		case !more && !goodbye && bad == nil:
			t.Fatalf("got no violation, where gorilla saw %v", err)
		}
	})
}
