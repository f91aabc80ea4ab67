// Command load opens many WebSocket connections to a Barrage gateway, publishes danmaku, and checks what every
// connection received: how much, in which order, how late, and what it cost the server.
//
// It is cheap on purpose (raw sockets, one epoll loop a process), so that a whole core is left for the server under
// test, and it spreads over processes because a process may open only so many files.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/token"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] == workerVerb {
		return runWorker(ctx, stdin, stdout)
	}
	opt, err := parseOptions(args, stderr)
	if err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if opt.newKey != "" {
		_, err := token.LoadOrCreateKeys(opt.newKey)
		return err
	}
	if opt.floor {
		return json.NewEncoder(stdout).Encode(measureFloor(opt.duration))
	}
	report, err := drive(ctx, opt, stderr)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(stdout)
	enc.SetIndent("", "  ")
	if err := enc.Encode(report); err != nil {
		return err
	}
	return report.verdict(opt)
}

// options is what one run does. Shares are fractions between 0 and 1.
type options struct {
	url         string
	connections int
	perProcess  int
	firstRoom   live.RoomID
	rooms       int
	rate        float64 // danmaku a second in each room; 0: none; < 0: as fast as acks come back
	publishers  int     // connections that publish in each room
	window      int     // unacknowledged danmaku a publisher may have when the rate is unbounded
	warmup      time.Duration
	duration    time.Duration
	settle      time.Duration // how long to wait for stragglers after the last danmu
	hold        time.Duration // keep the connections open and idle before publishing
	pids        []int         // the servers' processes, for CPU and memory
	newKey      string        // only make this file
	byProcess   bool          // process i loads target i alone
	tokenKey    string
	seed        string // Redis in which to make the rooms; empty: they are there
	issuer      string
	audience    string
	stall       float64
	slow        float64
	churn       float64 // share of the connections that are replaced each second
	strict      bool
	floor       bool
	deflate     bool
	workers     int // concurrent handshakes a process
	drain       int // process of the first target, to be drained while the second takes its viewers; 0: none
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("load", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&o.url, "url", "ws://127.0.0.1:8081/ws", "the gateway; loopback addresses only")
	fs.IntVar(&o.connections, "connections", 1000, "viewers in all rooms together")
	fs.IntVar(&o.perProcess, "per-process", 17000, "viewers a process, below the open-file limit")
	first := fs.Int64("first-room", 1, "id of the first room; the others follow")
	fs.IntVar(&o.rooms, "rooms", 1, "rooms, which must be live")
	fs.Float64Var(&o.rate, "rate", 10, "danmaku a second in each room; 0: none; -1: as fast as acks come back")
	fs.IntVar(&o.publishers, "publishers", 4, "publishing connections in each room (they need -token-key)")
	fs.IntVar(&o.window, "window", 64, "unacknowledged danmaku a publisher when -rate is -1")
	fs.DurationVar(&o.warmup, "warmup", 2*time.Second, "publish this long before measuring")
	fs.DurationVar(&o.duration, "duration", 20*time.Second, "measured time")
	fs.DurationVar(&o.settle, "settle", 2*time.Second, "wait for stragglers after the last danmu")
	fs.DurationVar(&o.hold, "hold", 0, "measure the idle server this long before publishing")
	fs.Func("pid", "the server's process id, or several with commas: report their CPU and memory", o.parsePIDs)
	fs.BoolVar(&o.byProcess, "by-process", false, "with several -url: each process loads one of them, in turn")
	fs.StringVar(&o.newKey, "new-key", "", "only make a signing key in this file, unless there is one")
	fs.StringVar(&o.tokenKey, "token-key", "", "PEM file with the Ed25519 signing key, made when it is missing; empty: viewers are guests and nobody publishes")
	fs.StringVar(&o.seed, "seed", "", "host:port of the pods' Redis: put the rooms there, live, instead of making them over HTTP")
	fs.StringVar(&o.issuer, "issuer", "barrage", "issuer of the tokens")
	fs.StringVar(&o.audience, "audience", "barrage", "audience of the tokens")
	stall := fs.String("stall", "0%", "share of the viewers that never read")
	slow := fs.String("slow-reader", "0%", "share of the viewers that read 2 KiB every 100 ms")
	churn := fs.String("churn", "0%/s", "share of the viewers that leave and are replaced each second")
	fs.BoolVar(&o.strict, "strict", false, "exit 1 when anything was lost, doubled or out of order")
	fs.BoolVar(&o.floor, "floor", false, "only measure W, the CPU of one raw 142-byte write to a loopback socket; wants cores 0 and 1")
	fs.BoolVar(&o.deflate, "deflate", false, "offer permessage-deflate")
	fs.IntVar(&o.workers, "workers", 16, "handshakes at once a process")
	fs.IntVar(&o.drain, "drain", 0, "with two -url: viewers join the first, this process of which gets SIGTERM when measuring begins; they follow to the second")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	o.firstRoom = live.RoomID(*first)
	var problems []error
	for _, s := range []struct {
		name, text string
		to         *float64
	}{{"stall", *stall, &o.stall}, {"slow-reader", *slow, &o.slow}, {"churn", strings.TrimSuffix(*churn, "/s"), &o.churn}} {
		share, err := parseShare(s.text)
		if err != nil {
			problems = append(problems, fmt.Errorf("-%s: %w", s.name, err))
		}
		*s.to = share
	}
	problems = append(problems, o.check()...)
	return o, errors.Join(problems...)
}

func (o options) check() []error {
	var problems []error
	if o.connections < 0 || o.rooms < 1 || o.perProcess < 1 || o.publishers < 0 || o.window < 1 || o.workers < 1 {
		problems = append(problems, errors.New("-connections, -rooms, -per-process, -publishers, -window and -workers are positive"))
	}
	if o.rate != 0 && o.tokenKey == "" && !o.floor && o.newKey == "" {
		problems = append(problems, errors.New("-rate needs -token-key: guests can't send"))
	}
	if o.stall+o.slow > 1 {
		problems = append(problems, errors.New("-stall and -slow-reader together are at most 100%"))
	}
	targets, err := parseTarget(o.url)
	if err != nil {
		problems = append(problems, err)
	}
	if o.drain != 0 && (len(targets) != 2 || o.drain < 1 || o.stall+o.slow+o.churn > 0) {
		problems = append(problems, errors.New("-drain is a process id, wants two -url, and viewers that read and stay"))
	}
	return problems
}

func (o *options) parsePIDs(text string) error {
	for one := range strings.SplitSeq(text, ",") {
		pid, err := strconv.Atoi(one)
		if err != nil || pid < 1 {
			return fmt.Errorf("%q is not a process id", one)
		}
		o.pids = append(o.pids, pid)
	}
	return nil
}

// parseShare reads "5%" or "0.05".
func parseShare(s string) (float64, error) {
	text, percent := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a share such as 5%%", s)
	}
	if percent {
		v /= 100
	}
	if v < 0 || v > 1 {
		return 0, fmt.Errorf("%q is not between 0%% and 100%%", s)
	}
	return v, nil
}
