package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/barrage-live/barrage/functions"
	"github.com/barrage-live/barrage/functions/host"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/recording"
)

// eraseProgress is how many objects go by between two lines.
const eraseProgress = 1000

// erase removes what one user has said so far from recordings, and whose events they were from history. Accounts and coins
// are others' matter.
func erase(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	var user int64
	if _, err := parse("erase", args, 0, func(fs *flag.FlagSet) {
		fs.Int64Var(&user, "user", 0, "whose messages")
	}); err != nil {
		return err
	}
	if user <= 0 {
		return fmt.Errorf("-user %d: want a user's id", user)
	}
	if err := eraseHistory(ctx, live.UserID(user), getenv, out); err != nil {
		return err
	}
	return eraseRecordings(ctx, live.UserID(user), getenv, out)
}

func eraseHistory(ctx context.Context, user live.UserID, getenv func(string) string, out io.Writer) error {
	return with(ctx, host.LookBack(), getenv, func(p functions.Parts) error {
		events, err := p.History.Erase(ctx, user)
		if err == nil {
			fmt.Fprintf(out, "history: %d events are nobody's now\n", events)
		}
		return err
	})
}

func eraseRecordings(ctx context.Context, user live.UserID, getenv func(string) string, out io.Writer) error {
	return with(ctx, host.Archive(), getenv, func(p functions.Parts) error {
		recordings, err := recording.New(p.Archive)
		if err != nil {
			return err
		}
		rows, err := recordings.Erase(ctx, user, func(objects int) {
			if objects%eraseProgress == 0 {
				fmt.Fprintf(out, "recordings: %d objects read\n", objects)
			}
		})
		if err == nil {
			fmt.Fprintf(out, "recordings: %d messages erased\n", rows)
		}
		return err
	})
}

// with runs fn with the parts of a function, opened as its hosts open them.
func with(ctx context.Context, kind host.Kind, getenv func(string) string, fn func(functions.Parts) error) (err error) {
	var parts functions.Parts
	opened, err := host.Open(ctx, kind.With(func(p functions.Parts) (functions.Function, error) {
		parts = p
		return functions.Function{Name: kind.Name}, nil
	}), getenv)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close(context.WithoutCancel(ctx))) }()
	return fn(parts)
}
