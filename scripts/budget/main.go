// Command budget measures the socket tier against its budgets: it starts a fresh pod for each row, pins it to the first
// core and the load to the second, and prints what was measured beside what is allowed. scripts/bench calls it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/barrage-live/barrage/shared/token"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "budget:", err)
		os.Exit(1)
	}
}

// tolerance is how far over its budget a figure may be before the run fails: these machines are shared.
const tolerance = 1.15

// A plan is what a run measures with.
type plan struct {
	bin     string // folder of the binaries sockets and load
	redis   string
	kafka   string
	key     string // signing key file
	log     io.Writer
	getenv  func(string) string
	only    string
	seconds int
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	p := plan{log: stderr, getenv: getenv}
	fs := flag.NewFlagSet("budget", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&p.bin, "bin", "", "folder with the binaries sockets and load")
	fs.StringVar(&p.redis, "redis", "", "host:port of a real Redis")
	fs.StringVar(&p.kafka, "kafka", "", "host:port of a Kafka broker")
	fs.StringVar(&p.only, "only", "", "measure only the rows whose name has this in it")
	fs.IntVar(&p.seconds, "seconds", 15, "measured time of a row")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if p.bin == "" || p.redis == "" || p.kafka == "" {
		return errors.New("-bin, -redis and -kafka are needed; scripts/bench gives them")
	}
	p.key = filepath.Join(p.bin, "signing-key.pem")
	if _, err := token.LoadOrCreateKeys(p.key); err != nil {
		return err
	}
	w, err := p.floor(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "machine: %s, %d cores, Go %s, %s; W = %.2f µs (%.2f µs in a tight loop that nobody reads)\n\n", cpuModel(), runtime.NumCPU(),
		runtime.Version(), time.Now().UTC().Format(time.DateOnly), w.Room, w.Unread)
	fmt.Fprintf(stdout, "| row | figure | measured | budget | |\n|---|---|---|---|---|\n")
	var missed []error
	for _, r := range rows() {
		if !strings.Contains(r.name, p.only) {
			continue
		}
		rep, err := p.measure(ctx, r)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		missed = append(missed, r.print(stdout, rep, w.Room)...)
	}
	return errors.Join(missed...)
}

// A floor is what one raw write costs on the core that the server gets, in µs, as scripts/load explains: W, and for comparison the cheapest.
type floor struct {
	Room   float64 `json:"w_us"`
	Unread float64 `json:"w_unread_us"`
	Error  string  `json:"error"`
}

func (p plan) floor(ctx context.Context) (f floor, err error) {
	out, err := exec.CommandContext(ctx, filepath.Join(p.bin, "load"), "-floor", "-duration", "6s").Output()
	if err == nil {
		err = json.Unmarshal(out, &f)
	}
	if err == nil && (f.Error != "" || f.Room <= 0) {
		err = fmt.Errorf("%q", f.Error)
	}
	if err != nil {
		return f, fmt.Errorf("measure W: %w", err)
	}
	return f, nil
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(name), ": "))
		}
	}
	return "unknown processor"
}
