// Package hub holds the rooms of one pod and sends what is said in them to the pod's connections: frames are written
// once into a room's log and every connection is a cursor into it. It knows neither Kafka nor Redis.
package hub

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

// Config bounds and times the hub; zero values are replaced by those in brackets.
type Config struct {
	Shards       int           // flushers, each with its share of the connections [GOMAXPROCS]
	LogBytes     int           // frames a room keeps for slow and returning viewers [1 MiB]
	KeepBytes    int           // gifts and control frames a room keeps for viewers who fell out of its log [128 KiB]
	PrivateBytes int           // frames that wait for one connection [64 KiB]
	LogAge       time.Duration // older frames are forgotten, to the second [60 s]
	FlushBudget  time.Duration // what a message may wait for others to share its write [50 ms]
	PingEvery    time.Duration // [25 s]
	Silence      time.Duration // without a byte from the client the connection is closed [60 s]
	FrameTimeout time.Duration // from the first byte of a frame to its last [10 s]
	WriteTimeout time.Duration // a connection that takes nothing for so long is closed with 4008 [20 s]
	CloseTimeout time.Duration // from our close frame to the client's [5 s]
	Flushed      func(Flush)   // called by the flushers, each on its own, after writes; must not block
}

// Flush is what was written between two reports of one flusher.
type Flush struct {
	Connections int           // that took all there was for them
	Deliveries  int64         // sequenced messages times connections
	Missed      int64         // the same, for those that a gap told a slow connection of
	Waited      time.Duration // from the first append that caused a round to its end; 0 for private messages
}

func orDefault[T int | time.Duration](v *T, byDefault T) {
	if *v <= 0 {
		*v = byDefault
	}
}

func (c *Config) fill() {
	orDefault(&c.Shards, runtime.GOMAXPROCS(0))
	orDefault(&c.LogBytes, 1<<20)
	orDefault(&c.KeepBytes, 128<<10)
	orDefault(&c.PrivateBytes, 64<<10)
	orDefault(&c.LogAge, 60*time.Second)
	if c.FlushBudget < 0 {
		c.FlushBudget = 0
	} else {
		orDefault(&c.FlushBudget, 50*time.Millisecond)
	}
	orDefault(&c.PingEvery, 25*time.Second)
	orDefault(&c.Silence, 60*time.Second)
	orDefault(&c.FrameTimeout, 10*time.Second)
	orDefault(&c.WriteTimeout, 20*time.Second)
	orDefault(&c.CloseTimeout, 5*time.Second)
}

// Hub is all rooms and connections of one pod. All methods may be called concurrently.
//
// Lock order: Hub.mu, Room.mu, shard.mu. No lock is held while a socket is written.
type Hub struct {
	config  Config
	start   time.Time
	shards  []*shard
	turn    atomic.Uint32 // of the shards, for new connections
	members atomic.Int64

	mu    sync.Mutex
	rooms map[live.RoomID]*Room
}

// Errors of a connection that is on its way out.
var (
	ErrClosed  = errors.New("connection is closed")
	ErrTooSlow = errors.New("connection is too slow")
)

// New makes a hub; Run starts it.
func New(config Config) *Hub {
	config.fill()
	h := &Hub{config: config, start: time.Now(), rooms: map[live.RoomID]*Room{}}
	for range config.Shards {
		h.shards = append(h.shards, newShard(h))
	}
	return h
}

// Run flushes until ctx ends, then releases every connection with close code 1001 and returns when all are released.
func (h *Hub) Run(ctx context.Context) error {
	var shards sync.WaitGroup
	for _, s := range h.shards {
		shards.Go(func() { s.run(ctx) })
	}
	shards.Wait()
	return nil
}

// Open returns the room, which stays until as many calls of Room.Release were made as of Open.
func (h *Hub) Open(id live.RoomID) *Room {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[id]
	if r == nil {
		r = newRoom(h, id)
		h.rooms[id] = r
	}
	r.refs++
	return r
}

// Room returns the room if it is open, without opening it.
func (h *Hub) Room(id live.RoomID) (*Room, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, ok := h.rooms[id]
	return r, ok
}

// Rooms returns the rooms that are open now.
func (h *Hub) Rooms() []*Room {
	h.mu.Lock()
	defer h.mu.Unlock()
	rooms := make([]*Room, 0, len(h.rooms))
	for _, r := range h.rooms {
		rooms = append(rooms, r)
	}
	return rooms
}

// Len counts the connections that joined and are not yet released.
func (h *Hub) Len() int64 { return h.members.Load() }

// CloseUser closes all connections of the user on this pod and returns how many there were.
func (h *Hub) CloseUser(user live.UserID, code wire.CloseCode, reason string) int {
	closed := 0
	for _, r := range h.Rooms() {
		closed += r.CloseUser(user, code, reason)
	}
	return closed
}

// Members returns the connections that have started and are not yet released, unless ctx ends first.
func (h *Hub) Members(ctx context.Context) ([]*Member, error) {
	var all []*Member
	for _, s := range h.shards {
		members, err := s.list(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, members...)
	}
	return all, nil
}

// seconds is the coarse clock of deadlines: whole seconds since the hub was made, never 0.
func (h *Hub) seconds(t time.Time) uint32 { return uint32(t.Sub(h.start)/time.Second) + 1 }

// deadline is the first second at or after d from now.
func (h *Hub) deadline(now uint32, d time.Duration) uint32 {
	return now + uint32((d+time.Second-1)/time.Second)
}
