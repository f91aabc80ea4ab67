package loop_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
	"github.com/barrage-live/barrage/sockets/hub"
	"github.com/barrage-live/barrage/sockets/loop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echoRoom is one room whose members get their own messages back.
type echoRoom struct {
	hub    *hub.Hub
	room   *hub.Room
	loop   *loop.Loop
	url    string
	bare   bool // no welcome
	packed bool // compresses to those who agreed to it

	receiveBuffer int // of the next client, if not 0
	closed        chan error
	joined        chan *hub.Member
	frames        sync.Map // *loop.Conn → number of Frame calls under way
	t             *testing.T
}

func (e *echoRoom) Frame(c *loop.Conn, payload []byte) {
	if _, busy := e.frames.LoadOrStore(c, true); busy {
		e.t.Error("Frame was called while Frame ran")
	}
	if !e.packed || !c.Deflate() {
		_ = c.Member().Send(append([]byte(nil), payload...)) // fails when the test closed the connection meanwhile
	} else if frame, err := wire.AppendDeflatedFrame(nil, payload); err != nil {
		e.t.Error(err)
	} else {
		_ = c.Member().SendFrame(frame) // as above
	}
	e.frames.Delete(c)
}

func (e *echoRoom) Closed(c *loop.Conn, err error) {
	if _, busy := e.frames.LoadOrStore(c, true); busy {
		e.t.Error("Closed was called while Frame ran, or twice")
	}
	e.closed <- err
}

func (e *echoRoom) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, answer, err := e.loop.Upgrade(&websocket.Upgrader{EnableCompression: true}, w, r)
	if err != nil {
		e.t.Errorf("upgrade: %v", err)
		return
	}
	m, _ := e.room.Join(c, hub.Joining{})
	c.Start(m)
	if e.bare {
		m.Start(answer)
		return
	}
	m.Start(answer, []byte(`{"type":"welcome"}`))
	e.joined <- m
}

// transport is one of the ways by which a connection is served.
type transport struct {
	portable, tls bool
}

func transports() map[string]transport {
	return map[string]transport{"epoll": {}, "goroutine": {portable: true}, "tls": {tls: true}}
}

func newEchoRoom(t *testing.T, tr transport, hc hub.Config, lc loop.Config) *echoRoom {
	t.Helper()
	e := &echoRoom{hub: hub.New(hc), closed: make(chan error, 1000), joined: make(chan *hub.Member, 1000), t: t}
	e.room = e.hub.Open(live.RoomID(1))
	lc.Portable = tr.portable
	var err error
	if e.loop, err = loop.New(lc, e); err != nil {
		t.Fatal(err)
	}
	hubCtx, stopHub := context.WithCancel(context.Background())
	loopCtx, stopLoop := context.WithCancel(context.Background())
	var runs sync.WaitGroup
	runs.Go(func() {
		if err := e.hub.Run(hubCtx); err != nil {
			t.Errorf("hub: %v", err)
		}
	})
	runs.Go(func() {
		if err := e.loop.Run(loopCtx); err != nil {
			t.Errorf("loop: %v", err)
		}
	})
	srv := httptest.NewUnstartedServer(e)
	e.url = "ws"
	if tr.tls {
		srv.StartTLS()
		e.url = "wss"
	} else {
		srv.Start()
	}
	e.url += "://" + srv.Listener.Addr().String()
	t.Cleanup(func() {
		srv.Close()
		stopHub()
		stopLoop()
		runs.Wait()
		if n := e.hub.Len(); n != 0 {
			t.Errorf("got %d members at the end, want 0", n)
		}
	})
	return e
}

// dial connects and reads the welcome.
func (e *echoRoom) dial() (*websocket.Conn, *hub.Member) {
	e.t.Helper()
	d := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // the server is ours
	ws, _, err := d.Dial(e.url, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { _ = ws.Close() })
	if got := e.read(ws); got != `{"type":"welcome"}` {
		e.t.Fatalf("got first %q, want the welcome", got)
	}
	return ws, <-e.joined
}

func (e *echoRoom) read(ws *websocket.Conn) string {
	e.t.Helper()
	if err := ws.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		e.t.Fatal(err)
	}
	_, b, err := ws.ReadMessage()
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func onEach(t *testing.T, hc hub.Config, lc loop.Config, f func(t *testing.T, e *echoRoom)) {
	for name, tr := range transports() {
		t.Run(name, func(t *testing.T) { f(t, newEchoRoom(t, tr, hc, lc)) })
	}
}

func TestEcho(t *testing.T) {
	onEach(t, hub.Config{}, loop.Config{}, func(t *testing.T, e *echoRoom) {
		ws, _ := e.dial()
		for i := range 100 {
			want := fmt.Sprintf(`{"n":%d}`, i)
			if err := ws.WriteMessage(websocket.TextMessage, []byte(want)); err != nil {
				t.Fatal(err)
			}
			if got := e.read(ws); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		}
	})
}

func TestRoomReachesAllInOrder(t *testing.T) {
	onEach(t, hub.Config{}, loop.Config{}, func(t *testing.T, e *echoRoom) {
		const viewers, messages = 20, 300
		var sockets []*websocket.Conn
		for range viewers {
			ws, _ := e.dial()
			sockets = append(sockets, ws)
		}
		for seq := live.Seq(1); seq <= messages; seq++ {
			e.room.Append("e1", seq, [][]byte{[]byte(`{"type":"danmu"}`)})
		}
		for _, ws := range sockets {
			for seq := 1; seq <= messages; seq++ {
				if got, want := e.read(ws), fmt.Sprintf(`{"type":"danmu","seq":%d}`, seq); got != want {
					t.Fatalf("got %q, want %q", got, want)
				}
			}
		}
	})
}

func TestServerCloses(t *testing.T) {
	onEach(t, hub.Config{}, loop.Config{}, func(t *testing.T, e *echoRoom) {
		ws, m := e.dial()
		e.room.Append("e1", 1, [][]byte{[]byte(`{"type":"room"}`)})
		m.Close(4004, "room ended")
		if got, want := e.read(ws), `{"type":"room","seq":1}`; got != want {
			t.Errorf("got %q before the close, want %q", got, want)
		}
		if got, want := e.read(ws), "websocket: close 4004: room ended"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if err := m.Send([]byte(`{}`)); err == nil {
			t.Error("got no error of Send after Close")
		}
		if err := ws.Close(); err != nil {
			t.Fatal(err)
		}
		want := &hub.CloseError{Code: 4004}
		if got := <-e.closed; got == nil || got.Error() != want.Error() {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestClientCloses(t *testing.T) {
	onEach(t, hub.Config{}, loop.Config{}, func(t *testing.T, e *echoRoom) {
		ws, _ := e.dial()
		bye := websocket.FormatCloseMessage(1000, "bye")
		if err := ws.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if got, want := e.read(ws), "websocket: close 1000 (normal)"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := <-e.closed; got != nil {
			t.Errorf("got %v, want nil", got)
		}
	})
}

func TestClientVanishes(t *testing.T) {
	onEach(t, hub.Config{}, loop.Config{}, func(t *testing.T, e *echoRoom) {
		ws, _ := e.dial()
		if err := ws.NetConn().Close(); err != nil {
			t.Fatal(err)
		}
		if got := <-e.closed; got == nil {
			t.Error("got no error")
		}
	})
}

func TestHubStops(t *testing.T) {
	for name, tr := range transports() {
		t.Run(name, func(t *testing.T) {
			var ws *websocket.Conn
			t.Run("serving", func(t *testing.T) { ws, _ = newEchoRoom(t, tr, hub.Config{}, loop.Config{}).dialKept() })
			e := &echoRoom{t: t}
			if got, want := e.read(ws), "websocket: close 1001 (going away): going away"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			_ = ws.Close() // TLS can't say goodbye any more
		})
	}
}

// dialDeflate is dial with permessage-deflate.
func (e *echoRoom) dialDeflate() *websocket.Conn {
	e.t.Helper()
	d := websocket.Dialer{EnableCompression: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // the server is ours
	ws, _, err := d.Dial(e.url, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { _ = ws.Close() })
	e.read(ws)
	<-e.joined
	return ws
}

func TestCompressedBothWays(t *testing.T) {
	for name, tr := range transports() {
		t.Run(name, func(t *testing.T) {
			e := newEchoRoom(t, tr, hub.Config{}, loop.Config{})
			e.packed = true
			ws := e.dialDeflate()
			for _, text := range []string{"x", strings.Repeat("弹幕 ", 500)} {
				if err := ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
					t.Fatal(err)
				}
				if got := e.read(ws); got != text {
					t.Errorf("got %q, want %q", got, text)
				}
			}
		})
	}
}

// dialKept is dial without the cleanup.
func (e *echoRoom) dialKept() (*websocket.Conn, *hub.Member) {
	d := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // the server is ours
	ws, _, err := d.Dial(e.url, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	e.read(ws)
	return ws, <-e.joined
}

func TestDoesNotStealDescriptors(t *testing.T) {
	e := newEchoRoom(t, transport{}, hub.Config{}, loop.Config{})
	for range 50 {
		ws, _ := e.dial()
		if _, ok := ws.NetConn().(*net.TCPConn); !ok {
			t.Fatal("not TCP")
		}
		if err := ws.Close(); err != nil {
			t.Fatal(err)
		}
		<-e.closed
	}
}
