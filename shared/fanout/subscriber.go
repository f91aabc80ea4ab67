package fanout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
)

// Config of a Subscriber holds what may be left zero.
type Config struct {
	Connections int           // pub/sub connections to each Redis server; default 2
	Shards      int           // goroutines that call the sink; default GOMAXPROCS
	QueueBytes  int           // what may wait between Redis and the sink in one shard; default 8 MiB
	Audit       time.Duration // how often each room's last seq is compared with Redis; default 30 s
	Publisher   *Publisher    // this process's own, told what was heard so that it notices when Redis lost data; may be nil
	Logger      *slog.Logger  // default: discard
}

// Stats counts since the start of the process.
type Stats struct {
	Reconnects int64 // connections to Redis that were lost
	Repaired   int64 // messages that came from the history
	Lost       int64 // messages that couldn't be had any more
	Unreadable int64 // envelopes that are not what this version writes
}

// Subscriber hears the rooms it is subscribed to. Its methods may be called concurrently.
type Subscriber struct {
	rdb     redis.UniversalClient
	c       Config
	sink    Sink
	place   placement
	shards  []*shard
	running chan struct{} // closed when Run has begun
	stopped chan struct{} // closed when Run ends
	stats   struct{ reconnects, repaired, lost, bad atomic.Int64 }

	mu     sync.Mutex
	ctx    context.Context // of Run; links live in it. Set before running is closed
	loops  sync.WaitGroup  // links; Run waits for them
	closed bool
	rooms  map[live.RoomID]*link
	links  map[linkName]*link
}

var errStopped = errors.New("subscriber has stopped")

// tickEvery is how often failed repairs are tried again and audits are looked for.
const tickEvery = 250 * time.Millisecond

// NewSubscriber returns a subscriber that does nothing until Run. On a *redis.ClusterClient it uses sharded pub/sub.
func NewSubscriber(rdb redis.UniversalClient, c Config, sink Sink) *Subscriber {
	if c.Connections <= 0 {
		c.Connections = 2
	}
	if c.Shards <= 0 {
		c.Shards = runtime.GOMAXPROCS(0)
	}
	if c.QueueBytes <= 0 {
		c.QueueBytes = 8 << 20
	}
	if c.Audit <= 0 {
		c.Audit = 30 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Subscriber{
		rdb: rdb, c: c, sink: sink, place: placementOf(rdb),
		running: make(chan struct{}), stopped: make(chan struct{}),
		rooms: make(map[live.RoomID]*link), links: make(map[linkName]*link),
	}
	for range c.Shards {
		s.shards = append(s.shards, &shard{s: s, queue: newQueue(c.QueueBytes), rooms: make(map[live.RoomID]*hearing)})
	}
	return s
}

// Run serves until ctx ends, and returns nil then. It must be called once.
func (s *Subscriber) Run(ctx context.Context) error {
	if s.place == nil {
		return fmt.Errorf("subscribe on a %T: only one Redis or a cluster will do", s.rdb)
	}
	defer close(s.stopped)
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	s.ctx = ctx
	s.mu.Unlock()
	var shards sync.WaitGroup
	for _, sh := range s.shards {
		shards.Go(func() { sh.run(ctx) })
	}
	close(s.running)
	s.tick(ctx)
	cancel()
	shards.Wait()
	s.close()
	s.loops.Wait()
	return nil
}

// close lets no link begin any more.
func (s *Subscriber) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

func (s *Subscriber) tick(ctx context.Context) {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			for _, sh := range s.shards {
				sh.queue.putNow(event{kind: evTick})
			}
			if n%4 == 0 {
				s.followOwners(ctx)
			}
		}
	}
}

// Subscribe begins to hear the room and returns the position after which the sink gets everything; the sink may be
// called before it returns. A room without a sequence gets one. It waits for Run and for Redis until ctx ends.
// The caller counts its uses: one Subscribe a room, then one Unsubscribe.
func (s *Subscriber) Subscribe(ctx context.Context, room live.RoomID) (Position, error) {
	select {
	case <-s.running:
	case <-s.stopped:
		return Position{}, errStopped
	case <-ctx.Done():
		return Position{}, fmt.Errorf("subscribe to room %d: %w", room, context.Cause(ctx))
	}
	wait := make(chan Position, 1)
	if err := s.open(ctx, room, wait); err != nil {
		return Position{}, fmt.Errorf("subscribe to room %d: %w", room, err)
	}
	select {
	case at := <-wait:
		return at, nil
	case <-s.stopped:
		return Position{}, errStopped
	case <-ctx.Done():
		s.Unsubscribe(room)
		return Position{}, fmt.Errorf("subscribe to room %d: %w", room, context.Cause(ctx))
	}
}

func (s *Subscriber) open(ctx context.Context, room live.RoomID, wait chan<- Position) error {
	client, name, err := s.owner(ctx, room)
	if err != nil {
		return err
	}
	l, ps, err := s.add(room, client, name, wait)
	if err != nil {
		return err
	}
	l.subscribe(ps, room)
	return nil
}

func (s *Subscriber) add(room live.RoomID, client *redis.Client, name linkName, wait chan<- Position) (*link, *redis.PubSub, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rooms[room] != nil {
		return nil, nil, errors.New("already subscribed")
	}
	if s.closed || !s.shardOf(room).queue.putNow(event{kind: evAdd, room: room, wait: wait}) {
		return nil, nil, errStopped
	}
	l := s.linkTo(client, name)
	s.rooms[room] = l
	return l, l.want(room), nil
}

// Unsubscribe stops hearing the room. A call of the sink may still be under way.
func (s *Subscriber) Unsubscribe(room live.RoomID) {
	s.mu.Lock()
	l := s.rooms[room]
	if l == nil {
		s.mu.Unlock()
		return
	}
	delete(s.rooms, room)
	s.shardOf(room).queue.putNow(event{kind: evRemove, room: room})
	ps := l.drop(room)
	s.mu.Unlock()
	l.unsubscribe(ps, room)
}

// Stats returns the counters.
func (s *Subscriber) Stats() Stats {
	return Stats{
		Reconnects: s.stats.reconnects.Load(), Repaired: s.stats.repaired.Load(),
		Lost: s.stats.lost.Load(), Unreadable: s.stats.bad.Load(),
	}
}

func (s *Subscriber) shardOf(room live.RoomID) *shard {
	return s.shards[spread(room)%uint64(len(s.shards))]
}

// spread mixes the room's id (the finalizer of MurmurHash3), so that rooms numbered in steps don't share a shard.
func spread(room live.RoomID) uint64 {
	x := uint64(room)
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return x
}

// nextAudit is somewhere from half an interval to one and a half away, so that rooms subscribed at once part.
func (s *Subscriber) nextAudit(now time.Time) time.Time {
	return now.Add(s.c.Audit/2 + rand.N(s.c.Audit))
}
