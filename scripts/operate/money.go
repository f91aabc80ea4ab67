package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/barrage-live/barrage/functions/gift"
)

func reconcile(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	var since time.Duration
	if _, err := parse("reconcile", args, 0, func(fs *flag.FlagSet) {
		fs.DurationVar(&since, "since", 24*time.Hour, "how far back events are looked for in Kafka")
	}); err != nil {
		return err
	}
	if since <= 0 {
		return fmt.Errorf("-since %v: want a time such as 24h", since)
	}
	return withGifts(ctx, getenv, func(s *gift.Service) error {
		r, err := s.Reconcile(ctx, time.Now().Add(-since))
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%d accounts, %d entries, %d orders settled and %d refused, %d coins held; %d events looked for since %s\n",
			r.Accounts, r.Entries, r.Settled, r.Refused, r.Held, r.Events, r.Since.UTC().Format(time.RFC3339))
		for _, d := range r.Differences {
			fmt.Fprintln(out, d)
		}
		if !r.Clean() {
			return errDiffers
		}
		fmt.Fprintln(out, "clean")
		return nil
	})
}

func rebuildGifters(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	day := time.Now().UTC()
	if _, err := parse("gifters", args, 0, func(fs *flag.FlagSet) {
		fs.Func("day", "of UTC (default today)", func(text string) (err error) {
			day, err = time.Parse(time.DateOnly, text)
			return err
		})
	}); err != nil {
		return err
	}
	return withGifts(ctx, getenv, func(s *gift.Service) error {
		n, err := s.RebuildGifters(ctx, day)
		fmt.Fprintf(out, "%s: %d totals of gifters are in the rankings\n", day.Format(time.DateOnly), n)
		return err
	})
}
