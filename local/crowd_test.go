package main

import (
	"fmt"
	"net/http"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/sockets/client"
)

// viewer is one of the audience. What it has got may be looked at once readAll has returned.
type viewer struct {
	t     *testing.T
	s     *Stack
	opts  client.Options
	conn  *client.Conn
	epoch live.Epoch
	last  live.Seq
	got   []live.Message
	cutAt func() // not nil: hang up behind cutAt messages, and come back when it returns
}

func watch(t *testing.T, s *Stack, room live.RoomID, token string) *viewer {
	t.Helper()
	o := client.Options{Room: room, Token: token}
	conn, hello := dial(t, s, o)
	return &viewer{t: t, s: s, opts: o, conn: conn, epoch: hello.Epoch, last: hello.Seq}
}

// readAll reads until all danmaku are there; every seq must follow the one before.
func (v *viewer) readAll() error {
	for len(v.got) < danmaku {
		if v.cutAt != nil && len(v.got) == cutAt {
			if err := v.comeBack(); err != nil {
				return err
			}
		}
		m, err := v.conn.Read()
		if err != nil {
			return fmt.Errorf("behind %d messages: %w", len(v.got), err)
		}
		if m.Seq != 0 {
			if m.Seq != v.last+1 {
				return fmt.Errorf("got seq %d behind %d", m.Seq, v.last)
			}
			v.last = m.Seq
		}
		if m.Type == live.Danmu {
			v.got = append(v.got, m)
		}
	}
	return nil
}

func (v *viewer) comeBack() error {
	if err := v.conn.Cut(); err != nil {
		return err
	}
	v.cutAt()
	v.cutAt = nil
	o := v.opts
	o.URL, o.Epoch, o.After = v.s.SocketURL, v.epoch, v.last
	conn, hello, err := dialed(v.t.Context(), o)
	if err != nil {
		return err
	}
	if !hello.Recovered || hello.Epoch != v.epoch || hello.Missed < partTwo-cutAt {
		return fmt.Errorf("resume behind %d: got %+v", v.last, hello)
	}
	v.conn = conn
	return nil
}

// crowd speaks: most over their sockets, every tenth danmu over HTTP.
type crowd struct {
	t     *testing.T
	room  live.RoomID
	who   []caller
	conns []*client.Conn
	sent  []string
}

func newCrowd(t *testing.T, s *Stack, room live.RoomID) *crowd {
	t.Helper()
	c := &crowd{t: t, room: room}
	for i := range speakers {
		who := register(t, s, fmt.Sprintf("e2e-speaker-%d", i))
		conn, _ := dial(t, s, client.Options{Room: room, Token: who.token})
		c.who, c.conns = append(c.who, who), append(c.conns, conn)
	}
	return c
}

// speak goes on until so many danmaku have been acked in all; everybody speaks at once.
func (c *crowd) speak(upTo int) {
	c.t.Helper()
	var speaking errgroup.Group
	begin := len(c.sent)
	for n := begin; n < upTo; n++ {
		c.sent = append(c.sent, fmt.Sprintf("danmu-%d", n))
	}
	for i := range speakers {
		speaking.Go(func() error {
			for n := begin + i; n < upTo; n += speakers {
				say := c.send
				if n%10 == 9 {
					say = c.post
				}
				if err := say(i, c.sent[n]); err != nil {
					return fmt.Errorf("%s: %w", c.sent[n], err)
				}
			}
			return nil
		})
	}
	if err := speaking.Wait(); err != nil {
		c.t.Fatal(err)
	}
}

// send sends twice, as a client does that has lost the first ack: the second one says the same.
func (c *crowd) send(who int, id string) error {
	first, err := c.acked(who, id)
	if err != nil {
		return err
	}
	again, err := c.acked(who, id)
	if err == nil && (first == 0 || again != first) {
		err = fmt.Errorf("acked with seq %d, then with %d", first, again)
	}
	return err
}

func (c *crowd) acked(who int, id string) (live.Seq, error) {
	conn := c.conns[who]
	if err := conn.Send(live.Message{Type: live.Danmu, ID: id, Content: "弹幕 " + id}); err != nil {
		return 0, err
	}
	for {
		m, err := conn.Read()
		switch {
		case err != nil:
			return 0, err
		case m.Type == live.ErrorReply:
			return 0, fmt.Errorf("refused: %s", m.Data)
		case m.Type == live.Ack && m.ID == id:
			return m.Seq, nil
		}
	}
}

func (c *crowd) post(who int, id string) error {
	body := map[string]any{"id": id, "content": "弹幕 " + id, "data": map[string]string{"color": "#7bdff2"}}
	if r := c.who[who].call("POST", path(c.room, "/messages"), body); r.status != http.StatusOK {
		return fmt.Errorf("%d %s", r.status, r.body)
	}
	return nil
}
