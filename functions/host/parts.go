package host

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

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
	pod      string          // by which Redis and Kafka know the process
	verifier *token.Verifier // nil: it has no routes that need one
	remote   *token.Remote   // nil: the keys never change

	mu   sync.Mutex
	ends []func(context.Context) error
}

func secretsOf(row manifest.Function) []string {
	env := row.Env()
	return slices.DeleteFunc(slices.Clone(manifest.Secrets), func(name string) bool { return !slices.Contains(env, name) })
}

// connect asks all servers at once: a cold start takes as long as the slowest of them. Then it makes what stands on them.
func (p *parts) connect(ctx context.Context, uses []use) error {
	p.SocketURL = p.cfg.PublicSocketURL
	p.Heat = p.cfg.Heat
	p.KeepDays = p.cfg.ArchiveDays
	p.Gifts = functions.GiftSettings{AnchorPerMille: p.cfg.AnchorPerMille, WebhookSecret: p.cfg.WebhookSecret}
	p.pod = p.row.Name + "-" + strings.ToLower(rand.Text()[:8])
	dial, dialing := errgroup.WithContext(ctx)
	for _, u := range uses {
		if !u.late {
			dial.Go(func() error { return u.open(p, dialing) })
		}
	}
	if err := dial.Wait(); err != nil {
		return err
	}
	for _, u := range uses {
		if u.late {
			if err := u.open(p, ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// onClose remembers what ends a part. Servers are opened at once, so their order among each other is any.
func (p *parts) onClose(end func(context.Context) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ends = append(p.ends, end)
}

func (p *parts) openHistory(context.Context) (err error) {
	p.History, err = p.cfg.History.Open(p.Store)
	return err
}

func (p *parts) openState(context.Context) (err error) {
	if p.State, err = rulebook.NewState(p.Redis, rulebook.New(p.Store), roomstate.Config{Metrics: p.Telemetry.Metrics}); err == nil {
		p.onClose(func(context.Context) error { p.State.Close(); return nil })
	}
	return err
}

func (p *parts) openFanout(context.Context) error {
	p.Fanout = fanout.NewPublisher(p.Redis, fanout.PublisherConfig{Origin: p.pod, DisplayRate: p.cfg.DisplayRate, RoomRate: p.State.DisplayRate})
	return nil
}

// openIntake is for who takes danmu in: they are held to the rules of the house.
func (p *parts) openIntake(context.Context) (err error) {
	rules, err := p.cfg.House.Open(house.Config{State: p.State}, p.Telemetry.Metrics)
	if err != nil {
		return err
	}
	p.onClose(func(context.Context) error { rules.Close(); return nil })
	p.Intake, err = intake.New(p.cfg.Intake.Apply(intake.Config{
		Publisher: p.Fanout, Kafka: p.Kafka, State: p.State, House: rules, Pod: p.pod, Telemetry: p.Telemetry,
		Queue: held.New(p.Redis, p.Fanout),
	}))
	if err == nil {
		p.onClose(func(context.Context) error { p.Intake.Close(); return nil })
	}
	return err
}

func (p *parts) openDatabase(ctx context.Context) (err error) {
	p.Store, err = store.Open(ctx, store.Config{
		URL: p.cfg.DatabaseURL, ReplicaURLs: p.cfg.DatabaseReplicas, Passwords: dbiam.Passwords(), Tracer: p.Telemetry.Tracer(),
	})
	if err == nil {
		p.onClose(func(context.Context) error { return p.Store.Close() })
	}
	return err
}

func (p *parts) openRedis(ctx context.Context) error {
	p.Redis = p.cfg.Redis.Dial(p.cfg.RedisAddrs)
	p.onClose(func(context.Context) error { return p.Redis.Close() })
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
	if err == nil {
		p.onClose(p.Kafka.Close)
	}
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

// close flushes and disconnects, the last opened first; what was never opened is left out.
func (p *parts) close(ctx context.Context) error {
	var errs []error
	for _, end := range slices.Backward(p.ends) {
		errs = append(errs, end(ctx))
	}
	return errors.Join(errs...)
}
