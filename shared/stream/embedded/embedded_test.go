package embedded_test

import (
	"context"
	"errors"
	"net"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/barrage-live/barrage/shared/stream/embedded"
)

func start(t *testing.T, o embedded.Options) *embedded.Broker {
	t.Helper()
	b, err := embedded.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func client(t *testing.T, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(addr))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// What a person made in the local demo must be there after a restart, records and group offsets alike.
func TestDataDirSurvivesRestart(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	dir := t.TempDir()

	first := start(t, embedded.Options{DataDir: dir, Partitions: 3})
	cl := client(t, first.Addr())
	if _, err := kadm.NewClient(cl).CreateTopic(ctx, -1, -1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		rec := &kgo.Record{Topic: "t", Value: []byte(strconv.Itoa(i))}
		if err := cl.ProduceSync(ctx, rec).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	offsets := make(kadm.Offsets)
	offsets.AddOffset("t", 0, 2, -1)
	if err := kadm.NewClient(cl).CommitAllOffsets(ctx, "g", offsets); err != nil {
		t.Fatal(err)
	}
	cl.Close()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	second := start(t, embedded.Options{DataDir: dir})
	adm := kadm.NewClient(client(t, second.Addr()))
	ends, err := adm.ListEndOffsets(ctx, "t")
	if err != nil {
		t.Fatal(err)
	}
	var total int64
	ends.Each(func(o kadm.ListedOffset) { total += o.Offset })
	if len(ends["t"]) != 3 || total != 5 {
		t.Errorf("got %d records in %d partitions, want 5 in 3", total, len(ends["t"]))
	}
	got, err := adm.FetchOffsets(ctx, "g")
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := got.Lookup("t", 0); !ok || o.At != 2 {
		t.Errorf("got committed offset %v (%v), want 2", o.At, ok)
	}
}

func TestSignIn(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	b := start(t, embedded.Options{User: "barrage", Password: "right"})
	for password, want := range map[string]bool{"right": true, "wrong": false} {
		auth := scram.Auth{User: "barrage", Pass: password}.AsSha512Mechanism()
		err := client(t, b.Addr(), kgo.SASL(auth), kgo.RetryTimeout(time.Second)).Ping(ctx)
		if (err == nil) != want {
			t.Errorf("password %q: got error %v, want success %v", password, err, want)
		}
	}
}

func TestTakenPort(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, err = embedded.Start(embedded.Options{Port: ln.Addr().(*net.TCPAddr).Port})
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("got %v, want address in use", err)
	}
}
