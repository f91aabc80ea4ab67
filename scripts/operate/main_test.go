package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/ledger"
	"github.com/barrage-live/barrage/shared/live"
	redisembedded "github.com/barrage-live/barrage/shared/roomstate/embedded"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/stream/embedded"
)

// A platform is the servers that the command works on.
type platform struct {
	t     *testing.T
	env   map[string]string
	kafka *stream.Client
	store *store.Store
}

func newPlatform(t *testing.T) *platform {
	t.Helper()
	broker, err := embedded.Start(embedded.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, broker.Close()) })
	redis, stop, err := redisembedded.Start("127.0.0.1:0")
	must(t, err)
	t.Cleanup(stop)
	p := &platform{t: t, env: map[string]string{
		"KAFKA_BROKERS": broker.Addr(), "REDIS_ADDRS": redis, "DATABASE_URL": "sqlite:" + filepath.Join(t.TempDir(), "test.db"),
		"JWKS_URL": "http://127.0.0.1:1/jwks.json", "LOG_LEVEL": "error", // nobody's token is looked at
	}}
	p.kafka, err = stream.Dial(t.Context(), stream.Config{Brokers: []string{broker.Addr()}})
	must(t, err)
	t.Cleanup(func() { must(t, p.kafka.Close(context.WithoutCancel(t.Context()))) })
	must(t, p.kafka.EnsureTopics(t.Context()))
	p.store, err = store.Open(t.Context(), store.Config{URL: p.env["DATABASE_URL"]})
	must(t, err)
	t.Cleanup(func() { must(t, p.store.Close()) })
	must(t, p.store.Migrate(t.Context()))
	return p
}

// run returns what the command printed and how it ended.
func (p *platform) run(args ...string) (string, error) {
	p.t.Helper()
	var out bytes.Buffer
	err := run(p.t.Context(), args, func(name string) string { return p.env[name] }, &out)
	return out.String(), err
}

func (p *platform) want(lines string, args ...string) {
	p.t.Helper()
	out, err := p.run(args...)
	if err != nil || !strings.Contains(out, lines) {
		p.t.Errorf("%v: %v\n%s\nwant %q in it", args, err, out, lines)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestReconcileAndGifters(t *testing.T) {
	p := newPlatform(t)
	hourAgo := time.Now().Add(-time.Hour)
	book, err := ledger.New(p.store, 500, func() time.Time { return hourAgo })
	must(t, err)
	user, err := p.store.CreateUser(t.Context(), store.NewUser{Username: "u", Nickname: "u", PasswordHash: "x", Role: live.RoleViewer})
	must(t, err)
	_, err = book.TopUp(t.Context(), ledger.TopUp{User: user.ID, Amount: 10, Ref: "p"})
	must(t, err)
	p.want("clean", "reconcile")

	_, err = book.Settle(t.Context(), []ledger.Order{{ID: "o1", Fingerprint: "f", Sender: user.ID, Anchor: 9, Room: 1, Gift: 1, Count: 1, Price: 3}})
	must(t, err)
	out, err := p.run("reconcile", "-since", "2h")
	if !errors.Is(err, errDiffers) || !strings.Contains(out, "o1: settled order has no event in Kafka") {
		t.Errorf("%v\n%s", err, out)
	}
	p.want("clean", "reconcile", "-since", "30m") // it is older

	p.want("1 totals", "gifters", "-day", hourAgo.UTC().Format(time.DateOnly))
	p.want("0 totals", "gifters", "-day", "2020-01-01")
}

func TestDeadLetters(t *testing.T) {
	p := newPlatform(t)
	bad := func(n int) stream.Record {
		return stream.Record{Topic: stream.LiveGiftRequests, Partition: 3, Offset: int64(n), Key: []byte("7"), Value: fmt.Appendf(nil, "not a request %d", n)}
	}
	broken := stream.WithDeadLetters(p.kafka, 1, func(context.Context, []stream.Record) (int, error) {
		return 0, stream.Poison(errors.New("can't be read\x1b[2J"))
	})
	_, err := broken(t.Context(), []stream.Record{bad(0), bad(1)})
	must(t, err)
	p.want(`3:1	`, "deadletters", "live-gift-requests")
	p.want(`"not a request 1"`, "deadletters", "live-gift-requests")
	if out, _ := p.run("deadletters", "live-gift-requests"); strings.Contains(out, "\x1b") {
		t.Errorf("a record speaks to the terminal: %q", out)
	}
	p.want("0 dead letters", "deadletters", "live-messages")
	p.want("1 dead letters of live-gift-requests were given", "deadletters", "-replay", "-skip", "3:0", "live-gift-requests")
	p.want("0 dead letters", "deadletters", "live-gift-requests")
	delete(p.env, "DATABASE_URL") // Kafka is enough
	p.want("0 dead letters", "deadletters", "live-gift-requests")
	var back []string
	must(t, p.kafka.Scan(t.Context(), stream.LiveGiftRequests, time.Time{}, time.Time{}, func(part []stream.Record) error {
		for _, r := range part {
			back = append(back, string(r.Value))
		}
		return nil
	}))
	if len(back) != 1 || back[0] != "not a request 1" {
		t.Errorf("given again: %q", back)
	}
}

func TestWrongCallsSayWhatIsWrong(t *testing.T) {
	p := newPlatform(t)
	for _, tc := range []struct {
		args []string
		want string
	}{
		{nil, "usage"}, {[]string{"dance"}, "usage"}, {[]string{"reconcile", "extra"}, "usage"}, {[]string{"reconcile", "-since", "soon"}, "soon"},
		{[]string{"reconcile", "-since", "-1h"}, "-1h"}, {[]string{"gifters", "-day", "31.1.2026"}, "31.1.2026"},
		{[]string{"deadletters"}, "usage"}, {[]string{"deadletters", "nothing"}, "none of the topics"},
		{[]string{"deadletters", "live-messages.dlq"}, "none of the topics"},
		{[]string{"deadletters", "-skip", "1:2", "live-messages"}, "goes with -replay"},
		{[]string{"deadletters", "-replay", "-skip", "1:2x", "live-messages"}, "PARTITION:OFFSET"},
	} {
		if _, err := p.run(tc.args...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q: %v, want %q", tc.args, err, tc.want)
		}
	}
	delete(p.env, "KAFKA_BROKERS")
	for _, args := range [][]string{{"reconcile"}, {"deadletters", "live-messages"}} {
		if _, err := p.run(args...); err == nil || !strings.Contains(err.Error(), "KAFKA_BROKERS") {
			t.Errorf("%q without servers: %v", args, err)
		}
	}
}
