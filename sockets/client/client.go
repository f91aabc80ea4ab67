// Package client is a viewer's end of the socket protocol: what the demo's bots and the end-to-end tests speak.
package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/barrage-live/barrage/shared/live"
)

const (
	silence      = 60 * time.Second // the server pings every 25 s, so this much silence means a dead path
	writeTimeout = 5 * time.Second
)

// Options say where to connect and as whom.
type Options struct {
	URL     string // ws://host:port/ws
	Room    live.RoomID
	Token   string     // empty: a guest
	Epoch   live.Epoch // with After: resume behind this message
	After   live.Seq
	History int // how many recent messages to ask for when not resuming
}

// Conn is one connection to a room. Read has one caller; writes may come from many.
type Conn struct {
	ws *websocket.Conn
	mu sync.Mutex // one writer at a time
}

// Refused is a handshake that the server answered with something else than an upgrade.
type Refused struct {
	Status int
	Code   string // of the problem body
	err    error
}

func (r *Refused) Error() string { return fmt.Sprintf("handshake: %d %s: %v", r.Status, r.Code, r.err) }
func (r *Refused) Unwrap() error { return r.err }

// Dial opens a connection. The first message that Read returns is the welcome.
func Dial(ctx context.Context, o Options) (*Conn, error) {
	q := url.Values{"room_id": {strconv.FormatInt(int64(o.Room), 10)}}
	if o.Epoch != "" {
		q.Set("resume", string(o.Epoch)+":"+strconv.FormatInt(int64(o.After), 10))
	}
	if o.History > 0 {
		q.Set("history", strconv.Itoa(o.History))
	}
	header := http.Header{}
	if o.Token != "" {
		header.Set("Authorization", "Bearer "+o.Token)
	}
	dialer := websocket.Dialer{HandshakeTimeout: 10 * time.Second, ReadBufferSize: 4096, WriteBufferSize: 1024}
	ws, res, err := dialer.DialContext(ctx, o.URL+"?"+q.Encode(), header)
	if err != nil {
		return nil, refusal(res, err)
	}
	c := &Conn{ws: ws}
	answer := ws.PingHandler() // pongs, and tolerates a connection that closes meanwhile
	ws.SetPingHandler(func(data string) error {
		if err := c.alive(); err != nil {
			return err
		}
		return answer(data)
	})
	return c, c.alive()
}

func refusal(res *http.Response, err error) error {
	if res == nil {
		return fmt.Errorf("dial: %w", err)
	}
	var problem struct {
		Code string `json:"code"`
	}
	// gorilla keeps at most the first KiB of the body; without a code in it the status has to do.
	if json.NewDecoder(res.Body).Decode(&problem) != nil {
		problem.Code = ""
	}
	return &Refused{Status: res.StatusCode, Code: problem.Code, err: err}
}

func (c *Conn) alive() error { return c.ws.SetReadDeadline(time.Now().Add(silence)) }

// Read waits for the next message. When the server closes, the error carries its close code: see CloseCode.
func (c *Conn) Read() (live.Message, error) {
	var m live.Message
	_, frame, err := c.ws.ReadMessage()
	if err != nil {
		return m, err
	}
	if err := c.alive(); err != nil {
		return m, err
	}
	if err := json.Unmarshal(frame, &m); err != nil {
		return m, fmt.Errorf("decode %q: %w", frame, err)
	}
	return m, nil
}

// Send writes one message. Only type, id, content and data are the client's to set.
func (c *Conn) Send(m live.Message) error {
	frame, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode message %s: %w", m.ID, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.ws.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	return c.ws.WriteMessage(websocket.TextMessage, frame)
}

// Close says good-bye (1000) and hangs up.
func (c *Conn) Close() error {
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	// The connection may be gone already: hanging up is what matters.
	_ = c.ws.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second))
	return c.ws.Close()
}

// Cut hangs up without a word, as a lost network does.
func (c *Conn) Cut() error { return c.ws.Close() }

// CloseCode is the code that the server closed with, or 0 when err is something else.
func CloseCode(err error) int {
	var e *websocket.CloseError
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}
