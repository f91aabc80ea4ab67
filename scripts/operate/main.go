// Command operate is what an operator does by hand, with the environment of the gift function (functions/manifest); erase
// wants that of history and archive, dead letters only what reaches Kafka:
//
//	go run ./scripts/operate reconcile [-since 24h]          checks the ledger and the events of settled gifts
//	go run ./scripts/operate gifters [-day 2026-01-31]       builds the day's rankings of gifters from the ledger again
//	go run ./scripts/operate erase -user 7                   removes what a user said from history and recordings
//	go run ./scripts/operate deadletters TOPIC               lists what failed for good and nobody has dealt with yet
//	go run ./scripts/operate deadletters -replay TOPIC       gives it to its consumers again
//
// It exits with 1 when something differs or fails, and with 2 when it is called wrongly.
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

const usage = `usage: operate reconcile [-since 24h]
       operate gifters [-day 2006-01-02]
       operate erase -user ID
       operate deadletters [-replay] [-skip PARTITION:OFFSET,...] TOPIC`

var errUsage = errors.New(usage)

// errDiffers ends a run that found something wrong, and has said what.
var errDiffers = errors.New("the books differ")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch err := run(ctx, os.Args[1:], os.Getenv, os.Stdout); {
	case errors.Is(err, errUsage), errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "operate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	commands := map[string]func(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error{
		"reconcile": reconcile, "gifters": rebuildGifters, "deadletters": deadLetters, "erase": erase,
	}
	command, ok := commands[args[0]]
	if !ok {
		return errUsage
	}
	return command(ctx, args[1:], getenv, out)
}

// parse reads the flags that set defines, and wants exactly so many arguments behind them.
func parse(name string, args []string, arguments int, set func(*flag.FlagSet)) (*flag.FlagSet, error) {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	set(fs)
	if err := fs.Parse(args); err != nil {
		return nil, fmt.Errorf("%s: %w\n%w", name, err, errUsage)
	}
	if fs.NArg() != arguments {
		return nil, errUsage
	}
	return fs, nil
}
