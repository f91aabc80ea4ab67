package gateway

import (
	"sync"
)

// counts holds how many connections each key has now, up to a limit a key; 0 is no limit.
type counts[K comparable] struct {
	limit int
	mu    sync.Mutex
	held  map[K]int
}

func newCounts[K comparable](limit int) *counts[K] {
	return &counts[K]{limit: limit, held: make(map[K]int)}
}

// take counts one more, or reports that the key has all it may have.
func (c *counts[K]) take(key K) bool {
	if c.limit <= 0 {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held[key] >= c.limit {
		return false
	}
	c.held[key]++
	return true
}

// give undoes one take.
func (c *counts[K]) give(key K) {
	if c.limit <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held[key]--; c.held[key] <= 0 {
		delete(c.held, key)
	}
}
