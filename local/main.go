// Command local is the whole platform in one process, for a person to try and for the end-to-end tests to drive: embedded
// Kafka, Redis, SQL and S3 that speak the real protocols, all functions, the socket tier and the page.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from the first Ctrl-C on, a second one ends the process at once
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "barrage:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	o, err := parseFlags(args, out)
	if err != nil {
		return err
	}
	o.Getenv = getenv
	o.Progress = func(step string) { fmt.Fprintln(out, "  …", step) }
	fmt.Fprintln(out, "barrage: starting")
	stack, err := Start(ctx, o)
	if err != nil {
		return err
	}
	banner(out, stack)
	select {
	case <-ctx.Done():
		fmt.Fprintln(out, "\nbarrage: stopping (Ctrl-C again to end at once)")
	case err = <-stack.Failed():
	}
	return errors.Join(err, stack.Close())
}
