package main

import (
	"context"
	"fmt"
	"time"

	"github.com/barrage-live/barrage/shared/objects"
	"github.com/barrage-live/barrage/shared/pictures"
	"github.com/barrage-live/barrage/shared/store"
	dbiam "github.com/barrage-live/barrage/shared/store/awsiam"
	"github.com/barrage-live/barrage/shared/stream"
	kafkaiam "github.com/barrage-live/barrage/shared/stream/awsiam"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// dialTimeout is what each server has to answer in.
const dialTimeout = 15 * time.Second

func (s *Stack) startTelemetry(ctx context.Context, o Options) error {
	t, err := telemetry.Start(ctx, telemetry.Config{
		Service: "barrage-local", Getenv: o.getenv, Log: o.Log, SpanExporter: o.SpanExporter, MetricReader: o.MetricReader,
	})
	if err != nil {
		return err
	}
	s.parts.Telemetry = t
	s.closers.add("telemetry", t.Shutdown)
	return nil
}

// connect makes the clients of all services, the tables and the topics.
func (s *Stack) connect(ctx context.Context, o Options, cfg config) error {
	ctx, cancel := context.WithTimeout(ctx, 3*dialTimeout)
	defer cancel()
	o.progress("database gets its tables")
	if err := s.openStore(ctx, cfg); err != nil {
		return err
	}
	if err := s.openRedis(ctx, cfg); err != nil {
		return err
	}
	if err := s.openBuckets(ctx, cfg); err != nil {
		return err
	}
	o.progress("Kafka gets its topics")
	return s.openKafka(ctx, cfg)
}

func (s *Stack) openStore(ctx context.Context, cfg config) error {
	db, err := store.Open(ctx, store.Config{
		URL: s.services.database, ReplicaURLs: cfg.DatabaseReplicas, Passwords: dbiam.Passwords(), Tracer: s.parts.Telemetry.Tracer(),
	})
	if err != nil {
		return err
	}
	s.parts.Store = db
	s.closers.add("database", func(context.Context) error { return db.Close() })
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	if s.parts.History, err = cfg.History.Open(db); err != nil {
		return err
	}
	s.closers.add("history", func(context.Context) error { s.parts.History.Close(); return nil })
	return s.parts.History.Migrate(ctx)
}

func (s *Stack) openRedis(ctx context.Context, cfg config) error {
	rdb := cfg.Redis.Dial(s.services.redis)
	s.parts.Redis = rdb
	s.closers.add("redis client", func(context.Context) error { return rdb.Close() })
	if err := rdb.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("redis %v: %w", s.services.redis, err)
	}
	return nil
}

// openBuckets: the embedded S3 takes any key; of a real one the SDK finds them.
func (s *Stack) openBuckets(ctx context.Context, cfg config) (err error) {
	at := objects.Config{Endpoint: s.services.s3}
	if cfg.S3Endpoint == "" {
		at.Key, at.Secret, at.Region = "local", "local", "us-east-1"
	}
	at.Bucket, s.parts.KeepDays = cfg.ArchiveBucket, cfg.ArchiveDays
	if s.parts.Archive, err = objects.Open(ctx, at); err != nil {
		return err
	}
	at.Bucket = cfg.CoverBucket
	signer, err := objects.OpenSigner(ctx, at)
	if err != nil {
		return err
	}
	s.parts.Shelf = pictures.New(signer, cfg.CoverURL)
	return nil
}

func (s *Stack) openKafka(ctx context.Context, cfg config) error {
	auth, err := cfg.Kafka.Auth(ctx, kafkaiam.Mechanism)
	if err != nil {
		return err
	}
	kafka, err := stream.Dial(ctx, stream.Config{
		Brokers: s.services.kafka, ClientID: "barrage-local", Auth: auth, Telemetry: s.parts.Telemetry,
	})
	if err != nil {
		return err
	}
	s.parts.Kafka = kafka
	s.closers.add("kafka client", kafka.Close)
	return kafka.EnsureTopics(ctx)
}
