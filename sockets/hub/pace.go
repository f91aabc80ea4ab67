package hub

import "time"

// pace decides when the next round may begin. The first message after a pause never waits. Under load rounds keep a
// distance of paceFactor times what they cost, so that writing takes an eighth of a core, until the distance reaches
// the budget; from there on cost decides alone. Messages that come within one distance share one write a connection.
type pace struct {
	budget time.Duration
	cost   time.Duration // of a round, smoothed
	next   time.Time
}

const paceFactor = 8

func (p *pace) until(now time.Time) time.Duration { return p.next.Sub(now) }

func (p *pace) ran(start time.Time, took time.Duration) {
	p.cost = (3*p.cost + took) / 4
	distance := min(paceFactor*p.cost, p.budget)
	p.next = start.Add(max(distance, took+took/4)) // a quarter for everybody else when rounds fill the core
}
