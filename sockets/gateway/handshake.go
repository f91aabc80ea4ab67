package gateway

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/token"
)

// maxHistory is the most recent messages that a new connection may ask for (CONTRACT §2).
const maxHistory = 100

// request is what a handshake asks for, checked as far as its own bytes go.
type request struct {
	room    live.RoomID
	resume  resume
	history int
	who     token.Identity // User 0: a guest
}

// resume is the place from which a client wants to go on.
type resume struct {
	epoch live.Epoch // "": it is new here
	seq   live.Seq
}

// ServeHTTP is GET /ws. It returns when the connection is in its room, or refused; from then on the loop serves it.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), g.HandshakeTimeout)
	defer cancel()
	if err := g.serve(ctx, w, r); err != nil {
		httpapi.WriteError(w, err)
	}
}

func (g *Gateway) serve(ctx context.Context, w http.ResponseWriter, r *http.Request) *live.Error {
	address := httpapi.Household(httpapi.ClientAddrOf(r.RemoteAddr, r.Header.Values("X-Forwarded-For"), g.TrustedProxies))
	if err := g.mayTry(address); err != nil {
		return err
	}
	req, err := g.read(r)
	if err != nil {
		return err
	}
	seat, err := g.seats.take(address, req.who.User)
	if err != nil {
		return err
	}
	room, info, err := g.enter(ctx, req)
	if err != nil {
		g.seats.give(seat)
		return err
	}
	conn, answer, upgradeErr := g.loop.Upgrade(&g.upgrader, w, r)
	if upgradeErr != nil { // answered by the upgrader
		g.rooms.release(room)
		g.seats.give(seat)
		g.log.DebugContext(ctx, "handshake failed", telemetry.Err, upgradeErr)
		return nil
	}
	g.join(ctx, conn, answer, &session{room: room, seat: seat, who: req.who}, req, info)
	return nil
}

// mayTry comes before anything that costs.
func (g *Gateway) mayTry(address netip.Addr) *live.Error {
	if g.draining.Load() {
		return &live.Error{Kind: live.KindUnavailable, Code: codeDraining, Message: "this server is about to stop", RetryAfter: time.Second}
	}
	if ok, after := g.handshakes.Allow(address, 1); !ok {
		return &live.Error{Kind: live.KindRateLimited, Code: codeTooFast, Message: "too many handshakes from your address", RetryAfter: after}
	}
	return nil
}

func (g *Gateway) read(r *http.Request) (request, *live.Error) {
	if r.Method != http.MethodGet || !websocket.IsWebSocketUpgrade(r) {
		return request{}, live.Errorf(live.KindMalformed, codeBadRequest, "this is a WebSocket: connect with an upgrade")
	}
	if !g.originAllowed(r) {
		return request{}, live.Errorf(live.KindForbidden, codeForbidden, "pages of this origin may not connect")
	}
	req, err := parseQuery(r)
	if err != nil {
		return request{}, err
	}
	given, err := credentialsOf(r, g.AllowQueryToken)
	if err != nil {
		return request{}, err
	}
	if given.token == "" && !g.AllowGuests {
		return request{}, live.Errorf(live.KindUnauthenticated, codeTokenRequired, "sign in to watch")
	}
	if given.token != "" {
		if req.who, err = g.verify(given.token); err != nil {
			return request{}, err
		}
	}
	// A server is no viewer: it must not get in as a guest, past what guests are refused for.
	if refused, ok := live.AsError(right.Door(right.Watch, req.who.Who())); ok {
		return request{}, refused
	}
	return req, nil
}

func (g *Gateway) verify(raw string) (token.Identity, *live.Error) {
	id, err := g.Verifier.Verify(raw)
	if err == nil {
		return id, nil
	}
	if public, ok := live.AsError(err); ok {
		return token.Identity{}, public
	}
	return token.Identity{}, token.ErrInvalid
}

// originAllowed compares the whole origin with the list. Only browsers send it, and they cannot leave it out.
func (g *Gateway) originAllowed(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	return len(origins) == 0 || len(origins) == 1 && slices.Contains(g.Origins, origins[0])
}

func parseQuery(r *http.Request) (request, *live.Error) {
	bad := func(what string) *live.Error { return live.Errorf(live.KindMalformed, codeBadRequest, "%s", what) }
	q := r.URL.Query()
	id, err := strconv.ParseInt(q.Get("room_id"), 10, 64)
	if err != nil || id <= 0 || id > maxID {
		return request{}, bad("room_id is not a room")
	}
	req := request{room: live.RoomID(id)}
	if text := q.Get("history"); text != "" {
		if req.history, err = strconv.Atoi(text); err != nil || req.history < 0 || req.history > maxHistory {
			return request{}, bad("history is 0 to 100")
		}
	}
	if text := q.Get("resume"); text != "" {
		i := strings.LastIndexByte(text, ':')
		if i <= 0 || i > maxEpoch {
			return request{}, bad("resume is epoch:seq")
		}
		seq, err := strconv.ParseInt(text[i+1:], 10, 64)
		if err != nil || seq < 0 || seq > maxID {
			return request{}, bad("resume is epoch:seq")
		}
		req.resume = resume{epoch: live.Epoch(text[:i]), seq: live.Seq(seq)}
	}
	return req, nil
}

const (
	maxID    = 1<<53 - 1 // the largest integer that JavaScript reads exactly
	maxEpoch = 64
)

// enter finds the room, makes this pod hear it, and asks whether the user may be there. The pod hears the room first:
// a ban or a stop that comes from then on reaches the connection, and one that came before is seen.
func (g *Gateway) enter(ctx context.Context, req request) (*room, live.Room, *live.Error) {
	info, err := g.lookup(ctx, req.room)
	if err != nil {
		return nil, info, err
	}
	r, acquireErr := g.rooms.acquire(ctx, req.room)
	if acquireErr != nil {
		g.log.WarnContext(ctx, "room cannot be heard", telemetry.Room, req.room, telemetry.Err, acquireErr)
		return nil, info, roomsAway()
	}
	if err := g.mayStay(ctx, r, req.who.User); err != nil {
		g.rooms.release(r)
		return nil, info, err
	}
	return r, info, nil
}

func (g *Gateway) lookup(ctx context.Context, id live.RoomID) (live.Room, *live.Error) {
	info, ok, err := g.Rooms.Room(ctx, id)
	switch {
	case err != nil:
		g.log.WarnContext(ctx, "room cannot be looked up", telemetry.Room, id, telemetry.Err, err)
		return info, roomsAway()
	case !ok:
		return info, live.Errorf(live.KindNotFound, codeUnknownRoom, "there is no such room")
	case info.Status == live.RoomEnded:
		return info, live.Errorf(live.KindConflict, codeRoomEnded, "the room has ended")
	}
	return info, nil
}

// readRoom looks the room up past this process's cache.
func (g *Gateway) readRoom(ctx context.Context, id live.RoomID) (live.Room, error) {
	g.State.Invalidate(id)
	info, ok, err := g.Rooms.Room(ctx, id)
	if err == nil && !ok {
		err = live.Errorf(live.KindNotFound, codeUnknownRoom, "there is no such room")
	}
	return info, err
}

func roomsAway() *live.Error {
	return &live.Error{Kind: live.KindUnavailable, Code: codeRoomsAway, Message: "rooms cannot be reached at the moment", RetryAfter: 2 * time.Second}
}
