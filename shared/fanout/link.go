package fanout

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
)

const (
	pingEvery   = 3 * time.Second
	silentLimit = 10 * time.Second // a connection that hasn't even answered a ping is dead
	batchOf     = 256              // channels in one SUBSCRIBE
)

// linkName tells the links to one server apart.
type linkName struct {
	addr  string
	index int
}

// link is one pub/sub connection. It is made anew after every error: whatever was missed meanwhile shows as
// a confirmation of a room that was subscribed already, which repairs the room.
type link struct {
	s    *Subscriber
	name linkName

	mu     sync.Mutex
	client *redis.Client
	wanted map[live.RoomID]struct{}
	ps     *redis.PubSub // nil while there is no connection
}

func (l *link) setClient(client *redis.Client) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.client = client
}

// want adds the room and returns the connection to subscribe on; nil when the next one will do it.
func (l *link) want(room live.RoomID) *redis.PubSub {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wanted[room] = struct{}{}
	return l.ps
}

func (l *link) drop(room live.RoomID) *redis.PubSub {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.wanted, room)
	return l.ps
}

func (l *link) wants(room live.RoomID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.wanted[room]
	return ok
}

func (l *link) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.wanted) == 0
}

// subscribe asks on ps. When that fails the connection is given up: the reader notices and makes a new one.
func (l *link) subscribe(ps *redis.PubSub, rooms ...live.RoomID) {
	if ps == nil {
		return
	}
	ctx := l.s.ctx
	size, ask := batchOf, ps.Subscribe
	if l.s.place.sharded() {
		size, ask = 1, ps.SSubscribe // channels of one command must share a slot
	}
	channels := make([]string, 0, size)
	for len(rooms) > 0 && ctx.Err() == nil {
		channels = channels[:0]
		for _, room := range rooms[:min(size, len(rooms))] {
			channels = append(channels, roomstate.ChannelOf(room))
		}
		rooms = rooms[len(channels):]
		if err := ask(ctx, channels...); err != nil {
			l.abandon(ps, err)
			return
		}
	}
}

func (l *link) unsubscribe(ps *redis.PubSub, room live.RoomID) {
	if ps == nil || l.s.ctx.Err() != nil {
		return
	}
	ask := ps.Unsubscribe
	if l.s.place.sharded() {
		ask = ps.SUnsubscribe
	}
	if err := ask(l.s.ctx, roomstate.ChannelOf(room)); err != nil {
		l.abandon(ps, err)
	}
}

func (l *link) abandon(ps *redis.PubSub, why error) {
	if err := ps.Close(); err == nil {
		l.s.c.Logger.WarnContext(l.s.ctx, "redis channel given up", "server", l.name.addr, "error", why)
	}
}

// run keeps a connection while rooms want it.
func (l *link) run(ctx context.Context) {
	backoff := minBackoff
	for {
		began := time.Now()
		err := l.session(ctx)
		if ctx.Err() != nil {
			return
		}
		l.s.stats.reconnects.Add(1)
		l.s.c.Logger.WarnContext(ctx, "redis channel lost", "server", l.name.addr, "error", err)
		if backoff = min(2*backoff, maxBackoff); time.Since(began) > maxBackoff {
			backoff = minBackoff
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(backoff/2 + rand.N(backoff/2)):
		}
		l.s.place.refresh(ctx)
		l.s.followOwners(ctx)
		if l.s.retire(l) {
			return
		}
	}
}

// session serves one connection until it fails.
func (l *link) session(ctx context.Context) error {
	l.mu.Lock()
	ps := l.client.Subscribe(ctx)
	l.ps = ps
	rooms := make([]live.RoomID, 0, len(l.wanted))
	for room := range l.wanted {
		rooms = append(rooms, room)
	}
	l.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	var writers sync.WaitGroup
	defer func() {
		l.mu.Lock()
		l.ps = nil
		l.mu.Unlock()
		cancel()
		writers.Wait()
	}()
	// Subscribing waits for nobody, but Redis answers each channel: read meanwhile.
	writers.Go(func() {
		defer l.closeWith(ctx, ps)
		l.subscribe(ps, rooms...)
		l.ping(ctx, ps)
	})
	for {
		got, err := ps.ReceiveTimeout(ctx, silentLimit)
		if err != nil {
			return err
		}
		if err := l.heard(got); err != nil {
			return err
		}
	}
}

// closeWith closes ps; a reader that is stuck in it comes free.
func (l *link) closeWith(ctx context.Context, ps *redis.PubSub) {
	<-ctx.Done()
	if err := ps.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
		l.s.c.Logger.WarnContext(ctx, "close redis channel", "error", err)
	}
}

// ping makes an idle connection say that it is alive.
func (l *link) ping(ctx context.Context, ps *redis.PubSub) {
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := ps.Ping(ctx); err != nil {
				l.abandon(ps, err)
				return
			}
		}
	}
}

func (l *link) heard(got any) error {
	switch m := got.(type) {
	case *redis.Message:
		room, err := roomOf(m.Channel)
		if err != nil {
			return err
		}
		l.s.shardOf(room).queue.put(event{kind: evMessage, room: room, text: m.Payload})
	case *redis.Subscription:
		room, err := roomOf(m.Channel)
		if err != nil {
			return err
		}
		switch m.Kind {
		case "subscribe", "ssubscribe":
			l.s.shardOf(room).queue.putNow(event{kind: evSubscribed, room: room})
		case "sunsubscribe":
			if l.wants(room) {
				return fmt.Errorf("server gave up the slot of room %d", room)
			}
		}
	}
	return nil
}

// roomOf reads the room's id from the name of its channel, room:{42}.
func roomOf(channel string) (live.RoomID, error) {
	id, ok := strings.CutPrefix(channel, "room:{")
	id, closed := strings.CutSuffix(id, "}")
	n, err := strconv.ParseInt(id, 10, 64)
	if !ok || !closed || err != nil {
		return 0, fmt.Errorf("message on channel %q", channel)
	}
	return live.RoomID(n), nil
}
