package store_test

import (
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/storetest"
)

// door lets connections through to a server until it is shut; then it cuts them and refuses new ones.
type door struct {
	listener net.Listener
	mu       sync.Mutex
	conns    []net.Conn
	open     sync.WaitGroup
}

func newDoor(t *testing.T, to string) *door {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{listener: l}
	d.open.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			d.mu.Lock()
			d.conns = append(d.conns, in, out)
			d.mu.Unlock()
			d.open.Go(func() { _, _ = io.Copy(out, in) })
			d.open.Go(func() { _, _ = io.Copy(in, out) })
		}
	})
	t.Cleanup(d.shut)
	return d
}

func (d *door) shut() {
	_ = d.listener.Close()
	d.mu.Lock()
	for _, c := range d.conns {
		_ = c.Close()
	}
	d.mu.Unlock()
	d.open.Wait()
}

func TestReadsSurviveTheReplicasDeath(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, primaryURL string) {
		u, err := url.Parse(primaryURL)
		if err != nil || u.Scheme != "mysql" {
			return // SQLite's replicas are files, which don't die
		}
		server := u.Host
		d := newDoor(t, server)
		u.Host = d.listener.Addr().String()
		var log strings.Builder
		s, err := store.Open(t.Context(), store.Config{
			URL: primaryURL, ReplicaURLs: []string{u.String(), u.String()}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := createRoom(t, s, "r")
		read := func(when string) {
			t.Helper()
			for range 5 {
				if got, err := s.Room(t.Context(), want.ID); err != nil || got != want {
					t.Fatalf("%s: got %+v, %v", when, got, err)
				}
				if items, _, err := s.Rooms(t.Context(), store.RoomQuery{}); err != nil || len(items) != 1 {
					t.Fatalf("%s: got %d rooms, %v", when, len(items), err)
				}
			}
		}
		read("while the replicas are up")
		d.shut()
		read("after they died")
		if got := strings.Count(log.String(), "can't be reached"); got != 2 {
			t.Errorf("told %d times, want once a replica:\n%s", got, log.String())
		}
		late, err := store.Open(t.Context(), store.Config{URL: primaryURL, ReplicaURLs: []string{u.String()}})
		if err != nil {
			t.Fatalf("start while the replica is down: %v", err)
		}
		if err := late.Close(); err != nil {
			t.Error(err)
		}
		u.Host = server
		u.User = url.UserPassword(u.User.Username(), "wrong")
		if _, err := store.Open(t.Context(), store.Config{URL: primaryURL, ReplicaURLs: []string{u.String()}}); err == nil {
			t.Error("a replica that refuses the password: opened")
		}
	})
}
