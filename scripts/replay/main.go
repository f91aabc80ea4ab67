// Command replay plays recorded danmu back into a live room, at its own pace or faster: a demo, a load test, and real
// input in one.
//
//	go run ./scripts/replay -room 1 -token-key .barrage/signing-key.pem -issuer barrage-local comments.xml
//	go run ./scripts/replay -room 1 -token-key … -speed 10 room:7
//
// What is played is a danmaku XML ("-" for standard input), or what a platform has recorded of a room: room:ID, or
// room:ID/SESSION. Everyone who spoke is played by one of -senders viewers, always the same one.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/barrage-live/barrage/shared/live"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(1)
	}
}

// options is what one run does.
type options struct {
	source   string
	api      string
	socket   string
	room     live.RoomID
	speed    float64
	from, to time.Duration // the part to play; to 0: the end
	senders  int
	tokenKey string
	issuer   string
	audience string
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	lines, err := o.read(ctx, stdin, stderr)
	if err != nil {
		return err
	}
	lines, skipped := o.part(lines)
	if len(lines) == 0 {
		return errors.New("nothing to play in that part")
	}
	rep, err := play(ctx, o, lines, stderr)
	rep.Skipped += skipped
	enc := json.NewEncoder(stdout)
	enc.SetIndent("", "  ")
	return errors.Join(err, enc.Encode(rep))
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("replay", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprintln(stderr, "usage: replay -room ID -token-key FILE [flags] FILE.xml | - | room:ID[/SESSION]")
		fs.PrintDefaults()
	}
	fs.StringVar(&o.api, "api", "http://127.0.0.1:8080", "where recordings are read from")
	fs.StringVar(&o.socket, "socket", "ws://127.0.0.1:8081/ws", "the gateway of the room")
	room := fs.Int64("room", 0, "the live room to play into")
	fs.Float64Var(&o.speed, "speed", 1, "how many times faster, up to 1000")
	fs.DurationVar(&o.from, "from", 0, "begin so far into the recording")
	fs.DurationVar(&o.to, "to", 0, "end there; 0: at its end")
	fs.IntVar(&o.senders, "senders", 50, "viewers that speak, up to 1000; each is held to the limits of a user")
	fs.StringVar(&o.tokenKey, "token-key", "", "PEM file with the platform's signing key: the senders' tokens are made with it")
	fs.StringVar(&o.issuer, "issuer", "barrage", "issuer of the tokens (barrage-local for go run ./local)")
	fs.StringVar(&o.audience, "audience", "barrage", "audience of the tokens")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	o.room = live.RoomID(*room)
	var problems []error
	if fs.NArg() != 1 {
		problems = append(problems, errors.New("want one recording: a file, -, or room:ID"))
	} else {
		o.source = fs.Arg(0)
	}
	if o.room < 1 {
		problems = append(problems, errors.New("-room is the id of a live room"))
	}
	if !(o.speed > 0 && o.speed <= 1000) { // NaN, too
		problems = append(problems, errors.New("-speed is above 0 and up to 1000"))
	}
	if o.senders < 1 || o.senders > 1000 {
		problems = append(problems, errors.New("-senders is 1 to 1000"))
	}
	if o.from < 0 || o.to < 0 || o.to > 0 && o.to <= o.from {
		problems = append(problems, errors.New("-from lies before -to"))
	}
	if o.tokenKey == "" {
		problems = append(problems, errors.New("-token-key is needed: guests can't speak"))
	}
	for name, want := range map[string]string{o.api: "http", o.socket: "ws"} {
		if u, err := url.Parse(name); err != nil || u.Host == "" || u.Scheme != want && u.Scheme != want+"s" {
			problems = append(problems, fmt.Errorf("%q is no %s:// address", name, want))
		}
	}
	return o, errors.Join(problems...)
}
