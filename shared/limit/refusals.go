package limit

import (
	"sync"
	"sync/atomic"
	"time"
)

// Refusals remembers who was refused elsewhere, and until when, so that it need not be asked again. Forgetting is safe.
type Refusals[K comparable] struct {
	most  int
	count atomic.Int64 // of until; mostly nobody is refused, and then there is nothing to lock
	mu    sync.Mutex
	until map[K]time.Time
}

// NewRefusals returns one that remembers at most capacity keys (0: 100,000).
func NewRefusals[K comparable](capacity int) *Refusals[K] {
	if capacity <= 0 {
		capacity = defaultCapacity
	}
	return &Refusals[K]{most: capacity, until: make(map[K]time.Time)}
}

// Note remembers that the key was refused for wait.
func (r *Refusals[K]) Note(key K, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.until[key]; !known && len(r.until) >= r.most {
		r.makeRoom(time.Now())
	}
	r.until[key] = time.Now().Add(wait)
	r.count.Store(int64(len(r.until)))
}

// Left is how long the key still has to wait, 0 if it need not.
func (r *Refusals[K]) Left(key K) time.Duration {
	if r.count.Load() == 0 {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	until, known := r.until[key]
	if !known {
		return 0
	}
	if left := time.Until(until); left > 0 {
		return left
	}
	delete(r.until, key)
	r.count.Store(int64(len(r.until)))
	return 0
}

// makeRoom forgets those of a few whose time is over, or else one.
func (r *Refusals[K]) makeRoom(now time.Time) {
	seen, gone := 0, false
	var last K
	for key, until := range r.until {
		last = key
		if !until.After(now) {
			delete(r.until, key)
			gone = true
		}
		if seen++; seen == examined {
			break
		}
	}
	if !gone {
		delete(r.until, last)
	}
}
