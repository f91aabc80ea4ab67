// Package functions lists the stateless functions of the platform and wires each from the parts it uses. A host (Lambda,
// Knative, plain) takes a Function and knows nothing of what is inside.
package functions

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/functions/auth"
	"github.com/barrage-live/barrage/functions/gift"
	"github.com/barrage-live/barrage/functions/moderation"
	"github.com/barrage-live/barrage/functions/room"
	"github.com/barrage-live/barrage/functions/stats"
	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/held"
	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/ledger"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/objects"
	"github.com/barrage-live/barrage/shared/pictures"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/rulebook"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/token"
)

// Function is one deployable unit: routes, batch handlers, or both.
type Function struct {
	Name    string
	Routes  func(*httpapi.API)
	Batches []Batch
	Jobs    []Job
	Checks  map[string]func(context.Context) error // what must answer for the function to be ready, by name
	Close   func()                                 // nil, or called once when nothing calls the function any more
}

// Batch is a handler of the records of one topic. Records of one partition reach Handle in order, at least once.
type Batch struct {
	Topic    stream.Topic
	Group    string
	MaxBatch int           // records a call
	MaxWait  time.Duration // how long a smaller batch waits to be filled
	Handle   stream.BatchFunc
}

// Job is a step that a scheduler calls. It may run in several processes at once, and be missed or repeated.
type Job struct {
	Name  string
	Every time.Duration // 0: by hand, once a release
	Run   func(context.Context) error
}

// Parts are what functions are made of. Each function says below which of them it needs; the others may be nil.
type Parts struct {
	Store     *store.Store
	Redis     redis.UniversalClient
	State     *roomstate.State
	Fanout    *fanout.Publisher
	Kafka     *stream.Client
	Archive   *objects.Bucket // of recordings
	Intake    *intake.Intake
	Signer    *token.Signer
	Shelf     *pictures.Shelf // nil: no avatars and covers are taken
	SocketURL string          // as viewers reach it
	Gifts     GiftSettings
	History   History
	Heat      stats.Heat // what makes a room hot
	KeepDays  int        // of recordings; 0: for ever
	Telemetry *telemetry.Telemetry

	// Space begins the names of consumer groups and of the counts in Redis. Those who share servers but are not one
	// platform, such as tests, each need their own; it is empty in production.
	Space string
}

// batchTries is how often a record may fail before it goes to the dead letters. An outage of what a handler needs does
// not count.
const batchTries = 10

// foldEvery bounds how many appended credits a balance has to add up: at a thousand gifts a second, ten thousand.
const foldEvery = 10 * time.Second

// healEvery is for how long a decision of a moderator may be written down and not in force, when something died in between.
const healEvery = time.Minute

// GiftSettings are the operator's choices about money.
type GiftSettings struct {
	AnchorPerMille int    // of a gift's cost; the rest is the platform's
	WebhookSecret  string // of the payment provider; empty: only admins top up
}

// All wires every function.
func All(p Parts) ([]Function, error) {
	var all []Function
	for _, wire := range []func(Parts) (Function, error){Auth, Room, Gift, Stats, LookBack, Archive, Setup} {
		fn, err := wire(p)
		if err != nil {
			return nil, err
		}
		all = append(all, fn)
	}
	return all, nil
}

// Auth needs Store, Redis, State, Signer, Shelf and Telemetry.
func Auth(p Parts) (Function, error) {
	s, err := AuthService(p)
	if err != nil {
		return Function{}, err
	}
	return Function{Name: "auth", Routes: s.Routes, Checks: checks{"database": p.Store.Ping, "redis": p.pingRedis}}, nil
}

// AuthService is the auth function's business steps, without HTTP.
func AuthService(p Parts) (*auth.Service, error) {
	return auth.New(auth.Deps{Store: p.Store, Signer: p.Signer, Redis: p.Redis, Where: p.State, Shelf: p.Shelf, Logger: p.Telemetry.Logger()})
}

// Room needs all parts but Signer.
func Room(p Parts) (Function, error) {
	s, err := RoomService(p)
	if err != nil {
		return Function{}, err
	}
	book := rulebook.New(p.Store)
	order := moderation.New(moderation.Deps{
		Rooms: s.Find, Users: p.Store.User, Book: book, State: p.State, Fanout: p.Fanout, History: fanout.NewHistory(p.Redis), Kafka: p.Kafka,
		Held: held.New(p.Redis, p.Fanout), Intake: p.Intake,
	})
	routes := func(api *httpapi.API) {
		s.Routes(api)
		order.Routes(api)
	}
	return Function{
		Name: "room", Routes: routes, Checks: checks{"database": p.Store.Ping, "redis": p.pingRedis, "kafka": p.Kafka.Ping}, Close: s.Close,
		Jobs: []Job{{Name: "heal", Every: healEvery, Run: order.Heal}},
	}, nil
}

// RoomService is the room function's business steps, without HTTP.
func RoomService(p Parts) (*room.Service, error) {
	return room.New(room.Deps{
		Store: p.Store, State: p.State, Fanout: p.Fanout, History: fanout.NewHistory(p.Redis), Kafka: p.Kafka, Intake: p.Intake,
		Shelf: p.Shelf, SocketURL: p.SocketURL, Metrics: p.Telemetry.Metrics, Log: p.Telemetry.Logger(),
	})
}

// Gift needs Store, Redis, State, Fanout, Kafka, Gifts and Telemetry.
func Gift(p Parts) (Function, error) {
	s, err := GiftService(p)
	if err != nil {
		return Function{}, err
	}
	return Function{
		Name: "gift", Routes: s.Routes, Checks: checks{"database": p.Store.Ping, "redis": p.pingRedis, "kafka": p.Kafka.Ping}, Close: s.Close,
		Batches: []Batch{{
			Topic: stream.LiveGiftRequests, Group: p.Space + "gift", MaxBatch: gift.MaxBatch,
			Handle: stream.WithDeadLetters(p.Kafka, batchTries, s.HandleRequests),
		}},
		Jobs: []Job{{Name: "fold", Every: foldEvery, Run: func(ctx context.Context) error {
			_, err := s.Ledger.Fold(ctx)
			return err
		}}},
	}, nil
}

// GiftService is the gift function's business steps, without HTTP.
func GiftService(p Parts) (*gift.Service, error) {
	book, err := Ledger(p)
	if err != nil {
		return nil, err
	}
	return gift.New(gift.Deps{
		Store: p.Store, Ledger: book, Redis: p.Redis, Fanout: p.Fanout, Kafka: p.Kafka, Rooms: p.roomOf,
		WebhookSecret: p.Gifts.WebhookSecret, Metrics: p.Telemetry.Metrics, Logger: p.Telemetry.Logger(),
	})
}

// Ledger needs Store and Gifts.
func Ledger(p Parts) (*ledger.Ledger, error) {
	return ledger.New(p.Store, p.Gifts.AnchorPerMille, time.Now)
}

// roomOf looks into Redis first and asks the primary database for what is not there.
func (p Parts) roomOf(ctx context.Context, id live.RoomID) (live.Room, error) {
	if r, ok, err := p.State.Room(ctx, id); err == nil && ok {
		return r, nil
	}
	return p.Store.Room(store.Primary(ctx), id)
}

// checks are signs of life by name. Each function names its own, so that its binary holds no client of another server.
type checks = map[string]func(context.Context) error

func (p Parts) pingRedis(ctx context.Context) error { return p.Redis.Ping(ctx).Err() }
