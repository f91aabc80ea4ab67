package auth

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/alexedwards/argon2id"

	"github.com/barrage-live/barrage/shared/live"
)

// hashParams are OWASP's second choice for argon2id: 19 MiB and two passes, about 30 ms of one core.
func hashParams() *argon2id.Params {
	return &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}

const (
	maxHashMemory  = 64 << 10 // KiB; a hash in the database that asks for more is refused, not computed
	maxHashPasses  = 8
	maxHashThreads = 4
	maxHashWaiters = 64
)

var errBusy = &live.Error{
	Kind: live.KindUnavailable, Code: "busy", Message: "Too many people are logging in. Try again in a moment.",
	RetryAfter: 2 * time.Second,
}

// hasher bounds how many passwords are hashed at once, so that a flood of logins takes half of the cores and
// 19 MiB each, and leaves the rest of the process alone. Those who wait are bounded too.
type hasher struct {
	slots   chan struct{}
	waiting atomic.Int32
	decoy   string // the hash of no password, compared when there is no such user
	matches func(password, hash string) (bool, error)
}

func newHasher() (*hasher, error) {
	decoy, err := argon2id.CreateHash("nobody's password", hashParams())
	if err != nil {
		return nil, fmt.Errorf("hash decoy password: %w", err)
	}
	slots := make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))
	return &hasher{slots: slots, decoy: decoy, matches: argon2id.ComparePasswordAndHash}, nil
}

func (h *hasher) enter(ctx context.Context) (leave func(), err error) {
	if h.waiting.Add(1) > maxHashWaiters {
		h.waiting.Add(-1)
		return nil, errBusy
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to hash a password: %w", ctx.Err())
	}
}

func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	hash, err := argon2id.CreateHash(password, hashParams())
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hash, nil
}

// compare says whether the password is that of the hash, and whether the hash was made with other parameters than
// today's. Hash "" is that of an unknown user: it takes as long as a known one, and never matches.
func (h *hasher) compare(ctx context.Context, password, hash string) (match, outdated bool, err error) {
	known := hash != ""
	if !known {
		hash = h.decoy
	}
	p, _, _, err := argon2id.DecodeHash(hash)
	if err != nil {
		return false, false, fmt.Errorf("stored password hash: %w", err)
	}
	if p.Memory > maxHashMemory || p.Iterations > maxHashPasses || p.Parallelism > maxHashThreads {
		return false, false, fmt.Errorf("stored password hash asks for %d KiB, %d passes, %d threads", p.Memory, p.Iterations, p.Parallelism)
	}
	leave, err := h.enter(ctx)
	if err != nil {
		return false, false, err
	}
	defer leave()
	match, err = h.matches(password, hash)
	if err != nil {
		return false, false, fmt.Errorf("compare password: %w", err)
	}
	return match && known, *p != *hashParams(), nil
}
