package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/wire"
	"github.com/barrage-live/barrage/sockets/hub"
	"github.com/barrage-live/barrage/sockets/loop"
)

// maxResume is how many messages a resume may have missed. Who missed more sees them faster by reading the history.
const maxResume = 2000

// join puts an upgraded connection into its room. Its place in the room's log is taken first; what it missed before
// that place is read afterwards, so that nothing is missed or doubled while messages go on.
func (g *Gateway) join(ctx context.Context, conn *loop.Conn, answer []byte, s *session, req request, info live.Room) {
	session := ulid.Make().String()
	joining := hub.Joining{User: s.who.User, Tag: s, Epoch: req.resume.epoch, Seq: req.resume.seq, Packed: conn.Deflate()}
	if s.who.User != 0 {
		joining.Expires = s.who.Expires.Add(g.TokenGrace)
	}
	m, at := s.room.hub.Join(conn, joining)
	s.member = m
	g.joined(ctx, s, session)

	first, err := g.opening(ctx, s, session, req, info, at)
	m.Start(answer, first...)
	conn.Start(m)
	if err != nil {
		g.log.WarnContext(ctx, "history cannot be read", telemetry.Room, req.room, telemetry.Err, err)
		m.Close(wire.CloseRestart, "try again") // a partial recovery would be worse
		return
	}
	// What came to pass while the connection was not in the room yet did not close it.
	if err := g.mayStay(ctx, s.room, s.who.User); err != nil {
		m.Close(closeCodeOf(err), err.Message)
	}
	if g.drainedPast.Load() {
		m.Close(wire.CloseRestart, "going away")
	}
}

// mayStay asks whether the room goes on and the user is not banned from it.
func (g *Gateway) mayStay(ctx context.Context, r *room, user live.UserID) *live.Error {
	if r.ended.Load() {
		return live.Errorf(live.KindConflict, codeRoomEnded, "the room has ended")
	}
	if user == 0 {
		return nil
	}
	standing, err := g.State.Standing(ctx, r.id, user)
	if err != nil {
		g.log.WarnContext(ctx, "standing cannot be read", telemetry.Room, r.id, telemetry.Err, err)
		return roomsAway()
	}
	if standing.Banned(time.Now()) {
		return live.Errorf(live.KindForbidden, intake.CodeBanned, "you are banned from this room")
	}
	r.setModerator(user, standing.Moderator)
	return nil
}

func closeCodeOf(e *live.Error) wire.CloseCode {
	switch e.Code {
	case intake.CodeBanned:
		return wire.CloseBanned
	case codeRoomEnded:
		return wire.CloseRoomEnded
	default:
		return wire.CloseRestart
	}
}

// opening is what a connection gets before the room's log: the welcome, and what it missed or asked for.
func (g *Gateway) opening(ctx context.Context, s *session, session string, req request, info live.Room, at hub.Position) ([][]byte, error) {
	info.ViewerCount = max(s.room.online.Load(), 1)
	welcome := wire.WelcomeData{
		Session: session, Epoch: at.Epoch, Seq: at.Seq, Recovered: at.Recovered, Missed: at.Missed,
		Online: info.ViewerCount, Room: info,
	}
	var past [][]byte
	var err error
	if !at.Recovered {
		past, welcome.Recovered, err = g.past(ctx, req, at)
		if welcome.Recovered {
			welcome.Missed = int64(len(past))
		}
	}
	first, encodeErr := message(live.Welcome, req.room, "", welcome)
	if encodeErr != nil {
		return nil, errors.Join(err, encodeErr)
	}
	return append([][]byte{first}, past...), err
}

// past returns all messages between the client's place and at, and true; or, if one of them can't be had, up to
// req.history messages before at, and false.
func (g *Gateway) past(ctx context.Context, req request, at hub.Position) ([][]byte, bool, error) {
	if missed := at.Seq - req.resume.seq; req.resume.epoch != "" && req.resume.epoch == at.Epoch && missed >= 0 && missed <= maxResume {
		payloads, ok, err := g.missed(ctx, req, at)
		if err != nil || ok {
			return payloads, ok, err
		}
	}
	if req.history == 0 {
		return nil, false, nil
	}
	stored, pos, err := g.history.Latest(ctx, req.room, req.history)
	if err != nil {
		return nil, false, fmt.Errorf("read history of room %d: %w", req.room, err)
	}
	if pos.Epoch != at.Epoch {
		return nil, false, nil
	}
	var payloads [][]byte
	for _, m := range stored {
		if m.Seq <= at.Seq { // the log holds what follows
			payloads = append(payloads, wire.AppendSeq(nil, m.Payload, m.Seq))
		}
	}
	return payloads, false, nil
}

func (g *Gateway) missed(ctx context.Context, req request, at hub.Position) ([][]byte, bool, error) {
	stored, epoch, _, complete, err := g.history.Since(ctx, req.room, req.resume.epoch, req.resume.seq, int(at.Seq-req.resume.seq))
	if err != nil {
		return nil, false, fmt.Errorf("read history of room %d after %d: %w", req.room, req.resume.seq, err)
	}
	if !complete || epoch != at.Epoch {
		return nil, false, nil
	}
	next := req.resume.seq + 1
	var payloads [][]byte
	for _, m := range stored {
		if m.Seq > at.Seq {
			break
		}
		if m.Seq != next {
			return nil, false, nil
		}
		payloads = append(payloads, wire.AppendSeq(nil, m.Payload, m.Seq))
		next++
	}
	return payloads, next == at.Seq+1, nil
}
