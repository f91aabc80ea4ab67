// Package limit says how often something may happen: a local bucket for what one process sees, a Redis one for what
// must hold over all processes, and a guard that puts the one in front of the other. Both are GCRA (ITU-T I.371,
// "virtual scheduling"): one time stamp a key, the time at which the key's whole allowance is back.
package limit

import (
	"time"
)

// Rate allows Burst at once and Events in every Per. Events 0 allows everything.
type Rate struct {
	Events float64
	Per    time.Duration // 0: a second
	Burst  int           // 0: one
}

// Interval is the time between two events at the full rate; 0: unlimited.
func (r Rate) Interval() time.Duration { return r.gcra().interval }

// Tolerance is how long a whole burst takes to come back, and with it how long a key has to be remembered.
func (r Rate) Tolerance() time.Duration { return r.gcra().burst }

// gcra is a Rate in the terms of the algorithm.
type gcra struct {
	interval time.Duration // between two events at the full rate; 0: unlimited
	burst    time.Duration // how far the stamp may be ahead of now
}

func (r Rate) gcra() gcra {
	if r.Events <= 0 {
		return gcra{}
	}
	if r.Per <= 0 {
		r.Per = time.Second
	}
	interval := max(time.Duration(float64(r.Per)/r.Events), 1)
	return gcra{interval: interval, burst: interval * time.Duration(max(r.Burst, 1))}
}

// take returns the stamp after n events, or how long to wait for them. More than the burst never fit: the wait is then
// that for a whole burst.
func (g gcra) take(stamp, now time.Duration, n int) (after, wait time.Duration) {
	cost := g.interval * time.Duration(n)
	after = max(stamp, now) + cost
	if after-now <= g.burst {
		return after, 0
	}
	return stamp, min(after-now-g.burst, max(stamp-now, g.interval))
}
