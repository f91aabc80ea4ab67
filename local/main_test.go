package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/sockets/client"
)

func TestMain(m *testing.M) {
	if os.Getenv(giftProcessEnv) != "" {
		giftProcess()
		return
	}
	goleak.VerifyTestMain(m)
}

func clientOptions(room live.RoomID, token string) client.Options {
	return client.Options{Room: room, Token: token}
}

// screen is what a person sees; it may be looked at while the process writes.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// freeFlags are flags that put everything on free ports and into a folder of the test's own.
func freeFlags(t *testing.T) []string {
	const free = "127.0.0.1:0"
	return []string{"--http", free, "--socket", free, "--kafka", free, "--redis", free, "--s3", free, "--data", t.TempDir()}
}

func noEnv(string) string { return "" }

// The first minute of a newcomer: the command prints a line for wscat, the line works as it stands, a bot is heard, and
// Ctrl-C ends it all in time.
func TestCommandPrintsALineThatWorks(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	var out screen
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, append(freeFlags(t), "--bots", "40"), noEnv, &out) }()

	line := regexp.MustCompile(`wscat -c '(ws://[^?]+/ws)\?room_id=1&token=([\w.-]+)'`)
	eventually(t, time.Minute, func() (bool, string) {
		select {
		case err := <-ended:
			t.Fatalf("ended with %v:\n%s", err, &out)
		default:
		}
		return strings.Contains(out.String(), "Ctrl-C ends it"), out.String()
	})
	found := line.FindStringSubmatch(out.String())
	if found == nil {
		t.Fatalf("no wscat line in:\n%s", &out)
	}
	conn, hello, err := dialed(ctx, client.Options{URL: found[1], Room: 1, Token: found[2]})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Cut()
	if hello.Room.Status != live.RoomLive {
		t.Errorf("room 1: got %+v", hello.Room)
	}
	if err := conn.Send(live.Message{Type: live.Danmu, ID: "typed", Content: "hello"}); err != nil {
		t.Fatal(err)
	}
	for mine, bots, acked := false, 0, false; !mine || bots == 0 || !acked; {
		m, err := conn.Read()
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case m.Type == live.Ack:
			acked = true
		case m.Type == live.Danmu && m.ID == "typed":
			mine = true
		case m.Type == live.Danmu:
			bots++
		}
	}

	interrupt()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(closeTimeout + 2*time.Second):
		t.Fatal("did not end")
	}
}

func TestTakenPortNamesItsFlag(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, flag := range []string{"http", "socket", "kafka", "redis", "s3"} {
		t.Run(flag, func(t *testing.T) {
			args := freeFlags(t)
			for i := range args {
				if args[i] == "--"+flag {
					args[i+1] = taken.Addr().String()
				}
			}
			err := run(t.Context(), args, noEnv, &screen{})
			if err == nil || !strings.Contains(err.Error(), "--"+flag) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("got %v, want one line that names --%s", err, flag)
			}
		})
	}
}

// Two processes must not write into the same folder.
func TestFolderIsForOneProcess(t *testing.T) {
	s := startStack(t)
	const free = "127.0.0.1:0"
	_, err := Start(t.Context(), Options{HTTP: free, Socket: free, Kafka: free, Redis: free, S3: free, Data: s.data})
	if err == nil || !strings.Contains(err.Error(), "--data") {
		t.Fatalf("got %v, want an error that names --data", err)
	}
}

// With --services-only the other mains of the platform find everything they need.
func TestServicesOnly(t *testing.T) {
	s := startStack(t, func(o *Options) { o.ServicesOnly = true })
	if s.HTTPURL != "" || s.gateway != nil {
		t.Errorf("got a platform at %q", s.HTTPURL)
	}
	var out screen
	banner(&out, s)
	for _, name := range []string{"KAFKA_BROKERS=", "REDIS_ADDRS=", "DATABASE_URL=sqlite:", "AWS_ENDPOINT_URL_S3=http://"} {
		if !strings.Contains(out.String(), "export "+name) {
			t.Errorf("no %s in:\n%s", name, &out)
		}
	}
	if err := s.parts.Kafka.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}
