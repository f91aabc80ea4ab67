// Package cache keeps what a process has read lately: bounded in entries and in age, loaded once however many ask, and
// counted, so that a cache that does not pay is seen.
package cache

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"
	"go.opentelemetry.io/otel/metric"

	"github.com/barrage-live/barrage/shared/telemetry"
)

// defaultLoadTimeout ends a load that nobody else ends.
const defaultLoadTimeout = 5 * time.Second

// Config says how much a cache keeps and for how long.
type Config struct {
	Name        string             // the label of cache.hits and cache.misses; one of a few, never an id
	Entries     int                // at most this many are kept
	TTL         time.Duration      // an entry is loaded again when it is older
	LoadTimeout time.Duration      // default 5 s
	Metrics     *telemetry.Metrics // nil: not counted
}

// Cache maps keys to loaded values. All methods may be called concurrently.
type Cache[K comparable, V any] struct {
	entries     *otter.Cache[K, V]
	loadTimeout time.Duration
	metrics     *telemetry.Metrics
	label       []metric.AddOption
}

// New makes an empty cache. The caller owes a Close.
func New[K comparable, V any](cfg Config) (*Cache[K, V], error) {
	if cfg.Name == "" || cfg.Entries <= 0 || cfg.TTL <= 0 {
		return nil, errors.New("cache: name, entries and ttl must be given")
	}
	if cfg.LoadTimeout <= 0 {
		cfg.LoadTimeout = defaultLoadTimeout
	}
	if cfg.Metrics == nil {
		cfg.Metrics = telemetry.Discard().Metrics
	}
	entries, err := otter.New(&otter.Options[K, V]{
		MaximumSize:      cfg.Entries,
		ExpiryCalculator: otter.ExpiryWriting[K, V](cfg.TTL),
	})
	if err != nil {
		return nil, fmt.Errorf("cache %s: %w", cfg.Name, err)
	}
	return &Cache[K, V]{
		entries: entries, loadTimeout: cfg.LoadTimeout, metrics: cfg.Metrics,
		label: []metric.AddOption{telemetry.Labels(telemetry.LabelCache, cfg.Name)},
	}, nil
}

// Get returns the value of key, and loads it when it is not there. Of all who ask meanwhile only one loads; its load
// goes on when its own caller leaves, as the others wait for it. An error of load is returned and not kept.
func (c *Cache[K, V]) Get(ctx context.Context, key K, load func(context.Context, K) (V, error)) (V, error) {
	if value, ok := c.Peek(ctx, key); ok {
		return value, nil
	}
	return c.entries.Get(ctx, key, otter.LoaderFunc[K, V](func(ctx context.Context, key K) (V, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.loadTimeout)
		defer cancel()
		return load(ctx, key)
	}))
}

// Peek returns the value of key if it is there.
func (c *Cache[K, V]) Peek(ctx context.Context, key K) (V, bool) {
	value, ok := c.entries.GetIfPresent(key)
	if ok {
		c.metrics.CacheHits.Add(ctx, 1, c.label...)
	} else {
		c.metrics.CacheMisses.Add(ctx, 1, c.label...)
	}
	return value, ok
}

// Set keeps a value that the caller knows to be the newest.
func (c *Cache[K, V]) Set(key K, value V) { c.entries.Set(key, value) }

// Delete forgets a key. A load of it that is under way starts again, so that nobody gets what was there before.
func (c *Cache[K, V]) Delete(key K) { c.entries.Invalidate(key) }

// Len is about how many entries are kept.
func (c *Cache[K, V]) Len() int { return c.entries.EstimatedSize() }

// Close ends the cache's goroutine. The cache must not be used afterwards.
func (c *Cache[K, V]) Close() { c.entries.StopAllGoroutines() }
