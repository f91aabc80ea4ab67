// Command plain runs functions as ordinary processes, on premises or by hand: requests on LISTEN_ADDR, records by consumer
// groups in large batches, jobs by the clock.
//
//	plain FUNCTION       serves until SIGTERM
//	plain FUNCTION JOB   runs the job once and ends
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/barrage-live/barrage/functions/host"
	"github.com/barrage-live/barrage/functions/host/plain"
)

// kinds are the functions by name.
func kinds() map[string]host.Kind {
	named := map[string]host.Kind{}
	for _, k := range []host.Kind{host.Auth(), host.Room(), host.Gift(), host.Stats(), host.LookBack(), host.Archive(), host.Setup()} {
		named[k.Name] = k
	}
	return named
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, os.Args[1:], os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string) error {
	if len(args) < 1 || len(args) > 2 {
		return errors.New("usage: plain FUNCTION [JOB]")
	}
	kind, ok := kinds()[args[0]]
	if !ok {
		return fmt.Errorf("no function is named %q", args[0])
	}
	if len(args) == 2 {
		return plain.RunJob(ctx, kind, args[1], getenv)
	}
	return plain.Run(ctx, kind, getenv, nil)
}
