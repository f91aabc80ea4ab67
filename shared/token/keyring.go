package token

import (
	"crypto"
	"maps"
	"sync/atomic"
)

// Keyring holds the public keys of one issuer. Its keys may be replaced while verifiers use it.
type Keyring struct {
	issuer string
	keys   atomic.Pointer[keySet]
}

// keySet is never changed, only replaced: whoever holds one knows which keys a token was checked with.
type keySet map[keyName]crypto.PublicKey

// keyName has the algorithm in it, so that no key can be used with an algorithm it was not published for, and the
// issuer, so that no issuer can speak for another one by using its kid.
type keyName struct{ issuer, kid, alg string }

// NewKeyring makes a keyring of fixed keys.
func NewKeyring(issuer string, keys []Key) *Keyring {
	r := &Keyring{issuer: issuer}
	r.replace(keys)
	return r
}

func (r *Keyring) replace(keys []Key) {
	set := make(keySet, len(keys))
	for _, k := range keys {
		set[keyName{r.issuer, k.ID, k.alg}] = k.public
	}
	// An equal set stays the same set: what was verified with it needs no second look.
	if old := r.keys.Load(); old == nil || !maps.EqualFunc(*old, set, equalKeys) {
		r.keys.Store(&set)
	}
}

func equalKeys(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}
