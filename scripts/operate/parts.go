package main

import (
	"context"
	"errors"

	"github.com/barrage-live/barrage/functions"
	"github.com/barrage-live/barrage/functions/gift"
	"github.com/barrage-live/barrage/functions/host"
	"github.com/barrage-live/barrage/shared/secrets"
	"github.com/barrage-live/barrage/shared/settings"
	"github.com/barrage-live/barrage/shared/stream"
	kafkaiam "github.com/barrage-live/barrage/shared/stream/awsiam"
)

// withGifts runs fn with the gift function's business steps, opened as its hosts open them.
func withGifts(ctx context.Context, getenv func(string) string, fn func(*gift.Service) error) (err error) {
	var service *gift.Service
	kind := host.Gift().With(func(p functions.Parts) (f functions.Function, err error) {
		if service, err = functions.GiftService(p); err != nil {
			return f, err
		}
		return functions.Function{Name: "gift", Close: service.Close}, nil
	})
	opened, err := host.Open(ctx, kind, getenv)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close(context.WithoutCancel(ctx))) }()
	return fn(service)
}

// kafkaConfig is what reaches Kafka (CONTRACT §5).
type kafkaConfig struct {
	Brokers []string `env:"KAFKA_BROKERS,required"`
	SignIn  stream.SignIn
}

// Check implements what settings.Load asks.
func (c *kafkaConfig) Check() error { return c.SignIn.Check() }

// dialKafka asks nothing but Kafka: dead letters are looked at when other servers are away.
func dialKafka(ctx context.Context, getenv func(string) string) (*stream.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, host.OpenTimeout)
	defer cancel()
	getenv, err := secrets.New(0).Getenv(ctx, getenv, "KAFKA_PASSWORD")
	if err != nil {
		return nil, err
	}
	c, err := settings.Load[kafkaConfig](getenv)
	if err != nil {
		return nil, err
	}
	auth, err := c.SignIn.Auth(ctx, kafkaiam.Mechanism)
	if err != nil {
		return nil, err
	}
	return stream.Dial(ctx, stream.Config{Brokers: c.Brokers, ClientID: "barrage-operate", Auth: auth})
}
