package gateway

import (
	"context"
	"errors"
	"time"

	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/live"
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
		g.Intake.Submit(g.sender(s), s.room.id, msg, func(r intake.Reply) { g.reply(s, r) })
	case live.Gift:
		g.gift(s, msg)
	case live.Ping:
		g.send(s, func() ([]byte, error) { return message(live.Pong, s.room.id, msg.ID, nil) })
	case live.Auth:
		g.renew(s, msg)
	}
}

func (g *Gateway) sender(s *session) intake.Sender {
	return intake.Sender{
		User: s.who.User, Nickname: s.who.Nickname, Role: s.who.Role,
		Exempt: s.who.User != 0 && (s.who.Role == live.RoleAdmin || s.room.exempt(s.who.User)),
	}
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
	switch {
	case s.who.User == 0:
		refuse(live.Errorf(live.KindForbidden, intake.CodeGuest, "sign in to give"))
	case g.GiftDoor == nil:
		refuse(live.Errorf(live.KindUnavailable, intake.CodeUnavailable, "gifts cannot be given here"))
	default:
		g.GiftDoor.Request(g.sender(s), s.room.id, msg, func(order string, err *live.Error) {
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

// renew lets a connection outlive its first token. Who the connection belongs to cannot change: rights, counts and
// limits hang on it.
func (g *Gateway) renew(s *session, msg wire.Inbound) {
	id, err := g.Verifier.Verify(msg.Token)
	refused, ok := live.AsError(err)
	switch {
	case err != nil && !ok:
		refused = token.ErrInvalid
	case err == nil && id.User != s.who.User:
		refused = live.Errorf(live.KindForbidden, "other_user", "connect anew to be somebody else")
	}
	if refused != nil {
		g.reply(s, intake.Reply{ID: msg.ID, Err: refused})
		return
	}
	s.member.Expire(id.Expires.Add(g.TokenGrace))
	g.reply(s, intake.Reply{ID: msg.ID, Shown: true})
}

// Closed ends a session; it is the last call for its connection.
func (g *Gateway) Closed(c *loop.Conn, _ error) {
	s := c.Member().Tag.(*session)
	g.left(s)
}
