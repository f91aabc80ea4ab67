package token

import (
	"crypto/sha256"
	"sync"
)

// maxSeen bounds the tokens that are remembered; about 200 bytes each.
const maxSeen = 1 << 14

// seen remembers tokens that were verified: checking a signature costs some 50 µs, and a client uses its token for
// minutes. Only valid tokens get in, so nobody can flush it with garbage.
//
// It has two generations: when the young one is full it becomes the old one, and the old one is dropped. Whatever is
// used stays, at the cost of one map write a generation.
type seen struct {
	mu         sync.RWMutex
	half       int
	young, old map[[sha256.Size]byte]verified
}

// verified is valid as long as its issuer's keyring holds the very same set of keys: a key that was taken back must
// not live on in here.
type verified struct {
	identity Identity
	issuer   string
	keys     *keySet
}

func newSeen(size int) *seen {
	return &seen{half: max(size/2, 1), young: map[[sha256.Size]byte]verified{}}
}

func (s *seen) get(sum [sha256.Size]byte) (verified, bool) {
	s.mu.RLock()
	v, ok := s.young[sum]
	if ok {
		s.mu.RUnlock()
		return v, true
	}
	v, ok = s.old[sum]
	s.mu.RUnlock()
	if ok {
		s.put(sum, v)
	}
	return v, ok
}

func (s *seen) put(sum [sha256.Size]byte, v verified) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.young) >= s.half {
		s.old, s.young = s.young, make(map[[sha256.Size]byte]verified, s.half)
	}
	s.young[sum] = v
}
