package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Server is a redis-server process of this test.
type Server struct {
	Addr string
	dir  string
	args []string
	cmd  *exec.Cmd
}

// StartServer runs redis-server on a free port of the loopback until the test ends.
func StartServer(t testing.TB, args ...string) *Server {
	t.Helper()
	port := freePort(t)
	s := &Server{Addr: net.JoinHostPort("127.0.0.1", port), dir: t.TempDir()}
	s.args = append([]string{
		"--port", port, "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--appendonly", "no",
		"--logfile", filepath.Join(s.dir, "log"), "--cluster-announce-ip", "127.0.0.1",
	}, args...)
	s.Start(t)
	t.Cleanup(func() { s.Kill(t) })
	return s
}

// Start runs the server again after Kill, with what it finds in its folder.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	s.cmd = exec.Command("redis-server", s.args...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: s.Addr})
	defer closeClient(t, rdb)
	Await(t, "the server to answer", func(ctx context.Context) error { return rdb.Ping(ctx).Err() })
}

// Kill ends the process at once.
func (s *Server) Kill(t testing.TB) {
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Kill(); err != nil {
		t.Errorf("kill redis-server: %v", err)
	}
	var exit *exec.ExitError
	if err := s.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Errorf("wait for redis-server: %v", err)
	}
	s.cmd = nil
}

// freePort is one whose cluster bus port, 10,000 above, is free as well.
func freePort(t testing.TB) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		bus, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+10_000))
		if port+10_000 < 1<<16 && err == nil {
			err = errors.Join(l.Close(), bus.Close())
			if err != nil {
				t.Fatal(err)
			}
			return strconv.Itoa(port)
		}
		if bus != nil {
			err = bus.Close()
		}
		if closing := l.Close(); closing != nil {
			t.Fatal(closing, err)
		}
	}
	t.Fatal("no free pair of ports")
	return ""
}

// Await calls try until it succeeds, for at most 30 seconds.
func Await(t testing.TB, what string, try func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waited for %s: %v", what, err)
		case <-ticker.C:
		}
	}
}
