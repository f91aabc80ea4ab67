package embedded_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/barrage-live/barrage/shared/roomstate/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStartServesRedisWhoseKeysExpire(t *testing.T) {
	addr, stop, err := embedded.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	rdb := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2})
	defer rdb.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := rdb.Set(ctx, "k", "v", 300*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	if got, err := rdb.Get(ctx, "k").Result(); err != nil || got != "v" {
		t.Fatalf("got %q, %v before the key's time", got, err)
	}
	for rdb.Get(ctx, "k").Err() == nil {
		if ctx.Err() != nil {
			t.Fatal("the key never expired")
		}
	}
	stop()
	stop()
	if err := rdb.Ping(ctx).Err(); err == nil {
		t.Fatal("got an answer after stop")
	}
}

func TestStartRefusesATakenPort(t *testing.T) {
	addr, stop, err := embedded.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if _, _, err := embedded.Start(addr); err == nil {
		t.Fatal("got no error for a taken port")
	}
}
