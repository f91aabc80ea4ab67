// Package gateway is the socket tier's edge: it lets viewers into rooms, takes what they say, and brings them what the
// room hears.
//
// A connection's way through the files: handshake.go (may it come in), join.go (its place in the room, what it missed),
// session.go (what it says), downlink.go (what it hears), and Closed. Beside it run the keeper (presence.go) and, at
// the end, drain.go.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/limit"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/token"
	"github.com/barrage-live/barrage/shared/wire"
	"github.com/barrage-live/barrage/sockets/hub"
	"github.com/barrage-live/barrage/sockets/loop"
)

// verifier checks access tokens; token.Verifier is the one in use.
type verifier interface {
	Verify(raw string) (token.Identity, error)
}

// roomLookup finds rooms; RoomAPI is the fleet's.
type roomLookup interface {
	Room(ctx context.Context, id live.RoomID) (live.Room, bool, error)
}

// submitter takes danmaku and likes in; intake.Intake is the one in use.
type submitter interface {
	Submit(who intake.Sender, room live.RoomID, msg wire.Inbound, reply func(intake.Reply))
}

// Config is what a Gateway works with. What has no default is marked; a limit of 0 is no limit.
type Config struct {
	Pod       string                // required: names this process among all pods
	Verifier  verifier              // required
	Rooms     roomLookup            // required
	Intake    submitter             // required
	Redis     redis.UniversalClient // required
	State     *roomstate.State      // required
	Kafka     recorder              // required
	GiftDoor  GiftDoor              // nil: gifts are refused
	Telemetry *telemetry.Telemetry  // nil: discarded
	Fanout    fanout.Config
	Hub       hub.Config
	Loop      loop.Config

	Origins         []string // exact, as browsers send them: https://example.org
	AllowGuests     bool
	AllowQueryToken bool
	Deflate         bool           // permessage-deflate for clients that offer it
	TrustedProxies  []netip.Prefix // whose X-Forwarded-For is believed

	MaxConnections   int
	MaxPerAddress    int
	MaxPerUser       int
	HandshakeRate    limit.Rate    // by address
	FrameRate        int           // messages a second that a connection may send, whatever becomes of them
	HandshakeTimeout time.Duration // 0: 10 s
	TokenGrace       time.Duration // how long a connection outlives its token; 0: 30 s
	RoomLinger       time.Duration // how long an empty room is heard on; 0: 30 s
}

// Gateway is the socket tier of one pod. All methods may be called concurrently.
type Gateway struct {
	Config
	log     *slog.Logger
	history *fanout.History

	upgrader   websocket.Upgrader
	hub        *hub.Hub
	loop       *loop.Loop
	sub        *fanout.Subscriber
	rooms      *rooms
	seats      seats
	handshakes *limit.Bucket[netip.Addr]

	draining    atomic.Bool
	drainedPast atomic.Bool // connections that are opened from now on are closed at once
}

const subscribeTimeout = 5 * time.Second

// New makes a gateway that serves while Run does.
func New(cfg Config) (*Gateway, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	g := &Gateway{Config: cfg, log: cfg.Telemetry.Logger(), history: fanout.NewHistory(cfg.Redis)}
	g.Hub.Flushed = g.flushed
	g.hub = hub.New(g.Hub)
	if g.loop, err = loop.New(cfg.Loop, g); err != nil {
		return nil, err
	}
	g.sub = fanout.NewSubscriber(cfg.Redis, cfg.Fanout, downlink{g})
	g.rooms = &rooms{
		hub: g.hub, sub: g.sub, count: cfg.State.Online, read: g.readRoom, timeout: subscribeTimeout, linger: cfg.RoomLinger,
		byID: make(map[live.RoomID]*room),
	}
	g.seats = seats{
		max: int64(cfg.MaxConnections), addresses: newCounts[netip.Addr](cfg.MaxPerAddress), users: newCounts[live.UserID](cfg.MaxPerUser),
	}
	g.handshakes = limit.NewBucket[netip.Addr](cfg.HandshakeRate, 0)
	g.upgrader = websocket.Upgrader{
		EnableCompression: cfg.Deflate,
		Subprotocols:      []string{subprotocol}, CheckOrigin: g.originAllowed, // it borrows the HTTP server's buffers
		Error: func(w http.ResponseWriter, _ *http.Request, _ int, reason error) {
			httpapi.WriteError(w, live.Errorf(live.KindMalformed, codeBadRequest, "%s", reason))
		},
	}
	return g, nil
}

func (c Config) withDefaults() (Config, error) {
	if c.Pod == "" || c.Verifier == nil || c.Rooms == nil || c.Intake == nil || c.Redis == nil || c.State == nil || c.Kafka == nil {
		return c, errors.New("gateway: a required part is missing")
	}
	if c.Telemetry == nil {
		c.Telemetry = telemetry.Discard()
	}
	c.HandshakeTimeout = orDefault(c.HandshakeTimeout, 10*time.Second)
	c.TokenGrace = orDefault(c.TokenGrace, 30*time.Second)
	c.RoomLinger = orDefault(c.RoomLinger, 30*time.Second)
	if c.Fanout.Logger == nil {
		c.Fanout.Logger = c.Telemetry.Logger()
	}
	return c, nil
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// Run serves until ctx ends, then closes what is left with 1001 and gives the pod's presence up. Drain comes first
// where viewers are to be sent elsewhere.
func (g *Gateway) Run(ctx context.Context) error {
	base := context.WithoutCancel(ctx)
	looping, stopLoop := context.WithCancel(base)
	hearing, stopHearing := context.WithCancel(base)
	defer stopLoop()
	defer stopHearing()
	k := &keeper{pod: g.Pod, rooms: g.rooms, state: g.State, kafka: g.Kafka, log: g.log, metrics: g.Telemetry.Metrics}

	var wg sync.WaitGroup
	errs := make([]error, 4)
	wg.Go(func() {
		errs[0] = g.hub.Run(ctx) // first: it releases the connections that the loop waits for
		g.draining.Store(true)
		stopLoop()
	})
	wg.Go(func() {
		errs[1] = g.loop.Run(looping)
		stopHearing()
	})
	wg.Go(func() { errs[2] = g.sub.Run(hearing) })
	wg.Go(func() { errs[3] = k.run(hearing) })
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	return nil
}

// Len is how many connections there are.
func (g *Gateway) Len() int { return int(g.seats.taken.Load()) }
