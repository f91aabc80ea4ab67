package limit

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// GuardConfig says what a Guard limits. Name and Rate must be set.
type GuardConfig struct {
	Name  string                // shared by all processes that count together
	Rate  Rate                  // over all of them
	Redis redis.UniversalClient // nil: each process for itself
	Away  func(error)           // hears of calls that Redis did not answer; nil: nobody

	// Ahead is how many events a key may have here before Redis hears of them, so that not every request waits for it:
	// that many a process may be too many in all. 0: none, each one asks.
	Ahead int
}

const (
	tellEvery   = 250 * time.Millisecond // at the latest, when more is asked for
	redisWithin = 250 * time.Millisecond
	awayFor     = time.Second // before a Redis that did not answer is asked again
	maxTold     = maxUses - 1 // keys that wait to be told: with the one that is due, a call of the script
)

// Guard is a limit by key over many processes with a local check in front: what Redis refused is refused without asking
// until its time is over, a burst into this process stops here, and what is let through is told to Redis many keys at
// once, by whoever comes when it is due; nothing runs in between, as a function that is frozen between two requests
// could not. While Redis is away each process decides for itself: neither everybody nor nobody is right then.
type Guard struct {
	c       GuardConfig
	shared  *Redis // nil: there is none
	local   *Bucket[string]
	refused *Refusals[string]

	mu     sync.Mutex
	used   map[string]int // not told yet
	since  time.Time      // the oldest of it
	silent time.Time      // until when Redis is not asked
}

// NewGuard makes a guard.
func NewGuard(c GuardConfig) *Guard {
	g := &Guard{c: c, local: NewBucket[string](c.Rate, 0), refused: NewRefusals[string](0), used: make(map[string]int)}
	if c.Redis != nil {
		g.shared = NewRedis(c.Redis, c.Name, c.Rate)
	}
	return g
}

// Allow takes one event of the key's allowance, or says how long it has to wait: Check, then Share. All three may be
// called concurrently.
func (g *Guard) Allow(ctx context.Context, key string) (retryAfter time.Duration) {
	if wait := g.Check(key); wait > 0 {
		return wait
	}
	return g.Share(ctx, key)
}

// Check asks nobody: it takes one event of what the key may have in this process alone.
func (g *Guard) Check(key string) (retryAfter time.Duration) {
	if g.c.Rate.Events <= 0 {
		return 0
	}
	if left := g.refused.Left(key); left > 0 {
		return left
	}
	_, wait := g.local.Allow(key, 1)
	return wait
}

// Share takes one event of what the key may have in all processes. It waits for Redis no longer than a quarter of a
// second, whatever becomes of the caller.
func (g *Guard) Share(ctx context.Context, key string) (retryAfter time.Duration) {
	if g.c.Rate.Events <= 0 || g.shared == nil {
		return 0
	}
	uses := g.due(key)
	if uses == nil {
		return 0
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), redisWithin)
	defer cancel()
	waits, err := g.shared.Take(ctx, uses)
	if err != nil {
		g.away(err)
		return 0 // Check has let it through
	}
	for i, u := range uses {
		if waits[i] > 0 {
			g.refused.Note(u.Key, waits[i])
		}
	}
	return waits[0]
}

// due notes that the key has had one more, or returns what Redis is to hear now, the key first, which asks for its own.
func (g *Guard) due(key string) []Use {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if now.Before(g.silent) {
		return nil
	}
	before := g.used[key]
	if before < g.c.Ahead && len(g.used) < maxTold && (len(g.used) == 0 || now.Sub(g.since) < tellEvery) {
		if len(g.used) == 0 {
			g.since = now
		}
		g.used[key] = before + 1
		return nil
	}
	delete(g.used, key)
	uses := append(make([]Use, 0, 1+len(g.used)), Use{Key: key, Happened: before, Asked: 1})
	for other, n := range g.used {
		uses = append(uses, Use{Key: other, Happened: n})
	}
	clear(g.used)
	return uses
}

// away forgets what Redis was not told: the local check has counted it.
func (g *Guard) away(err error) {
	g.mu.Lock()
	g.silent = time.Now().Add(awayFor)
	clear(g.used)
	g.mu.Unlock()
	if g.c.Away != nil {
		g.c.Away(err)
	}
}
