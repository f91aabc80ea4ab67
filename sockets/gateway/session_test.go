package gateway

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/limit"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
	"github.com/barrage-live/barrage/shared/token"
	"github.com/barrage-live/barrage/shared/wire"
)

func TestWelcome(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	w.say(t, 0, 3)
	v := p.join(t, 7, "")
	if v.Session == "" || v.Epoch == "" || v.Seq != 3 || v.Recovered || v.Missed != 0 || v.Online != 1 {
		t.Errorf("got %+v", v.WelcomeData)
	}
	if v.Room.ID != w.room || v.Room.Title != "test" || v.Room.Status != live.RoomLive || v.Room.AnchorID != anchor {
		t.Errorf("got room %+v", v.Room)
	}
}

func TestDanmuReachesEverybodyInOneOrder(t *testing.T) { onWorlds(t, testOneOrder) }

func TestOneOrderOnACluster(t *testing.T) {
	if !redistest.Installed() {
		t.Log("redis-server is not installed: no cluster")
		return
	}
	testOneOrder(t, newWorldOn(t, redistest.ClusterClient(t, redistest.StartCluster(t, 0).Addrs()), newWorld(t).brokers))
}

func testOneOrder(t *testing.T, w *world) {
	pods := []*pod{w.start(t, nil), w.start(t, nil)}
	sender := pods[0].join(t, 7, "")
	viewers := []*viewer{pods[0].join(t, 0, ""), pods[1].join(t, 8, ""), sender}
	const n = 50
	for i := range n {
		sender.send(`{"type":"danmu","id":"d%d","content":"%d","data":{"color":"#00FF00"}}`, i, i)
	}
	for i, v := range viewers {
		acks := 0
		for seq := live.Seq(1); seq <= n; {
			m := v.read()
			switch m.Type {
			case live.Ack:
				acks++
			case live.Danmu:
				if m.Seq != seq || m.Content != fmt.Sprint(seq-1) || m.UserID != 7 {
					t.Fatalf("viewer %d: got %+v, want seq %d", i, m, seq)
				}
				var data wire.DanmuData
				if err := json.Unmarshal(m.Data, &data); err != nil || data.Nickname != "nick7" || data.Role != live.RoleViewer || data.Color != "#00ff00" {
					t.Fatalf("got data %s, %v", m.Data, err)
				}
				seq++
			}
		}
		if v != sender && acks > 0 {
			t.Errorf("viewer %d got %d acks of another's messages", i, acks)
		}
	}
}

func TestAckBearsIDAndSeq(t *testing.T) {
	w := newWorld(t)
	v := w.start(t, nil).join(t, 7, "")
	for range 2 { // again: acked again
		v.send(`{"type":"danmu","id":"abc","content":"hi","room_id":5,"user_id":6,"timestamp":1,"trace_id":"x"}`)
		if ack := v.next(live.Ack); ack.ID != "abc" || ack.Seq != 1 || len(ack.Data) != 0 {
			t.Errorf("got %+v", ack)
		}
	}
	v.send(`{"type":"like","id":"l1","data":{"count":3}}`)
	if ack := v.next(live.Ack); ack.ID != "l1" || ack.Seq != 2 {
		t.Errorf("got %+v", ack)
	}
}

func TestRefusedMessages(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	guest, v := p.join(t, 0, ""), p.join(t, 7, "")
	for _, c := range []struct {
		from *viewer
		text string
		want string
	}{
		{guest, `{"type":"danmu","id":"x","content":"hi"}`, "guest"},
		{guest, `{"type":"like","id":"x"}`, "guest"},
		{guest, `{"type":"gift","id":"x","data":{"gift_id":1}}`, "guest"},
		{v, `{"type":"danmu","id":"x","content":" "}`, "bad_message"},
		{v, `{"type":"danmu","id":"x","content":"` + strings.Repeat("é", 101) + `"}`, "too_long"},
		{v, `{"type":"dance","id":"x"}`, "bad_message"},
		{v, `{"type":"welcome","id":"x"}`, "bad_message"},
		{v, `{"type":"gift","id":"x","data":{"gift_id":1}}`, "unavailable"},
		{v, `{"type":"auth","id":"x","data":{"token":"` + w.token(t, 8) + `"}}`, "other_user"},
		{v, `{"type":"auth","id":"x","data":{"token":"a.b.c"}}`, "invalid_token"},
	} {
		c.from.send("%s", c.text)
		m := c.from.next(live.ErrorReply)
		var data wire.ErrorData
		if err := json.Unmarshal(m.Data, &data); err != nil || data.Code != c.want || data.Message == "" || m.ID != "x" {
			t.Errorf("%s: got %s %s, want %s", c.text, m.ID, m.Data, c.want)
		}
	}
	v.send(`nonsense`)
	if got := v.errorCode(); got != "bad_message" {
		t.Errorf("got %s", got)
	}
	v.send(`{"type":"ping","id":"p"}`)
	if m := v.next(live.Pong); m.ID != "p" {
		t.Errorf("got %+v", m)
	}
}

func TestTooBigClosesThatSocketOnly(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	v, other := p.join(t, 7, ""), p.join(t, 8, "")
	v.send(`{"type":"danmu","id":"x","content":"%s"}`, strings.Repeat("x", wire.MaxInbound))
	if code, _ := v.closed(); code != 1009 {
		t.Errorf("got %d, want 1009", code)
	}
	other.send(`{"type":"ping"}`)
	other.next(live.Pong)
}

func TestFlooding(t *testing.T) {
	w := newWorld(t)
	t.Run("refused again and again", func(t *testing.T) {
		p := w.start(t, func(_ *Config, c *intake.Config) {
			c.Viewers = limit.Rate{Events: 0.01, Burst: 1}
		})
		v := p.join(t, 7, "")
		for i := range 30 {
			if err := v.ws.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"type":"danmu","id":"%d","content":"x"}`, i)); err != nil {
				break // closed already
			}
		}
		if code, _ := v.closed(); code != 4029 {
			t.Errorf("got %d, want 4029", code)
		}
	})
	t.Run("too many frames", func(t *testing.T) {
		p := w.start(t, func(c *Config, _ *intake.Config) { c.FrameRate = 1 })
		v := p.join(t, 7, "")
		for range 10 {
			if err := v.ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping"}`)); err != nil {
				break
			}
		}
		if code, _ := v.closed(); code != 4029 {
			t.Errorf("got %d, want 4029", code)
		}
	})
}

func TestRateLimitNamesTheWait(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, func(_ *Config, c *intake.Config) {
		c.Viewers = limit.Rate{Events: 2, Burst: 1}
	})
	v, moderator, boss := p.join(t, 7, ""), p.join(t, 9, ""), p.join(t, anchor, "")
	v.send(`{"type":"danmu","id":"a","content":"x"}`)
	v.send(`{"type":"danmu","id":"b","content":"x"}`)
	var data wire.ErrorData
	m := v.next(live.ErrorReply)
	if err := json.Unmarshal(m.Data, &data); err != nil || m.ID != "b" || data.Code != "rate_limited" || data.RetryAfterMS < 1 || data.RetryAfterMS > 500 {
		t.Errorf("got %s %s", m.ID, m.Data)
	}
	if err := w.state(t).Apply(t.Context(), w.room, 0, roomstate.Moderator(9, true)); err != nil {
		t.Fatal(err)
	}
	w.command(t, wire.Command{Order: wire.UserChanged, User: 9})
	await(t, "the moderator's rights", func() bool {
		r, ok := p.rooms.get(w.room)
		return ok && r.party(right.Who{User: 9, Role: live.RoleViewer})&right.Moderator != 0
	})
	for name, exempt := range map[string]*viewer{"moderator": moderator, "anchor": boss} {
		for i := range 10 {
			exempt.send(`{"type":"danmu","id":"%s%d","content":"x"}`, name, i)
			if m := exempt.next(live.Ack); m.ID != fmt.Sprint(name, i) {
				t.Errorf("%s: got %+v", name, m)
			}
		}
	}
}

func TestTokenIsRenewedInBand(t *testing.T) {
	w := newWorld(t)
	long := w.signer
	key, err := token.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	short, err := token.NewSigner([]token.Key{key}, "short", "barrage", 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	both, err := token.NewVerifier("barrage", long.Keyring(), short.Keyring())
	if err != nil {
		t.Fatal(err)
	}
	p := w.start(t, func(c *Config, _ *intake.Config) { c.Verifier = both })
	fresh := w.token(t, 7)
	w.signer = short
	renewing, expiring := p.join(t, 7, ""), p.join(t, 8, "")
	renewing.send(`{"type":"auth","id":"r","data":{"token":%q}}`, fresh)
	if m := renewing.next(live.Ack); m.ID != "r" {
		t.Errorf("got %+v", m)
	}
	if code, _ := expiring.closed(); code != 4001 {
		t.Errorf("got %d, want 4001", code)
	}
	renewing.send(`{"type":"ping"}`)
	renewing.next(live.Pong)
}

// giftShop takes requests and remembers them.
type giftShop struct {
	mu  sync.Mutex
	got []wire.Inbound
}

func (s *giftShop) Request(who intake.Sender, _ live.RoomID, msg wire.Inbound, reply func(string, *live.Error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, msg)
	if msg.GiftID == 404 {
		reply("", live.Errorf(live.KindNotFound, "unknown_gift", "there is no such gift"))
		return
	}
	reply(fmt.Sprint("order-", who.User, "-", msg.ID), nil)
}

func TestGiftGoesThroughTheDoor(t *testing.T) {
	w := newWorld(t)
	v := w.start(t, func(c *Config, _ *intake.Config) { c.GiftDoor = &giftShop{} }).join(t, 7, "")
	v.send(`{"type":"gift","id":"g1","data":{"gift_id":3,"count":2}}`)
	m := v.next(live.GiftResult)
	var data wire.GiftResultData
	if err := json.Unmarshal(m.Data, &data); err != nil || m.ID != "g1" || data.OrderID != "order-7-g1" || data.Status != "pending" {
		t.Errorf("got %s %s", m.ID, m.Data)
	}
	v.send(`{"type":"gift","id":"g2","data":{"gift_id":404}}`)
	if got := v.errorCode(); got != "unknown_gift" {
		t.Errorf("got %s", got)
	}
}
