package roomstate

import (
	"os"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestOneAddressMayNameACluster(t *testing.T) {
	raw := os.Getenv("BARRAGE_TEST_REDIS_CLUSTER")
	if raw == "" {
		t.Skip("BARRAGE_TEST_REDIS_CLUSTER names no servers")
	}
	one := strings.Split(raw, ",")[:1]
	rdb := Link{Cluster: true}.Dial(one)
	t.Cleanup(func() { _ = rdb.Close() })
	// Their slots lie on different nodes: a client of one server would be sent elsewhere.
	for _, key := range []string{"link:a", "link:b", "link:c", "link:d"} {
		if err := rdb.Set(t.Context(), key, "1", 0).Err(); err != nil {
			t.Errorf("set %s through one address: %v", key, err)
		}
		rdb.Del(t.Context(), key)
	}
}

func TestLinkTakesPasswordAndTLS(t *testing.T) {
	rdb, ok := Link{Password: "p", TLS: true}.Dial([]string{"127.0.0.1:1"}).(*redis.Client)
	if !ok {
		t.Fatal("one address without REDIS_CLUSTER is one server")
	}
	t.Cleanup(func() { _ = rdb.Close() })
	if o := rdb.Options(); o.Password != "p" || o.TLSConfig == nil || o.TLSConfig.ServerName != "127.0.0.1" && o.TLSConfig.InsecureSkipVerify {
		t.Errorf("got password %q, TLS %v", o.Password, o.TLSConfig)
	}
	plain := Link{}.Dial([]string{"127.0.0.1:1"}).(*redis.Client)
	t.Cleanup(func() { _ = plain.Close() })
	if plain.Options().TLSConfig != nil {
		t.Error("TLS without being asked for")
	}
}
