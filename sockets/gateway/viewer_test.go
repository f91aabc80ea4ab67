package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
	"github.com/barrage-live/barrage/shared/wire"
)

// viewer is a client; its methods fail the test.
type viewer struct {
	t  testing.TB
	ws *websocket.Conn
	wire.WelcomeData
}

type dialing struct {
	query  string // beside room_id
	header http.Header
	proto  []string
	room   live.RoomID // 0: the world's
	packed bool        // offers compression
}

func (p *pod) try(t testing.TB, d dialing) (*websocket.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	room := d.room
	if room == 0 {
		room = p.world.room
	}
	dialer := websocket.Dialer{Subprotocols: d.proto, EnableCompression: d.packed}
	url := fmt.Sprintf("%s?room_id=%d%s", p.url, room, d.query)
	return dialer.DialContext(ctx, url, d.header)
}

// join connects user, 0 for a guest, and reads the welcome.
func (p *pod) join(t testing.TB, user live.UserID, query string) *viewer {
	t.Helper()
	d := dialing{query: query}
	if user != 0 {
		d.header = http.Header{"Authorization": {"Bearer " + p.world.token(t, user)}}
	}
	ws, res, err := p.try(t, d)
	if err != nil {
		t.Fatalf("dial: %v %s", err, problemCode(res))
	}
	return newViewer(t, ws)
}

func newViewer(t testing.TB, ws *websocket.Conn) *viewer {
	t.Helper()
	v := &viewer{t: t, ws: ws}
	t.Cleanup(func() { _ = ws.Close() }) // closed twice where the test did
	m := v.read()
	if m.Type != live.Welcome {
		t.Fatalf("got %s first, want the welcome", m.Type)
	}
	if err := json.Unmarshal(m.Data, &v.WelcomeData); err != nil {
		t.Fatal(err)
	}
	return v
}

func problemCode(res *http.Response) string {
	if res == nil {
		return ""
	}
	var p struct{ Code string }
	if err := json.NewDecoder(res.Body).Decode(&p); err != nil {
		return "no problem body: " + err.Error()
	}
	return p.Code
}

func (v *viewer) tryRead() (live.Message, error) {
	if err := v.ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return live.Message{}, err
	}
	_, frame, err := v.ws.ReadMessage()
	if err != nil {
		return live.Message{}, err
	}
	return wire.Unmarshal(frame)
}

func (v *viewer) read() live.Message {
	v.t.Helper()
	m, err := v.tryRead()
	if err != nil {
		v.t.Fatalf("read: %v", err)
	}
	return m
}

// next skips to the next message of the type.
func (v *viewer) next(of live.MessageType) live.Message {
	v.t.Helper()
	for {
		if m := v.read(); m.Type == of {
			return m
		}
	}
}

// closed reads until the server closes, and returns the code and the type of the last message before.
func (v *viewer) closed() (code int, last live.MessageType) {
	v.t.Helper()
	for {
		m, err := v.tryRead()
		var closing *websocket.CloseError
		if errors.As(err, &closing) {
			return closing.Code, last
		}
		if err != nil {
			v.t.Fatalf("read: %v", err)
		}
		last = m.Type
	}
}

func (v *viewer) send(text string, args ...any) {
	v.t.Helper()
	if err := v.ws.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, text, args...)); err != nil {
		v.t.Fatalf("send: %v", err)
	}
}

func (v *viewer) errorCode() string {
	v.t.Helper()
	var data wire.ErrorData
	if err := json.Unmarshal(v.next(live.ErrorReply).Data, &data); err != nil {
		v.t.Fatal(err)
	}
	return data.Code
}

// await waits until check holds.
func await(t testing.TB, what string, check func() bool) {
	t.Helper()
	redistest.Await(t, what, func(context.Context) error {
		if check() {
			return nil
		}
		return errors.New("not yet")
	})
}
