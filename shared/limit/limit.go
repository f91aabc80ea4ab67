// Package limit says how often something may happen: a local bucket for what one process sees, a Redis one for what
// must hold over all processes. Both are GCRA (ITU-T I.371, "virtual scheduling"): one time stamp a key.
package limit

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// Rate allows Burst at once and Events in every Per. Events 0 allows everything.
type Rate struct {
	Events float64
	Per    time.Duration // 0: a second
	Burst  int           // 0: one
}

// Bucket limits by key within this process.
type Bucket[K comparable] struct{}

// NewBucket returns a bucket that remembers at most capacity keys (0: 100,000).
func NewBucket[K comparable](rate Rate, capacity int) *Bucket[K] { return &Bucket[K]{} }

// Allow takes n from the key's allowance, or nothing and says how long until n would be allowed.
func (b *Bucket[K]) Allow(key K, n int) (ok bool, retryAfter time.Duration) { return true, 0 }

// Redis limits by key over all processes that share the Redis and the name.
type Redis struct{}

// NewRedis returns the limit called name.
func NewRedis(rdb redis.UniversalClient, name string, rate Rate) *Redis { return &Redis{} }

// Allow takes n from the key's allowance, or nothing and says how long until n would be allowed.
func (r *Redis) Allow(ctx context.Context, key string, n int) (ok bool, retryAfter time.Duration, err error) {
	return false, 0, errors.New("not built")
}
