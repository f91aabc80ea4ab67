// Command coldstart measures how long a function's bootstrap takes from the start of its process to its first answer, as
// Lambda would count it: against a Runtime API server, with a real database, Redis, Kafka and S3. It prints rows of the table
// of scripts/bench, which calls it.
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
	maxSize   = 25_000_000 // bytes
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
	if o.bootstraps == "" || o.runs < 1 || fs.NArg() == 0 {
		return errors.New("-bootstraps and names of functions are needed, and -runs is positive; scripts/bench gives them")
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
	var missed []error
	for _, name := range fs.Args() {
		f, err := manifest.Lookup(name)
		if err != nil {
			return err
		}
		missed = append(missed, o.measure(ctx, f, stdout))
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

// measure prints the rows of one function. Its error says which budget it missed.
func (o options) measure(ctx context.Context, f manifest.Function, stdout io.Writer) error {
	var missed []error
	name := "cold start, " + f.Name
	tell := func(figure, measured, allowed string, over bool) {
		verdict := "ok"
		if over {
			verdict = "MISSED"
			missed = append(missed, fmt.Errorf("%s: %s is %s, allowed %s", name, figure, measured, allowed))
		}
		fmt.Fprintf(stdout, "| %s | %s | %s | %s | %s |\n", name, figure, measured, allowed, verdict)
	}
	if len(f.Routes) > 0 || len(f.Batches) > 0 { // what is called once a release has no start that anybody waits for
		median, slowest, file, err := o.starts(ctx, f.Name)
		if err != nil {
			return err
		}
		tell("first answer, to "+file, fmt.Sprintf("%d ms (slowest of %d: %d ms)", median.Milliseconds(), o.runs, slowest.Milliseconds()),
			fmt.Sprintf("≤ %d ms", budget.Milliseconds()), float64(median) > tolerance*float64(budget))
	}
	if o.deployed == "" {
		return errors.Join(missed...)
	}
	info, err := os.Stat(filepath.Join(o.deployed, f.Name, "bootstrap"))
	if err != nil {
		return err
	}
	tell("size as deployed", fmt.Sprintf("%.2f MB", float64(info.Size())/1e6), fmt.Sprintf("≤ %d MB", maxSize/1_000_000), info.Size() > maxSize)
	return errors.Join(missed...)
}

// starts are the median and the slowest of the function's cold starts with its first event.
func (o options) starts(ctx context.Context, name string) (median, slowest time.Duration, file string, err error) {
	file, event, err := o.firstEvent(name)
	if err != nil {
		return 0, 0, "", err
	}
	var took []time.Duration
	for i := range o.runs {
		fmt.Fprintf(o.log, "\r%s: cold start %d of %d  ", name, i+1, o.runs)
		one, err := o.start(ctx, name, event)
		if err != nil {
			return 0, 0, "", err
		}
		took = append(took, one)
	}
	fmt.Fprintln(o.log)
	slices.Sort(took)
	return took[len(took)/2], took[len(took)-1], file, nil
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
