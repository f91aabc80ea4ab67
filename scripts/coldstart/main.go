// Command coldstart measures how long a function's bootstrap takes from the start of its process to its first answer, as
// Lambda would count it: against a Runtime API server, with a real database, Redis and Kafka. scripts/bench calls it.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/barrage-live/barrage/functions/host/lambda/runtimeapi"
	"github.com/barrage-live/barrage/functions/manifest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "coldstart:", err)
		os.Exit(1)
	}
}

// The budgets of a function: until the first answer, and the size of what is deployed.
const (
	budget    = 150 * time.Millisecond
	tolerance = 1.15 // these machines are shared
	patience  = 30 * time.Second
	mebibyte  = 1 << 20
	maxSize   = 25 * mebibyte
)

// options: what a run measures with.
type options struct {
	bootstraps string // folder of <function>/bootstrap, for this machine
	deployed   string // the same for the architecture that is deployed, for their size; empty: not looked at
	events     string // folder of sample events
	runs       int
	env        []string
	log        io.Writer
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := options{log: stderr}
	fs := flag.NewFlagSet("coldstart", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&o.bootstraps, "bootstraps", "", "folder of <function>/bootstrap, built for this machine")
	fs.StringVar(&o.deployed, "deployed", "", "the same, built as deployed; only their size is looked at")
	fs.StringVar(&o.events, "events", "local/events", "folder of sample events")
	fs.IntVar(&o.runs, "runs", 15, "cold starts of each function")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if o.bootstraps == "" || o.runs < 1 {
		return errors.New("-bootstraps is needed, and -runs is positive; scripts/bench gives them")
	}
	keys, err := serveKeys()
	if err != nil {
		return err
	}
	defer keys.Close()
	o.env = append(os.Environ(), keys.env...)
	if err := o.setUp(ctx); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "| function, first event | median | slowest of %d | budget | deployed MiB | |\n|---|---|---|---|---|---|\n", o.runs)
	var missed []error
	for _, f := range manifest.Functions() {
		if f.Name == "setup" {
			continue // once a release: it has no cold start that anybody waits for
		}
		line, err := o.row(ctx, f.Name)
		if line != "" {
			fmt.Fprintln(stdout, line)
		}
		missed = append(missed, err)
	}
	return errors.Join(missed...)
}

// setUp makes the tables and topics that the functions use.
func (o options) setUp(ctx context.Context) error {
	event, err := os.ReadFile(filepath.Join(o.events, "setup-setup.json"))
	if err != nil {
		return err
	}
	_, err = o.start(ctx, "setup", event)
	return err
}

// row measures one function. Its error says which budget it missed.
func (o options) row(ctx context.Context, name string) (string, error) {
	file, event, err := o.firstEvent(name)
	if err != nil {
		return "", err
	}
	var took []time.Duration
	for i := range o.runs {
		fmt.Fprintf(o.log, "\r%s: cold start %d of %d  ", name, i+1, o.runs)
		one, err := o.start(ctx, name, event)
		if err != nil {
			return "", err
		}
		took = append(took, one)
	}
	fmt.Fprintln(o.log)
	slices.Sort(took)
	median, slowest := took[len(took)/2], took[len(took)-1]
	size, err := o.size(name)
	if err != nil {
		return "", err
	}
	verdict := "ok"
	var missed []error
	if float64(median) > tolerance*float64(budget) {
		missed = append(missed, fmt.Errorf("%s: the first answer takes %v, allowed %v", name, median, budget))
	}
	if size > maxSize {
		missed = append(missed, fmt.Errorf("%s: %d bytes, allowed %d", name, size, maxSize))
	}
	if len(missed) > 0 {
		verdict = "MISSED"
	}
	shown := "–"
	if size > 0 {
		shown = fmt.Sprintf("%.1f", float64(size)/mebibyte)
	}
	return fmt.Sprintf("| %s, %s | %d ms | %d ms | ≤ %d ms | %s | %s |", name, file, median.Milliseconds(), slowest.Milliseconds(),
		budget.Milliseconds(), shown, verdict), errors.Join(missed...)
}

// firstEvent is an event that the function really works for: HTTP where it has any, else records.
func (o options) firstEvent(name string) (file string, event []byte, err error) {
	files, err := filepath.Glob(filepath.Join(o.events, name+"-*.json"))
	if err != nil || len(files) == 0 {
		return "", nil, fmt.Errorf("%s: no sample event in %s: %w", name, o.events, errors.Join(err, os.ErrNotExist))
	}
	for _, mark := range []string{`"rawPath"`, `"records"`} {
		for _, path := range files {
			if event, err = os.ReadFile(path); err != nil {
				return "", nil, err
			}
			if strings.Contains(string(event), mark) {
				return filepath.Base(path), event, nil
			}
		}
	}
	return filepath.Base(files[0]), event, nil
}

// start runs the bootstrap until it has answered the event.
func (o options) start(ctx context.Context, name string, event []byte) (time.Duration, error) {
	server, err := runtimeapi.Listen()
	if err != nil {
		return 0, err
	}
	defer server.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := server.Command(ctx, filepath.Join(o.bootstraps, name, "bootstrap"), o.env...)
	var said bytes.Buffer
	cmd.Stderr = &said
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	answer, err := server.Invoke(ctx, event, patience)
	took := time.Since(began)
	cancel()
	_ = cmd.Wait() // killed
	if err == nil && answer.Error != "" {
		err = errors.New(answer.Error)
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", name, err, said.Bytes())
	}
	return took, nil
}

// size is that of what is deployed, 0 when nobody asked.
func (o options) size(name string) (int64, error) {
	if o.deployed == "" {
		return 0, nil
	}
	info, err := os.Stat(filepath.Join(o.deployed, name, "bootstrap"))
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
