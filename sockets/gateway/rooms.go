package gateway

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/sockets/hub"
)

// subscriber hears rooms on Redis; fanout.Subscriber is the one in use.
type subscriber interface {
	Subscribe(ctx context.Context, room live.RoomID) (fanout.Position, error)
	Unsubscribe(room live.RoomID)
}

// room is one room while this pod hears it.
type room struct {
	id  live.RoomID
	hub *hub.Room

	ready chan struct{} // closed when the pod hears the room, or err says why not
	err   error

	refs  int       // guarded by rooms.mu
	empty time.Time // since when refs is 0; guarded by rooms.mu

	ended  atomic.Bool  // nobody may stay
	online atomic.Int64 // as last counted

	rights
	audience audience
	presence presence
}

// rooms are those that this pod hears. A room is heard from its first viewer until some time after its last.
type rooms struct {
	hub     *hub.Hub
	sub     subscriber
	count   func(context.Context, live.RoomID) (roomstate.Count, error)
	read    func(context.Context, live.RoomID) (live.Room, error) // past any cache
	timeout time.Duration                                         // of a subscription
	linger  time.Duration                                         // an empty room is heard on: viewers who reload find its log
	opening sync.WaitGroup
	mu      sync.RWMutex
	byID    map[live.RoomID]*room
	swept   []live.RoomID // whose leases are still to be given up
}

// get returns the room if this pod hears it, or is about to.
func (rs *rooms) get(id live.RoomID) (*room, bool) {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	r, ok := rs.byID[id]
	return r, ok
}

// all returns every room that this pod hears.
func (rs *rooms) all() []*room {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	all := make([]*room, 0, len(rs.byID))
	for _, r := range rs.byID {
		all = append(all, r)
	}
	return all
}

// acquire returns the room as soon as this pod hears it. Each success is undone by release.
func (rs *rooms) acquire(ctx context.Context, id live.RoomID) (*room, error) {
	rs.mu.Lock()
	r := rs.byID[id]
	if r == nil {
		r = &room{id: id, hub: rs.hub.Open(id), ready: make(chan struct{})}
		r.audience.users = make(map[live.UserID]int)
		rs.byID[id] = r
		rs.opening.Go(func() { rs.open(r) })
	}
	r.refs++
	rs.mu.Unlock()

	select {
	case <-r.ready:
	case <-ctx.Done():
		rs.release(r)
		return nil, fmt.Errorf("hear room %d: %w", id, ctx.Err())
	}
	if r.err != nil {
		rs.release(r)
		return nil, r.err
	}
	return r, nil
}

// open is not tied to the viewer who came first: others wait for it too.
func (rs *rooms) open(r *room) {
	ctx, cancel := context.WithTimeout(context.Background(), rs.timeout)
	defer cancel()
	defer close(r.ready)
	at, err := rs.sub.Subscribe(ctx, r.id)
	if err != nil {
		rs.fail(r, err)
		return
	}
	// What was known of the room before may be older than the first command that the pod hears.
	info, err := rs.read(ctx, r.id)
	if err != nil {
		rs.sub.Unsubscribe(r.id)
		rs.fail(r, err)
		return
	}
	r.hub.Begin(at.Epoch, at.Seq)
	r.changed(info)
	if c, err := rs.count(ctx, r.id); err == nil { // else the first renewal will tell
		r.online.Store(c.Online)
	}
}

func (rs *rooms) fail(r *room, err error) {
	r.err = fmt.Errorf("hear room %d: %w", r.id, err)
	rs.mu.Lock()
	delete(rs.byID, r.id) // the next viewer tries again
	rs.mu.Unlock()
	r.hub.Release()
}

func (rs *rooms) release(r *room) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if r.refs--; r.refs == 0 {
		r.empty = time.Now()
	}
}

// sweep stops hearing the rooms that have been empty for long enough.
func (rs *rooms) sweep(now time.Time) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for id, r := range rs.byID {
		if r.refs == 0 && now.Sub(r.empty) >= rs.linger {
			rs.drop(r)
			delete(rs.byID, id)
		}
	}
}

// drop is called under the lock, so that a new Subscribe of the same room comes after this Unsubscribe.
func (rs *rooms) drop(r *room) {
	rs.sub.Unsubscribe(r.id)
	r.hub.Release()
	rs.swept = append(rs.swept, r.id)
}

// sweepAll stops hearing every room.
func (rs *rooms) sweepAll() {
	rs.opening.Wait()
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for id, r := range rs.byID {
		rs.drop(r)
		delete(rs.byID, id)
	}
}

// takeSwept returns the rooms that were swept since the last call.
func (rs *rooms) takeSwept() []live.RoomID {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	swept := rs.swept
	rs.swept = nil
	// One of them may be back: then its new leases say it all.
	return slices.DeleteFunc(swept, func(id live.RoomID) bool { return rs.byID[id] != nil })
}
