// Package pace is adaptive slow mode: it rises while a room writes more than it can show, and falls when it has been calm
// for a while.
package pace

import (
	"time"

	"github.com/barrage-live/barrage/shared/roomstate"
)

// Window is over how long a room's rate is taken.
const Window = 5 * time.Second

const (
	calmBelow   = 0.4 // of what the room shows; above it and below the whole nothing changes
	calmWindows = 3   // in a row before slow mode falls: it rises at once and falls in a quarter of a minute
)

// steps are what slow mode rises and falls by.
func steps() []time.Duration {
	return []time.Duration{0, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second, 60 * time.Second}
}

// Next is the pace after one window in which the room wrote at a rate and may show at a capacity, in danmu a second.
func Next(p roomstate.Pace, rate, capacity float64) roomstate.Pace {
	at := stepOf(p.Slow)
	all := steps()
	switch {
	case rate > capacity:
		p.Calm = 0
		at = min(at+1, len(all)-1)
	case rate < calmBelow*capacity:
		if p.Calm++; p.Calm >= calmWindows {
			p.Calm = 0
			at = max(at-1, 0)
		}
	default:
		p.Calm = 0
	}
	p.Slow = all[at]
	return p
}

// stepOf is the step that slow is on, or the one below it.
func stepOf(slow time.Duration) int {
	at := 0
	for i, s := range steps() {
		if s <= slow {
			at = i
		}
	}
	return at
}
