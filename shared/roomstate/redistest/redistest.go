// Package redistest gives tests the Redis servers that the platform must run on: the embedded one always, a real one
// and a cluster where they can be had.
package redistest

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate/embedded"
)

// Suite runs test against each kind of server: "embedded"; "redis" when BARRAGE_TEST_REDIS names one; "cluster" when
// BARRAGE_TEST_REDIS_CLUSTER names its nodes or redis-server is installed. The client is closed after the test.
func Suite(t *testing.T, test func(t *testing.T, rdb redis.UniversalClient)) {
	t.Run("embedded", func(t *testing.T) { test(t, Embedded(t)) })
	if addr := os.Getenv("BARRAGE_TEST_REDIS"); addr != "" {
		t.Run("redis", func(t *testing.T) { test(t, Client(t, addr)) })
	}
	nodes := os.Getenv("BARRAGE_TEST_REDIS_CLUSTER")
	if nodes == "" && !Installed() {
		return
	}
	t.Run("cluster", func(t *testing.T) {
		addrs := strings.Split(nodes, ",")
		if nodes == "" {
			addrs = StartCluster(t, 0).Addrs()
		}
		test(t, ClusterClient(t, addrs))
	})
}

// Installed reports whether redis-server can be started.
func Installed() bool {
	_, err := exec.LookPath("redis-server")
	return err == nil
}

// Embedded starts a server in this process and returns a client of it.
func Embedded(t testing.TB) *redis.Client {
	t.Helper()
	addr, stop, err := embedded.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return Client(t, addr)
}

// Client returns a client of the server at addr.
func Client(t testing.TB, addr string) *redis.Client {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { closeClient(t, rdb) })
	return rdb
}

// ClusterClient returns a client of the cluster.
func ClusterClient(t testing.TB, addrs []string) *redis.ClusterClient {
	t.Helper()
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, MaxRedirects: 8, DialTimeout: time.Second})
	t.Cleanup(func() { closeClient(t, rdb) })
	return rdb
}

func closeClient(t testing.TB, rdb redis.UniversalClient) {
	if err := rdb.Close(); err != nil {
		t.Errorf("close client: %v", err)
	}
}

// Room returns a room that no other test uses.
func Room() live.RoomID { return live.RoomID(rand.Int64N(1<<52) + 1) }
