package gateway

import (
	"context"
	"errors"
	"time"

	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/token"
	"github.com/barrage-live/barrage/shared/wire"
	"github.com/barrage-live/barrage/sockets/hub"
	"github.com/barrage-live/barrage/sockets/loop"
)

// session is one connection in one room. It is kept small: there may be a million of them.
type session struct {
	room   *room
	member *hub.Member
	seat   seat
	who    token.Identity // User 0: a guest

	frames   meter
	refusals meter
}

// Flooding: a client that is refused again and again, and does not slow down, is cut off.
const (
	refusalCost  = 500 * time.Millisecond
	refusalBurst = 10 * time.Second
	frameBurst   = 4 * time.Second
)

// Frame takes one message of a client. It runs on one of few workers and never waits.
func (g *Gateway) Frame(c *loop.Conn, payload []byte) {
	s := c.Member().Tag.(*session)
	if g.FrameRate > 0 && !s.frames.spend(time.Now(), time.Second/time.Duration(g.FrameRate), frameBurst) {
		s.member.Close(wire.CloseFlooding, "too many messages")
		return
	}
	msg, err := wire.ParseInbound(payload)
	if err != nil {
		refused, ok := live.AsError(err)
		if !ok {
			refused = live.Errorf(live.KindInvalid, wire.CodeBadMessage, "the message cannot be read")
		}
		g.reply(s, intake.Reply{ID: msg.ID, Err: refused})
		return
	}
	switch msg.Type {
	case live.Danmu, live.Like:
		g.speak(s, msg)
	case live.Gift:
		g.gift(s, msg)
	case live.Ping:
		g.send(s, func() ([]byte, error) { return message(live.Pong, s.room.id, msg.ID, nil) })
	case live.Auth:
		g.renew(s, msg)
	}
}

// sender is whom messages of the session come from, if the table of rights lets them do that.
func (s *session) sender(do right.Action) (intake.Sender, *live.Error) {
	who := s.who.Who()
	party := s.room.party(who)
	if right.Check(do, who, party) != nil {
		return intake.Sender{}, live.Errorf(live.KindForbidden, intake.CodeGuest, "sign in first")
	}
	return intake.Sender{
		User: who.User, Nickname: s.who.Nickname, Role: party.Role(),
		Exempt: right.Check(right.SpeakFreely, who, party) == nil,
	}, nil
}

func (g *Gateway) speak(s *session, msg wire.Inbound) {
	sender, refused := s.sender(right.Speak)
	if refused != nil {
		g.reply(s, intake.Reply{ID: msg.ID, Err: refused})
		return
	}
	g.Intake.Submit(sender, s.room.id, msg, func(r intake.Reply) { g.reply(s, r) })
}

// reply answers one message, and cuts off who is refused too often. It may be called from any goroutine.
func (g *Gateway) reply(s *session, r intake.Reply) {
	g.send(s, func() ([]byte, error) { return replyMessage(s.room.id, r) })
	if r.Err != nil && provoked(r.Err) && !s.refusals.spend(time.Now(), refusalCost, refusalBurst) {
		s.member.Close(wire.CloseFlooding, "refused too often")
	}
}

// provoked tells refusals that the client could have avoided from those that are our own fault.
func provoked(e *live.Error) bool { return e.Kind != live.KindUnavailable }

// send queues a private message. An error means that the connection is closing, or was closed for being too slow.
func (g *Gateway) send(s *session, encode func() ([]byte, error)) {
	payload, err := encode()
	if err != nil {
		g.log.ErrorContext(context.Background(), "message cannot be encoded", telemetry.Err, err, telemetry.Room, s.room.id)
		return
	}
	if err := s.member.Send(payload); errors.Is(err, hub.ErrTooSlow) {
		g.shed(live.ClassControl, "slow", 1)
	}
}

// GiftDoor takes gift requests: it chooses the order by the message's id, publishes the request, and calls reply once,
// with the order's id or the reason why not, without blocking. The result of the settlement comes through the room.
type GiftDoor interface {
	Request(who intake.Sender, room live.RoomID, msg wire.Inbound, reply func(order string, err *live.Error))
}

func (g *Gateway) gift(s *session, msg wire.Inbound) {
	refuse := func(e *live.Error) { g.reply(s, intake.Reply{ID: msg.ID, Err: e}) }
	sender, refused := s.sender(right.Give)
	switch {
	case refused != nil:
		refuse(refused)
	case g.GiftDoor == nil:
		refuse(live.Errorf(live.KindUnavailable, intake.CodeUnavailable, "gifts cannot be given here"))
	default:
		g.GiftDoor.Request(sender, s.room.id, msg, func(order string, err *live.Error) {
			if err != nil {
				refuse(err)
				return
			}
			g.send(s, func() ([]byte, error) {
				return message(live.GiftResult, s.room.id, msg.ID, wire.GiftResultData{OrderID: order, Status: "pending"})
			})
		})
	}
}

// renew lets a connection outlive its first token, and takes over the nickname and role of the new one. Who the
// connection belongs to cannot change: counts and limits hang on it.
func (g *Gateway) renew(s *session, msg wire.Inbound) {
	id, refused := g.verify(msg.Token)
	if refused == nil && (id.User == 0 || id.User != s.who.User) {
		refused = live.Errorf(live.KindForbidden, "other_user", "connect anew to be somebody else")
	}
	if refused != nil {
		g.reply(s, intake.Reply{ID: msg.ID, Err: refused})
		return
	}
	s.who.Nickname, s.who.Role = id.Nickname, id.Role // nobody but Frame, which never runs twice at once, reads them
	s.member.Expire(id.Expires.Add(g.TokenGrace))
	g.reply(s, intake.Reply{ID: msg.ID, Shown: true})
}

// Closed ends a session; it is the last call for its connection.
func (g *Gateway) Closed(c *loop.Conn, _ error) {
	s := c.Member().Tag.(*session)
	g.left(s)
}
