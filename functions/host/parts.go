package host

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/barrage-live/barrage/functions"
	"github.com/barrage-live/barrage/functions/manifest"
	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/held"
	"github.com/barrage-live/barrage/shared/house"
	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/objects"
	"github.com/barrage-live/barrage/shared/pictures"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/rulebook"
	"github.com/barrage-live/barrage/shared/store"
	dbiam "github.com/barrage-live/barrage/shared/store/awsiam"
	"github.com/barrage-live/barrage/shared/stream"
	kafkaiam "github.com/barrage-live/barrage/shared/stream/awsiam"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/token"
)

// parts are those of a function, closed in reverse.
type parts struct {
	functions.Parts
	cfg      config
	row      manifest.Function
	house    *house.Rules
	verifier *token.Verifier // nil: it has no routes that need one
	remote   *token.Remote   // nil: the keys never change
}

func secretsOf(row manifest.Function) []string {
	env := row.Env()
	return slices.DeleteFunc(slices.Clone(manifest.Secrets), func(name string) bool { return !slices.Contains(env, name) })
}

// connect asks all servers at once: a cold start takes as long as the slowest of them.
func (p *parts) connect(ctx context.Context) error {
	p.SocketURL = p.cfg.PublicSocketURL
	p.Heat = p.cfg.Heat
	p.KeepDays = p.cfg.ArchiveDays
	p.Gifts = functions.GiftSettings{AnchorPerMille: p.cfg.AnchorPerMille, WebhookSecret: p.cfg.WebhookSecret}
	dial, ctx := errgroup.WithContext(ctx)
	for resource, open := range map[manifest.Resource]func(context.Context) error{
		manifest.Database: p.openDatabase, manifest.Redis: p.openRedis, manifest.Kafka: p.openKafka,
		manifest.Archive: p.openArchive, manifest.Covers: p.openCovers, manifest.Signer: p.openSigner, manifest.Tokens: p.openTokens,
	} {
		if p.row.Needs(resource) {
			dial.Go(func() error { return open(ctx) })
		}
	}
	if err := dial.Wait(); err != nil {
		return err
	}
	return p.build(ctx)
}

// build makes what stands on several servers.
func (p *parts) build(ctx context.Context) (err error) {
	if p.row.Needs(manifest.History) {
		if p.History, err = p.cfg.History.Open(p.Store); err != nil {
			return err
		}
	}
	if !p.row.Needs(manifest.Redis) {
		return nil
	}
	if p.State, err = rulebook.NewState(p.Redis, rulebook.New(p.Store), roomstate.Config{Metrics: p.Telemetry.Metrics}); err != nil {
		return err
	}
	pod := p.row.Name + "-" + strings.ToLower(rand.Text()[:8])
	p.Fanout = fanout.NewPublisher(p.Redis, fanout.PublisherConfig{Origin: pod, DisplayRate: p.cfg.DisplayRate, RoomRate: p.State.DisplayRate})
	if !p.row.Needs(manifest.Kafka) {
		return nil
	}
	if p.house, err = p.cfg.House.Open(house.Config{State: p.State}, p.Telemetry.Metrics); err != nil {
		return err
	}
	p.Intake, err = intake.New(p.cfg.Intake.Apply(intake.Config{
		Publisher: p.Fanout, Kafka: p.Kafka, State: p.State, House: p.house, Pod: pod, Telemetry: p.Telemetry,
		Queue: held.New(p.Redis, p.Fanout),
	}))
	return err
}

func (p *parts) openDatabase(ctx context.Context) (err error) {
	p.Store, err = store.Open(ctx, store.Config{
		URL: p.cfg.DatabaseURL, ReplicaURLs: p.cfg.DatabaseReplicas, Passwords: dbiam.Passwords(), Tracer: p.Telemetry.Tracer(),
	})
	return err
}

func (p *parts) openRedis(ctx context.Context) error {
	p.Redis = p.cfg.Redis.Dial(p.cfg.RedisAddrs)
	if err := p.Redis.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("redis %v: %w", p.cfg.RedisAddrs, err)
	}
	return nil
}

func (p *parts) openKafka(ctx context.Context) error {
	auth, err := p.cfg.Kafka.Auth(ctx, kafkaiam.Mechanism)
	if err != nil {
		return err
	}
	p.Kafka, err = stream.Dial(ctx, stream.Config{
		Brokers: p.cfg.KafkaBrokers, ClientID: "barrage-" + p.row.Name, Auth: auth, Telemetry: p.Telemetry,
	})
	return err
}

func (p *parts) openArchive(ctx context.Context) (err error) {
	p.Archive, err = objects.Open(ctx, objects.Config{Bucket: p.cfg.ArchiveBucket, Endpoint: p.cfg.S3Endpoint})
	return err
}

func (p *parts) openSigner(context.Context) error {
	keys, err := token.ParseKeys(p.cfg.SigningKey)
	if err != nil {
		return fmt.Errorf("TOKEN_SIGNING_KEY: %w", err)
	}
	if p.Signer, err = token.NewSigner(keys, p.cfg.Issuer, p.cfg.Audience, 0); err != nil {
		return err
	}
	p.verifier, err = token.NewVerifier(p.cfg.Audience, p.Signer.Keyring())
	return err
}

func (p *parts) openTokens(ctx context.Context) (err error) {
	if p.remote, err = token.NewRemote(p.cfg.Issuer, p.cfg.JWKSURL, 0); err != nil {
		return fmt.Errorf("JWKS_URL: %w", err)
	}
	if err := p.remote.Refresh(ctx); err != nil {
		// Instance.Run tries again. Until then tokens are refused; what needs none works.
		p.Telemetry.Logger().WarnContext(ctx, "keys cannot be fetched yet", telemetry.Err, err)
	}
	p.verifier, err = token.NewVerifier(p.cfg.Audience, p.remote.Keyring())
	return err
}

func (p *parts) openCovers(ctx context.Context) error {
	if p.cfg.CoverBucket == "" {
		return nil
	}
	signer, err := objects.OpenSigner(ctx, objects.Config{Bucket: p.cfg.CoverBucket, Endpoint: p.cfg.S3Endpoint})
	if err != nil {
		return err
	}
	p.Shelf = pictures.New(signer, p.cfg.CoverURL)
	return nil
}

// close flushes and disconnects; what was never opened is left out.
func (p *parts) close(ctx context.Context) error {
	var errs []error
	if p.Intake != nil {
		p.Intake.Close()
	}
	if p.house != nil {
		p.house.Close()
	}
	if p.Kafka != nil {
		errs = append(errs, p.Kafka.Close(ctx))
	}
	if p.State != nil {
		p.State.Close()
	}
	if p.Redis != nil {
		errs = append(errs, p.Redis.Close())
	}
	if p.Store != nil {
		errs = append(errs, p.Store.Close())
	}
	return errors.Join(errs...)
}
