package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	redisserver "github.com/barrage-live/barrage/shared/roomstate/embedded"
	kafkaserver "github.com/barrage-live/barrage/shared/stream/embedded"
)

// services are the servers that the platform stands on: embedded ones, or real ones where the environment names them.
type services struct {
	kafka    []string
	redis    []string
	database string
	s3       string
	embedded []string // what runs in this process
	closers  closers
}

// closers are closed in reverse order of their opening.
type closers []closer

type closer struct {
	what  string
	close func(context.Context) error
}

func (c *closers) add(what string, close func(context.Context) error) {
	*c = append(*c, closer{what, close})
}

func (c *closers) closeAll(ctx context.Context) error {
	var errs []error
	for i := len(*c) - 1; i >= 0; i-- {
		if err := (*c)[i].close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", (*c)[i].what, err))
		}
	}
	*c = nil
	return errors.Join(errs...)
}

// startServices starts what the environment does not name. When it fails, nothing is left running.
func startServices(ctx context.Context, o Options, cfg config, logger *slog.Logger) (_ *services, err error) {
	s := &services{kafka: cfg.KafkaBrokers, redis: cfg.RedisAddrs, database: cfg.DatabaseURL, s3: cfg.S3Endpoint}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.closers.closeAll(context.WithoutCancel(ctx)))
		}
	}()
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return nil, fmt.Errorf("--data %s: %w", o.Data, err)
	}
	if s.database == "" {
		s.database = "sqlite:" + filepath.Join(o.Data, "barrage.db")
		s.embedded = append(s.embedded, "SQLite")
	}
	if len(s.redis) == 0 {
		if err := s.startRedis(o.Redis); err != nil {
			return nil, err
		}
	}
	if s.s3 == "" {
		if err := s.startObjects(o, cfg, logger); err != nil {
			return nil, err
		}
	}
	if len(s.kafka) == 0 {
		o.progress("Kafka reads " + filepath.Join(o.Data, "kafka"))
		if err := s.startKafka(o); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *services) startRedis(addr string) error {
	listening, stop, err := redisserver.Start(addr)
	if err != nil {
		return taken("redis", addr, err)
	}
	s.redis = []string{listening}
	s.embedded = append(s.embedded, "Redis")
	s.closers.add("embedded redis", func(context.Context) error { stop(); return nil })
	return nil
}

func (s *services) startObjects(o Options, cfg config, logger *slog.Logger) error {
	ln, err := listen("s3", o.S3)
	if err != nil {
		return err
	}
	store, err := startObjects(ln, o.Data, logger, cfg.ArchiveBucket, cfg.CoverBucket)
	if errors.Is(err, errLocked) {
		return fmt.Errorf("%s is in use by another process: choose another folder with --data", o.Data)
	}
	if err != nil {
		return err
	}
	s.s3 = (&url.URL{Scheme: "http", Host: ln.Addr().String()}).String()
	s.embedded = append(s.embedded, "S3")
	s.closers.add("embedded s3", store.Close)
	return nil
}

func (s *services) startKafka(o Options) error {
	port, err := loopbackPort(o.Kafka)
	if err != nil {
		return fmt.Errorf("--kafka %s: %w", o.Kafka, err)
	}
	broker, err := kafkaserver.Start(kafkaserver.Options{Port: port, DataDir: filepath.Join(o.Data, "kafka")})
	if errors.Is(err, syscall.EADDRINUSE) {
		return taken("kafka", o.Kafka, err)
	}
	if err != nil {
		return err
	}
	s.kafka = []string{broker.Addr()}
	s.embedded = append(s.embedded, "Kafka")
	s.closers.add("embedded kafka", func(context.Context) error { return broker.Close() })
	return nil
}

// loopbackPort is the port of addr. The embedded broker has no sign-in and tells clients to come back to 127.0.0.1, so
// it serves nobody else.
func loopbackPort(addr string) (int, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return 0, err
	}
	if host != "127.0.0.1" && host != "localhost" {
		return 0, errors.New("the embedded Kafka listens on 127.0.0.1 only")
	}
	return strconv.Atoi(port)
}
