package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/held"
	"github.com/barrage-live/barrage/shared/house"
	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/limit"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/order"
	"github.com/barrage-live/barrage/shared/pace"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/stream/awsiam"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/token"
	"github.com/barrage-live/barrage/sockets/gateway"
	"github.com/barrage-live/barrage/sockets/hub"
)

// parts are what the gateway works with; they are closed in reverse.
type parts struct {
	pod       string
	telemetry *telemetry.Telemetry
	redis     redis.UniversalClient
	kafka     *stream.Client
	state     *roomstate.State
	publisher *fanout.Publisher
	house     *house.Rules
	paces     *pace.Keeper
	intake    *intake.Intake
	orders    *gateway.Orders
	rooms     *gateway.RoomAPI
	keys      *keys
}

const (
	dialTimeout  = 15 * time.Second
	pongPatience = 35 * time.Second // silence after a ping ends a connection
	frameRate    = 50               // messages a second that a connection may send, whatever becomes of them
)

// connect makes the clients. It waits until Redis and Kafka have answered, so that a pod that can't work never starts.
func connect(ctx context.Context, cfg config, tel *telemetry.Telemetry) (*parts, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	p := &parts{telemetry: tel}
	if err := p.fill(ctx, cfg); err != nil {
		return nil, errors.Join(err, p.close(context.WithoutCancel(ctx)))
	}
	return p, nil
}

func (p *parts) fill(ctx context.Context, cfg config) (err error) {
	host, err := os.Hostname()
	if err != nil && cfg.Pod == "" {
		return fmt.Errorf("POD_NAME is not set, nor has the host a name: %w", err)
	}
	// Two processes of one name would take each other's viewers for their own.
	p.pod = cmp.Or(cfg.Pod, host+"-"+strings.ToLower(rand.Text()[:6]))
	if p.keys, err = newKeys(ctx, cfg, p.telemetry); err != nil {
		return err
	}
	p.redis = cfg.Redis.Dial(cfg.RedisAddrs)
	if err := p.redis.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("redis %v: %w", cfg.RedisAddrs, err)
	}
	auth, err := cfg.Kafka.Auth(ctx, awsiam.Mechanism)
	if err != nil {
		return err
	}
	p.kafka, err = stream.Dial(ctx, stream.Config{
		Brokers: cfg.KafkaBrokers, ClientID: "barrage-sockets", Auth: auth, Telemetry: p.telemetry,
	})
	if err != nil {
		return err
	}
	if err := p.kafka.EnsureTopics(ctx); err != nil {
		return err
	}
	rules := roomstate.Config{Metrics: p.telemetry.Metrics}
	if cfg.RoomAPI != nil {
		rules.Restore = func(ctx context.Context, id live.RoomID) error { return p.rooms.Restore(ctx, id) }
	}
	if p.state, err = roomstate.New(p.redis, rules); err != nil {
		return err
	}
	p.orders = gateway.NewOrders(order.NewDoor(p.kafka, p.redis), p.telemetry.Logger())
	p.rooms = gateway.NewRoomAPI(p.state, cfg.RoomAPI)
	p.publisher = fanout.NewPublisher(p.redis, fanout.PublisherConfig{DisplayRate: cfg.DisplayRate, RoomRate: p.state.DisplayRate})
	p.paces = pace.NewKeeper(pace.Config{
		State: p.state, Publisher: p.publisher, Log: p.telemetry.Logger(), DisplayRate: cfg.DisplayRate,
	})
	if p.house, err = cfg.House.Open(house.Config{State: p.state, Pacer: p.paces}, p.telemetry.Metrics); err != nil {
		return err
	}
	p.intake, err = intake.New(cfg.Intake.Apply(intake.Config{
		Publisher: p.publisher, Kafka: p.kafka, State: p.state, House: p.house, Pod: p.pod, Telemetry: p.telemetry,
		Queue: held.New(p.redis, p.publisher), Rooms: limit.Rate{Events: cfg.RoomRate, Burst: int(cfg.RoomRate)},
	}))
	return err
}

func (p *parts) gatewayConfig(cfg config) gateway.Config {
	frames := frameRate
	if cfg.Intake.ViewerRate == 0 {
		frames = 0 // whoever lifts the one limit means it
	}
	return gateway.Config{
		Pod: p.pod, Verifier: p.keys.verifier, Rooms: p.rooms, Intake: p.intake, Redis: p.redis, State: p.state,
		Kafka: p.kafka, GiftDoor: p.orders, Telemetry: p.telemetry,
		Fanout:  fanout.Config{Publisher: p.publisher},
		Hub:     hub.Config{FlushBudget: cfg.FlushBudget, PingEvery: cfg.PingInterval, Silence: cfg.PingInterval + pongPatience},
		Origins: cfg.AllowedOrigins, AllowGuests: cfg.AllowGuests, AllowQueryToken: cfg.AllowQueryToken, Deflate: cfg.Deflate,
		TrustedProxies: cfg.proxies, MaxConnections: cfg.MaxConnections, MaxPerAddress: cfg.MaxPerAddress,
		MaxPerUser: cfg.MaxPerUser, FrameRate: frames,
		HandshakeRate: limit.Rate{Events: cfg.HandshakeRate, Burst: int(3 * cfg.HandshakeRate)},
	}
}

// close flushes Kafka and disconnects.
func (p *parts) close(ctx context.Context) error {
	var errs []error
	if p.intake != nil {
		p.intake.Close()
	}
	if p.kafka != nil {
		errs = append(errs, within(ctx, p.kafka.Close))
	}
	if p.house != nil {
		p.house.Close()
	}
	if p.rooms != nil {
		p.rooms.Close()
	}
	if p.state != nil {
		p.state.Close()
	}
	if p.redis != nil {
		errs = append(errs, p.redis.Close())
	}
	return errors.Join(errs...)
}

// keys are those that tokens are checked with: of this platform's own signing key, or fetched from the auth function.
type keys struct {
	verifier *token.Verifier
	remote   *token.Remote // nil: they never change
	tel      *telemetry.Telemetry
}

func newKeys(ctx context.Context, cfg config, tel *telemetry.Telemetry) (*keys, error) {
	k := &keys{tel: tel}
	var ring *token.Keyring
	if cfg.SigningKey != "" {
		own, err := token.ParseKeys(cfg.SigningKey)
		if err != nil {
			return nil, fmt.Errorf("TOKEN_SIGNING_KEY: %w", err)
		}
		ring = token.NewKeyring(cfg.Issuer, own)
	} else {
		var err error
		if k.remote, err = token.NewRemote(cfg.Issuer, cfg.JWKSURL, 0); err != nil {
			return nil, fmt.Errorf("JWKS_URL: %w", err)
		}
		if err := k.remote.Refresh(ctx); err != nil {
			// Run tries again; until then tokens are refused and the pod is not ready.
			tel.Logger().WarnContext(ctx, "keys cannot be fetched yet", telemetry.Err, err)
		}
		ring = k.remote.Keyring()
	}
	var err error
	k.verifier, err = token.NewVerifier(cfg.Audience, ring)
	return k, err
}

func (k *keys) run(ctx context.Context) error {
	if k.remote != nil {
		k.remote.Run(ctx, func(err error) {
			k.tel.Logger().WarnContext(ctx, "keys cannot be fetched", telemetry.Err, err)
		})
	}
	return nil
}

func (k *keys) check(ctx context.Context) error {
	if k.remote == nil {
		return nil
	}
	return k.remote.Check(ctx)
}
