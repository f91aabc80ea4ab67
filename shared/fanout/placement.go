package fanout

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
)

// placement says which Redis server a room's channel lives on.
type placement interface {
	owner(ctx context.Context, room live.RoomID) (client *redis.Client, addr string, err error)
	// refresh makes later answers follow a change of the topology.
	refresh(ctx context.Context)
	sharded() bool
}

func placementOf(rdb redis.UniversalClient) placement {
	switch client := rdb.(type) {
	case *redis.ClusterClient:
		return onCluster{client}
	case *redis.Client:
		return onOne{client}
	default:
		return nil
	}
}

type onOne struct{ client *redis.Client }

func (o onOne) owner(context.Context, live.RoomID) (*redis.Client, string, error) {
	return o.client, "", nil
}
func (o onOne) refresh(context.Context) {}
func (o onOne) sharded() bool           { return false }

// onCluster goes to the masters itself. The cluster client's own sharded subscription puts channels of many slots into
// one SSUBSCRIBE when it reconnects, which the servers refuse.
type onCluster struct{ client *redis.ClusterClient }

func (o onCluster) owner(ctx context.Context, room live.RoomID) (*redis.Client, string, error) {
	client, err := o.client.MasterForKey(ctx, roomstate.ChannelOf(room))
	if err != nil {
		return nil, "", fmt.Errorf("find the server of room %d: %w", room, err)
	}
	return client, client.Options().Addr, nil
}
func (o onCluster) refresh(ctx context.Context) { o.client.ReloadState(ctx) }
func (o onCluster) sharded() bool               { return true }

func (s *Subscriber) owner(ctx context.Context, room live.RoomID) (*redis.Client, linkName, error) {
	client, addr, err := s.place.owner(ctx, room)
	return client, linkName{addr: addr, index: int(spread(room) >> 32 % uint64(s.c.Connections))}, err
}

// linkTo returns the link of that name, and starts it if need be. s.mu is held, and s isn't closed.
func (s *Subscriber) linkTo(client *redis.Client, name linkName) *link {
	l := s.links[name]
	if l == nil {
		l = &link{s: s, name: name, client: client, wanted: make(map[live.RoomID]struct{})}
		s.links[name] = l
		s.loops.Go(func() { l.run(s.ctx) })
	}
	l.setClient(client)
	return l
}

// followOwners moves rooms whose slot has moved to another server. The new link's confirmation repairs them.
func (s *Subscriber) followOwners(ctx context.Context) {
	if !s.place.sharded() {
		return
	}
	s.mu.Lock()
	at := make(map[live.RoomID]*link, len(s.rooms))
	for room, l := range s.rooms {
		at[room] = l
	}
	s.mu.Unlock()
	for room, from := range at {
		client, name, err := s.owner(ctx, room)
		if err != nil {
			s.c.Logger.WarnContext(ctx, "cluster doesn't say where a room is", "error", err)
			return
		}
		if name == from.name {
			from.setClient(client)
			continue
		}
		s.move(room, from, client, name)
	}
}

func (s *Subscriber) move(room live.RoomID, from *link, client *redis.Client, name linkName) {
	s.mu.Lock()
	if s.rooms[room] != from || s.closed {
		s.mu.Unlock()
		return
	}
	to := s.linkTo(client, name)
	s.rooms[room] = to
	old, ps := from.drop(room), to.want(room)
	s.mu.Unlock()
	from.unsubscribe(old, room)
	to.subscribe(ps, room)
}

// retire removes the link when it has no rooms left; its loop then ends.
func (s *Subscriber) retire(l *link) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !l.idle() {
		return false
	}
	delete(s.links, l.name)
	return true
}
