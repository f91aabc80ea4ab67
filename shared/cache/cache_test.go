package cache_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/goleak"

	"github.com/barrage-live/barrage/shared/cache"
	"github.com/barrage-live/barrage/shared/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newCache(t *testing.T, cfg cache.Config) *cache.Cache[string, int] {
	t.Helper()
	c, err := cache.New[string, int](cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestGetLoadsOnceForAll(t *testing.T) {
	c := newCache(t, cache.Config{Name: "t", Entries: 10, TTL: time.Hour})
	var loads atomic.Int32
	started, release := make(chan struct{}), make(chan struct{})
	load := func(context.Context, string) (int, error) {
		if loads.Add(1) == 1 {
			close(started)
		}
		<-release
		return 7, nil
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if got, err := c.Get(t.Context(), "k", load); got != 7 || err != nil {
				t.Errorf("got %d, %v, want 7", got, err)
			}
		})
	}
	<-started
	close(release)
	all.Wait()
	if got := loads.Load(); got != 1 {
		t.Errorf("got %d loads, want 1", got)
	}
}

func TestLoadOutlivesTheCallerThatStartedIt(t *testing.T) {
	c := newCache(t, cache.Config{Name: "t", Entries: 10, TTL: time.Hour})
	ctx, leave := context.WithCancel(t.Context())
	got, err := c.Get(ctx, "k", func(ctx context.Context, _ string) (int, error) {
		leave()
		return 7, ctx.Err()
	})
	if got != 7 || err != nil {
		t.Errorf("got %d, %v, want 7: others may be waiting for this load", got, err)
	}
}

func TestLoadHasATimeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, cache.Config{Name: "t", Entries: 10, TTL: time.Hour, LoadTimeout: time.Second})
		_, err := c.Get(t.Context(), "k", func(ctx context.Context, _ string) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline", err)
		}
		c.Close()
	})
}

func TestEntriesExpireAndErrorsAreNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, cache.Config{Name: "t", Entries: 10, TTL: time.Second})
		defer c.Close()
		next := 0
		load := func(context.Context, string) (int, error) {
			next++
			if next == 1 {
				return 0, errors.New("down")
			}
			return next, nil
		}
		for i, step := range []struct {
			wait time.Duration
			want int
		}{{0, 0}, {0, 2}, {900 * time.Millisecond, 2}, {200 * time.Millisecond, 3}} {
			time.Sleep(step.wait) // the bubble's clock
			if got, _ := c.Get(t.Context(), "k", load); got != step.want {
				t.Errorf("step %d: got %d, want %d", i, got, step.want)
			}
		}
	})
}

func TestDeleteDuringALoadIsSeen(t *testing.T) {
	c := newCache(t, cache.Config{Name: "t", Entries: 10, TTL: time.Hour})
	loads := 0
	got, err := c.Get(t.Context(), "k", func(context.Context, string) (int, error) {
		if loads++; loads == 1 {
			deleted := make(chan struct{})
			go func() { c.Delete("k"); close(deleted) }()
			<-deleted
		}
		return loads, nil
	})
	if got != 2 || err != nil {
		t.Errorf("got %d, %v, want the second load", got, err)
	}
	if c.Set("k", 9); c.Len() != 1 {
		t.Errorf("got %d entries, want 1", c.Len())
	}
	c.Delete("k")
	if _, ok := c.Peek(t.Context(), "k"); ok {
		t.Error("got a deleted entry")
	}
}

func TestPanicOfALoadDoesNotBlockTheKey(t *testing.T) {
	c := newCache(t, cache.Config{Name: "t", Entries: 10, TTL: time.Hour})
	func() {
		defer func() { _ = recover() }()
		_, _ = c.Get(t.Context(), "k", func(context.Context, string) (int, error) { panic("bug") })
	}()
	got, err := c.Get(t.Context(), "k", func(context.Context, string) (int, error) { return 7, nil })
	if got != 7 || err != nil {
		t.Errorf("got %d, %v, want 7", got, err)
	}
}

func TestEntriesAreBounded(t *testing.T) {
	c := newCache(t, cache.Config{Name: "t", Entries: 100, TTL: time.Hour})
	for i := range 10_000 {
		c.Set(fmt.Sprint(i), i)
	}
	if got := c.Len(); got > 1000 {
		t.Errorf("got %d entries, want about 100", got)
	}
}

func TestHitsAndMissesAreCounted(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	metrics, err := telemetry.NewMetrics(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter("t"))
	if err != nil {
		t.Fatal(err)
	}
	c := newCache(t, cache.Config{Name: "rooms", Entries: 10, TTL: time.Hour, Metrics: metrics})
	for range 3 {
		if _, err := c.Get(t.Context(), "k", func(context.Context, string) (int, error) { return 7, nil }); err != nil {
			t.Fatal(err)
		}
	}
	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, m := range data.ScopeMetrics[0].Metrics {
		for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
			label, _ := p.Attributes.Value(attribute.Key(telemetry.LabelCache))
			got[m.Name+" "+label.AsString()] += p.Value
		}
	}
	if got["cache.hits rooms"] != 2 || got["cache.misses rooms"] != 1 || len(got) != 2 {
		t.Errorf("got %v, want 2 hits and 1 miss of rooms", got)
	}
}

func TestNewRefusesUnbounded(t *testing.T) {
	for _, cfg := range []cache.Config{{Entries: 1, TTL: 1}, {Name: "t", TTL: 1}, {Name: "t", Entries: 1}} {
		if _, err := cache.New[string, int](cfg); err == nil {
			t.Errorf("got no error for %+v", cfg)
		}
	}
}
