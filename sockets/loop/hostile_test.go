package loop_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/sockets/hub"
	"github.com/barrage-live/barrage/sockets/loop"
)

// TestHalfFramesHoldNobody: more senders of half a frame than there are workers hold no worker, and are cut.
func TestHalfFramesHoldNobody(t *testing.T) {
	onEach(t, hub.Config{FrameTimeout: time.Second}, loop.Config{Workers: 2}, func(t *testing.T, e *echoRoom) {
		var halves []*websocket.Conn
		for range 8 {
			ws, _ := e.dial()
			if _, err := ws.NetConn().Write([]byte{0x81, 0x85, 1, 2, 3}); err != nil {
				t.Fatal(err)
			}
			halves = append(halves, ws)
		}
		ws, _ := e.dial()
		if err := ws.WriteMessage(websocket.TextMessage, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		if got := e.read(ws); got != "hello" {
			t.Errorf("got %q beside half frames, want hello", got)
		}
		for _, half := range halves {
			if got, want := e.read(half), "websocket: close 1001 (going away): silent"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}

// TestByteByByte: frames that come in pieces are put together.
func TestByteByByte(t *testing.T) {
	onEach(t, hub.Config{}, loop.Config{}, func(t *testing.T, e *echoRoom) {
		ws, _ := e.dial()
		frame := []byte{0x81, 0x85, 1, 2, 3, 4, 'h' ^ 1, 'e' ^ 2, 'l' ^ 3, 'l' ^ 4, 'o' ^ 1}
		for range 3 {
			for i := range frame {
				if _, err := ws.NetConn().Write(frame[i : i+1]); err != nil {
					t.Fatal(err)
				}
			}
			if got := e.read(ws); got != "hello" {
				t.Fatalf("got %q, want hello", got)
			}
		}
	})
}

// TestTooBig: the close code reaches a client that is still writing.
func TestTooBig(t *testing.T) {
	onEach(t, hub.Config{}, loop.Config{}, func(t *testing.T, e *echoRoom) {
		ws, _ := e.dial()
		if err := ws.WriteMessage(websocket.TextMessage, make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
		if got, want := e.read(ws), "websocket: close 1009 (message too big): message is too big"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// TestSlowReader: a client that does not read falls out of the log, holds back nobody, and is told by a gap what it
// missed once it reads again.
func TestSlowReader(t *testing.T) {
	hc := hub.Config{LogBytes: 64 << 10, WriteTimeout: time.Minute}
	onEach(t, hc, loop.Config{SendBuffer: 8 << 10}, func(t *testing.T, e *echoRoom) {
		e.receiveBuffer = 4 << 10 // by itself the kernel might take all there is
		slow, _ := e.dial()
		e.receiveBuffer = 0
		fast, _ := e.dial()
		const messages = 3000
		payload := fmt.Appendf(nil, `{"type":"danmu","content":%q}`, strings.Repeat("x", 1000))
		for seq := live.Seq(1); seq <= messages; seq++ {
			e.room.Append("e1", seq, [][]byte{payload})
			if got, want := e.read(fast), fmt.Sprintf(`"seq":%d}`, seq); !strings.HasSuffix(got, want) {
				t.Fatalf("the fast one got %q, want %s", got[max(0, len(got)-40):], want)
			}
		}
		last, gaps := 0, 0
		for last < messages {
			var seq, from, to int
			got := e.read(slow)
			if _, err := fmt.Sscanf(got, `{"type":"gap","room_id":1,"data":{"from_seq":%d,"to_seq":%d,`, &from, &to); err == nil {
				if from != last+1 {
					t.Fatalf("got a gap from %d after %d", from, last)
				}
				last, gaps = to, gaps+1
				continue
			}
			i := strings.LastIndex(got, `"seq":`)
			if i < 0 {
				t.Fatalf("got %q after %d", got, last)
			}
			if _, err := fmt.Sscanf(got[i:], `"seq":%d}`, &seq); err != nil || seq != last+1 {
				t.Fatalf("got %d, %v after %d", seq, err, last)
			}
			last = seq
		}
		if gaps == 0 {
			t.Error("got no gap: the kernel took everything, and nothing was tested")
		}
	})
}

// TestClientHalfCloses: a client that ends its stream without a close frame is gone.
func TestClientHalfCloses(t *testing.T) {
	onEach(t, hub.Config{}, loop.Config{}, func(t *testing.T, e *echoRoom) {
		ws, _ := e.dial()
		half, ok := ws.NetConn().(interface{ CloseWrite() error })
		if !ok {
			t.Fatal("no half close")
		}
		if err := half.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got := <-e.closed; got != io.EOF {
			t.Errorf("got %v, want EOF", got)
		}
	})
}

// TestInflates: what a client compresses is read, up to the limit of its size when it is not compressed.
func TestInflates(t *testing.T) {
	onEach(t, hub.Config{}, loop.Config{}, func(t *testing.T, e *echoRoom) {
		ws := e.dialDeflate()
		for _, want := range []string{strings.Repeat("danmu ", 600), "x", "", strings.Repeat("幕", 1000)} {
			if err := ws.WriteMessage(websocket.TextMessage, []byte(want)); err != nil {
				t.Fatal(err)
			}
			if got := e.read(ws); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		}
		if err := ws.WriteMessage(websocket.TextMessage, make([]byte, 1<<20)); err != nil { // a kilobyte on the wire
			t.Fatal(err)
		}
		if got, want := e.read(ws), "websocket: close 1009 (message too big): message is too big"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
