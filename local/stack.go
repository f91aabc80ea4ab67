package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/barrage-live/barrage/functions"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/sockets/gateway"
)

// closeTimeout is for everything together: a person who has pressed Ctrl-C is waiting.
const closeTimeout = 8 * time.Second

// Stack is the whole platform in this process. Start makes it, Close ends it.
type Stack struct {
	HTTPURL   string // http://host:port
	SocketURL string // ws://host:port/ws
	DemoRoom  live.RoomID
	DemoToken string // of the user "viewer", good for half a day

	data         string
	servicesOnly bool
	services     *services
	parts        functions.Parts
	gateway      *gateway.Gateway
	serving      bool   // the gateway runs
	pod          string // this process among all that use the same Redis
	drain        time.Duration
	closing      time.Duration // what Close may take

	bots    crew
	crew    crew    // what else runs in goroutines of its own
	closers closers // what has to be closed behind them
}

// Start runs the stack until Close. When it fails, nothing is left running.
func Start(ctx context.Context, o Options) (_ *Stack, err error) {
	cfg, err := loadConfig(o)
	if err != nil {
		return nil, err
	}
	s := &Stack{data: o.Data, servicesOnly: o.ServicesOnly, drain: cfg.DrainTimeout, closing: closeTimeout, bots: newCrew(), crew: newCrew()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	doors, err := openDoors(o) // before anything that takes long: a taken port is told at once
	if err != nil {
		return nil, err
	}
	s.closers.add("listeners", doors.Close)
	if err := s.startTelemetry(ctx, o); err != nil {
		return nil, err
	}
	if s.services, err = startServices(ctx, o, cfg, s.log()); err != nil {
		return nil, err
	}
	s.closers.add("services", s.services.closers.closeAll)
	if err := s.connect(ctx, o, cfg); err != nil {
		return nil, err
	}
	if o.ServicesOnly {
		return s, nil
	}
	return s, s.startPlatform(ctx, o, cfg, doors)
}

func (s *Stack) log() *slog.Logger { return s.parts.Telemetry.Logger() }

// Failed gets the error of a part that ended by itself; the stack has to be closed then.
func (s *Stack) Failed() <-chan error { return s.crew.failed }

// Close sends the sockets away, lets requests, batches and messages in flight finish, and ends everything, within
// seconds. A second call does nothing.
func (s *Stack) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.closing)
	defer cancel()
	errs := []error{s.bots.dismiss()}
	if s.serving {
		s.serving = false
		errs = append(errs, s.gateway.Drain(ctx, gateway.PlanDrain(s.drain)))
	}
	errs = append(errs, s.crew.dismiss(), s.closers.closeAll(ctx))
	return errors.Join(errs...)
}

// crew is a group of goroutines that run until they are dismissed.
type crew struct {
	group  *errgroup.Group
	ctx    context.Context
	stop   context.CancelFunc
	failed chan error
}

func newCrew() crew {
	ctx, stop := context.WithCancel(context.Background())
	return crew{group: new(errgroup.Group), ctx: ctx, stop: stop, failed: make(chan error, 1)}
}

// run starts a member. One that fails is reported on failed, unless another one was before it.
func (c *crew) run(work func(context.Context) error) {
	c.group.Go(func() error {
		err := work(c.ctx)
		if err != nil {
			select {
			case c.failed <- err:
			default:
			}
		}
		return err
	})
}

// dismiss ends the members and waits for them. Its error is the first that any of them had.
func (c *crew) dismiss() error {
	c.stop()
	return c.group.Wait()
}
