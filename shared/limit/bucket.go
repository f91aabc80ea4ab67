package limit

import (
	"hash/maphash"
	"sync"
	"time"
)

const (
	defaultCapacity = 100_000
	shards          = 64
	examined        = 8 // keys looked at to make room for one
)

// Bucket limits by key within this process, for as many keys as fit its capacity. A key whose allowance is whole needs
// no memory; when all that are remembered have spent some, the one closest to whole of a few is forgotten.
type Bucket[K comparable] struct {
	rate   gcra
	seed   maphash.Seed
	start  time.Time
	shards [shards]shard[K]
	most   int // keys a shard
}

type shard[K comparable] struct {
	mu     sync.Mutex
	stamps map[K]time.Duration // since start
}

// NewBucket returns a bucket that remembers at most capacity keys (0: 100,000).
func NewBucket[K comparable](rate Rate, capacity int) *Bucket[K] {
	if capacity <= 0 {
		capacity = defaultCapacity
	}
	b := &Bucket[K]{rate: rate.gcra(), seed: maphash.MakeSeed(), start: time.Now(), most: max(capacity/shards, 1)}
	for i := range b.shards {
		b.shards[i].stamps = make(map[K]time.Duration)
	}
	return b
}

// Allow takes n from the key's allowance, or nothing and says how long until n would be allowed. More than the burst
// are never allowed. It may be called concurrently.
func (b *Bucket[K]) Allow(key K, n int) (ok bool, retryAfter time.Duration) {
	if b.rate.interval == 0 || n <= 0 {
		return true, 0
	}
	s := &b.shards[maphash.Comparable(b.seed, key)%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Since(b.start)
	stamp, known := s.stamps[key]
	after, wait := b.rate.take(stamp, now, n)
	if wait > 0 {
		return false, wait
	}
	if !known && len(s.stamps) >= b.most {
		s.makeRoom(now)
	}
	s.stamps[key] = after
	return true, 0
}

// makeRoom forgets the keys, of a few, that are whole again, or else the one that is nearest to it. Go's maps are
// walked from a random place.
func (s *shard[K]) makeRoom(now time.Duration) {
	var nearest K
	least, seen, gone := time.Duration(-1), 0, false
	for key, stamp := range s.stamps {
		if stamp <= now {
			delete(s.stamps, key)
			gone = true
		} else if least < 0 || stamp < least {
			nearest, least = key, stamp
		}
		if seen++; seen == examined {
			break
		}
	}
	if !gone {
		delete(s.stamps, nearest)
	}
}

// Len is how many keys are remembered.
func (b *Bucket[K]) Len() int {
	n := 0
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		n += len(s.stamps)
		s.mu.Unlock()
	}
	return n
}
