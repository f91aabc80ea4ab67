package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/barrage-live/barrage/functions"
	"github.com/barrage-live/barrage/functions/gift"
	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/settings"
	"github.com/barrage-live/barrage/shared/store"
	dbiam "github.com/barrage-live/barrage/shared/store/awsiam"
	"github.com/barrage-live/barrage/shared/stream"
	kafkaiam "github.com/barrage-live/barrage/shared/stream/awsiam"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// kafkaConfig is what reaches Kafka (CONTRACT §5).
type kafkaConfig struct {
	Brokers []string `env:"KAFKA_BROKERS,required"`
	SignIn  stream.SignIn
}

// Check implements what settings.Load asks.
func (c *kafkaConfig) Check() error { return c.SignIn.Check() }

// config is what reaches all servers.
type config struct {
	Kafka       kafkaConfig
	RedisAddrs  []string `env:"REDIS_ADDRS,required"`
	Redis       roomstate.Link
	DatabaseURL string `env:"DATABASE_URL,required"`
}

// Check implements what settings.Load asks.
func (c *config) Check() error { return c.Kafka.Check() }

// dialTimeout is what each server has to answer in.
const dialTimeout = 15 * time.Second

func dialKafka(ctx context.Context, c kafkaConfig) (*stream.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	auth, err := c.SignIn.Auth(ctx, kafkaiam.Mechanism)
	if err != nil {
		return nil, err
	}
	return stream.Dial(ctx, stream.Config{Brokers: c.Brokers, ClientID: "barrage-operate", Auth: auth})
}

// withGifts runs fn with the gift function's business steps.
func withGifts(ctx context.Context, getenv func(string) string, fn func(*gift.Service) error) (err error) {
	cfg, err := settings.Load[config](getenv)
	if err != nil {
		return err
	}
	t, err := telemetry.Start(ctx, telemetry.Config{Service: "barrage-operate", Getenv: getenv})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Shutdown(context.WithoutCancel(ctx))) }()
	kafka, err := dialKafka(ctx, cfg.Kafka)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, kafka.Close(context.WithoutCancel(ctx))) }()
	db, err := store.Open(ctx, store.Config{URL: cfg.DatabaseURL, Passwords: dbiam.Passwords()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rdb := cfg.Redis.Dial(cfg.RedisAddrs)
	defer func() { err = errors.Join(err, rdb.Close()) }()
	state, err := roomstate.New(rdb, roomstate.Config{})
	if err != nil {
		return err
	}
	defer state.Close()
	service, err := functions.GiftService(functions.Parts{
		Store: db, Redis: rdb, State: state, Kafka: kafka, Fanout: fanout.NewPublisher(rdb, fanout.PublisherConfig{}), Telemetry: t,
	})
	if err != nil {
		return fmt.Errorf("gift function: %w", err)
	}
	defer service.Close()
	return fn(service)
}
