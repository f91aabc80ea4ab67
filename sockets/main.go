// Command sockets is one pod of the socket fleet: it holds viewers' connections, takes what they say to Redis and Kafka,
// and brings them what their rooms hear. SIGTERM drains it.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/barrage-live/barrage/shared/secrets"
	"github.com/barrage-live/barrage/shared/settings"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/sockets/gateway"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, os.Getenv, nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then drains. ready, when not nil, is told the addresses that are listened on.
func run(ctx context.Context, getenv func(string) string, ready func(viewers, metrics net.Addr)) (err error) {
	if getenv, err = secrets.New(0).Getenv(ctx, getenv, secretSettings...); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	cfg, err := settings.Load[config](getenv)
	if err != nil {
		return err
	}
	base := context.WithoutCancel(ctx)
	tel, err := telemetry.Start(ctx, telemetry.Config{Service: "barrage-sockets", Getenv: getenv})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, within(base, tel.Shutdown)) }()
	for _, name := range settings.Insecure(&cfg) {
		tel.Logger().WarnContext(ctx, "insecure setting", telemetry.Name, name)
	}
	p, err := connect(ctx, cfg, tel)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close(base)) }()
	g, err := gateway.New(p.gatewayConfig(cfg))
	if err != nil {
		return err
	}
	doors, err := open(ctx, cfg, p, g)
	if err != nil {
		return err
	}
	if ready != nil {
		ready(doors[0].listener.Addr(), doors[len(doors)-1].listener.Addr())
	}
	tel.Logger().InfoContext(ctx, "listening", telemetry.Address, doors[0].listener.Addr().String(), telemetry.Pod, p.pod)
	return serve(ctx, cfg, p, g, doors)
}

// serve runs the gateway and its doors. When ctx ends it sends the viewers away first; when a part fails it stops.
func serve(ctx context.Context, cfg config, p *parts, g *gateway.Gateway, doors []door) error {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, failed := errgroup.WithContext(running)
	group.Go(func() error { return g.Run(running) })
	group.Go(func() error { return p.keys.run(running) })
	group.Go(func() error { return p.paces.Run(running) })
	taking, takeNoMore := context.WithCancel(running)
	defer takeNoMore()
	gifts := make(chan error, 1)
	go func() { gifts <- p.orders.Run(taking) }()
	for _, d := range doors {
		group.Go(d.serve)
	}
	var drained error
	select {
	case <-ctx.Done():
		drained = drain(context.WithoutCancel(ctx), cfg.DrainTimeout, g)
	case <-failed.Done():
	}
	p.intake.Close() // the last messages, before their senders' connections go
	takeNoMore()
	placed := <-gifts // while Kafka and the senders' connections are still there
	stop()
	var closed []error
	for _, d := range doors { // the viewers' first: whoever asks for health hears of the end until then
		closed = append(closed, within(context.WithoutCancel(ctx), d.server.Shutdown))
	}
	return errors.Join(group.Wait(), drained, placed, errors.Join(closed...))
}

func drain(ctx context.Context, timeout time.Duration, g *gateway.Gateway) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return g.Drain(ctx, gateway.PlanDrain(timeout))
}

// lastWords is how long each part has to end.
const lastWords = 5 * time.Second

func within(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, lastWords)
	defer cancel()
	return f(ctx)
}
