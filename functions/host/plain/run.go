package plain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/barrage-live/barrage/functions"
	"github.com/barrage-live/barrage/functions/host"
	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/telemetry"
)

const (
	defaultAddr  = ":8080"
	closeTimeout = 10 * time.Second
)

// Run serves the function until ctx ends: its routes and health on LISTEN_ADDR, its records, its jobs. listening, when
// not nil, is told the address.
func Run(ctx context.Context, kind host.Kind, getenv func(string) string, listening func(net.Addr)) (err error) {
	fn, err := host.Open(ctx, kind, getenv)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeInstance(ctx, fn)) }()
	addr := cmp.Or(getenv("LISTEN_ADDR"), defaultAddr)
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("LISTEN_ADDR: %w", err)
	}
	if listening != nil {
		listening(ln.Addr())
	}
	fn.Telemetry.Logger().InfoContext(ctx, "listening", telemetry.Address, ln.Addr().String(), telemetry.Name, kind.Name)
	fns := []functions.Function{fn.Function}
	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error { return Serve(ctx, ln, httpapi.NewServer(fn.HTTP, fn.Telemetry.Logger())) })
	running.Go(func() error { fn.Run(ctx); return nil })
	running.Go(func() error { return RunJobs(ctx, fn.Telemetry.Logger(), fns) })
	if len(fn.Batches) > 0 {
		running.Go(func() error { return Consume(ctx, fn.Kafka, fns) })
	}
	return running.Wait()
}

// RunJob opens the function, runs the job once and closes the function.
func RunJob(ctx context.Context, kind host.Kind, job string, getenv func(string) string) (err error) {
	fn, err := host.Open(ctx, kind, getenv)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeInstance(ctx, fn)) }()
	for _, j := range fn.Jobs {
		if j.Name == job {
			return j.Run(ctx)
		}
	}
	return fmt.Errorf("%s has no job named %q", kind.Name, job)
}

func closeInstance(ctx context.Context, fn *host.Instance) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	return fn.Close(ctx)
}
