// Package plain runs functions as an ordinary process: HTTP on a listener and a consumer group a batch handler.
// local/ uses it for everything, an on-premises Deployment for one function.
package plain

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/barrage-live/barrage/functions"
	"github.com/barrage-live/barrage/shared/stream"
)

// drainTimeout is what requests in flight have when the end has come.
const drainTimeout = 5 * time.Second

// Serve answers requests on ln until ctx ends, lets those in flight finish, and closes ln.
func Serve(ctx context.Context, ln net.Listener, srv *http.Server) error {
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ln) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	err := srv.Shutdown(grace)
	if err != nil { // a request that does not end, such as a long poll, is cut
		err = srv.Close()
	}
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// Consume runs the consumer group of every batch handler of the functions until ctx ends.
func Consume(ctx context.Context, kafka *stream.Client, fns []functions.Function) error {
	groups, ctx := errgroup.WithContext(ctx)
	for _, fn := range fns {
		for _, b := range fn.Batches {
			cfg := stream.GroupConfig{Group: b.Group, Topics: []stream.Topic{b.Topic}, MaxBatch: b.MaxBatch, MaxWait: b.MaxWait}
			groups.Go(func() error {
				if err := kafka.Consume(ctx, cfg, b.Handle); err != nil {
					return fmt.Errorf("batches of %s: %w", fn.Name, err)
				}
				return nil
			})
		}
	}
	return groups.Wait()
}
