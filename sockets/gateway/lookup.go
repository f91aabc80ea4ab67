package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/barrage-live/barrage/shared/live"
)

// roomState holds rooms that some function has cached; roomstate.State is the one in use.
type roomState interface {
	Room(ctx context.Context, room live.RoomID) (live.Room, bool, error)
	PutRoom(ctx context.Context, room live.Room) error
}

// RoomAPI finds rooms in Redis first, then asks the room function, which knows them all. Its methods may be called
// concurrently.
type RoomAPI struct {
	state  roomState
	base   *url.URL // of the room function; nil: Redis alone
	client *http.Client
	flight singleflight.Group

	mu      sync.Mutex
	unknown map[live.RoomID]time.Time // until when a room need not be asked for again
}

const (
	unknownFor   = 3 * time.Second // a room that is created meanwhile is not found for so long
	maxUnknown   = 10_000
	roomTimeout  = 2 * time.Second
	maxRoomBytes = 64 << 10
)

// NewRoomAPI makes a lookup; base is the address of the room function without /api/v1, nil if there is none.
func NewRoomAPI(state roomState, base *url.URL) *RoomAPI {
	return &RoomAPI{
		state: state, base: base, client: &http.Client{Timeout: roomTimeout, Transport: &http.Transport{MaxConnsPerHost: 16}},
		unknown: make(map[live.RoomID]time.Time),
	}
}

// Close gives up the connections to the room function.
func (a *RoomAPI) Close() { a.client.CloseIdleConnections() }

// Room returns the room, or false if there is none.
func (a *RoomAPI) Room(ctx context.Context, id live.RoomID) (live.Room, bool, error) {
	info, ok, err := a.state.Room(ctx, id)
	if err != nil || ok || a.base == nil {
		return info, ok, err
	}
	if a.isUnknown(id) {
		return live.Room{}, false, nil
	}
	asked := a.flight.DoChan(strconv.FormatInt(int64(id), 10), func() (any, error) {
		return a.ask(context.WithoutCancel(ctx), id) // others wait for it too; the client's timeout ends it
	})
	select {
	case r := <-asked:
		if r.Err != nil {
			return live.Room{}, false, r.Err
		}
		info := r.Val.(live.Room)
		return info, info.ID != 0, nil
	case <-ctx.Done():
		return live.Room{}, false, fmt.Errorf("look room %d up: %w", id, ctx.Err())
	}
}

// ask returns the zero room when there is none.
func (a *RoomAPI) ask(ctx context.Context, id live.RoomID) (live.Room, error) {
	// Who looked just before the last answer was cached comes here just behind it.
	if info, ok, err := a.state.Room(ctx, id); err != nil || ok {
		return info, err
	}
	u := a.base.JoinPath("api/v1/rooms", strconv.FormatInt(int64(id), 10))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return live.Room{}, fmt.Errorf("ask for room %d: %w", id, err)
	}
	res, err := a.client.Do(req)
	if err != nil {
		return live.Room{}, fmt.Errorf("ask for room %d: %w", id, err)
	}
	defer func() { _ = res.Body.Close() }() // it was read
	switch res.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		a.setUnknown(id)
		return live.Room{}, nil
	default:
		return live.Room{}, fmt.Errorf("ask for room %d: %s", id, res.Status)
	}
	var info live.Room
	if err := json.NewDecoder(io.LimitReader(res.Body, maxRoomBytes)).Decode(&info); err != nil {
		return live.Room{}, fmt.Errorf("ask for room %d: %w", id, err)
	}
	if info.ID != id {
		return live.Room{}, fmt.Errorf("ask for room %d: got room %d", id, info.ID)
	}
	if err := a.state.PutRoom(ctx, info); err != nil {
		return live.Room{}, fmt.Errorf("cache room %d: %w", id, err)
	}
	return info, nil
}

// Restore asks the room function for the room's settings, which makes Redis hold all rules of the room again.
func (a *RoomAPI) Restore(ctx context.Context, id live.RoomID) error {
	u := a.base.JoinPath("api/v1/rooms", strconv.FormatInt(int64(id), 10), "settings")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return fmt.Errorf("ask for the rules of room %d: %w", id, err)
	}
	res, err := a.client.Do(req)
	if err != nil {
		return fmt.Errorf("ask for the rules of room %d: %w", id, err)
	}
	defer func() { _ = res.Body.Close() }() // its status says it all
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("ask for the rules of room %d: %s", id, res.Status)
	}
	return nil
}

func (a *RoomAPI) isUnknown(id live.RoomID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	until, ok := a.unknown[id]
	if ok && time.Now().After(until) {
		delete(a.unknown, id)
		return false
	}
	return ok
}

// setUnknown forgets all when there are too many: somebody is guessing, and the handshake rate is what stops that.
func (a *RoomAPI) setUnknown(id live.RoomID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.unknown) >= maxUnknown {
		clear(a.unknown)
	}
	a.unknown[id] = time.Now().Add(unknownFor)
}
