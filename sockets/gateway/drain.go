package gateway

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/wire"
	"github.com/barrage-live/barrage/sockets/hub"
)

// DrainPlan says how a pod sends its viewers away. The whole takes at most Wait + Spread + two waves.
type DrainPlan struct {
	Wait   time.Duration // until load balancers have heard that this pod is not ready
	Spread time.Duration // over which the viewers are sent away
	Wave   time.Duration // between two waves; each viewer is told to come back within the next one
}

// PlanDrain fits a drain into the time there is, leaving a third of it for Kafka and the clients' last words.
func PlanDrain(timeout time.Duration) DrainPlan {
	return DrainPlan{Wait: min(timeout/6, 5*time.Second), Spread: timeout * 2 / 5, Wave: min(time.Second, timeout/20)}
}

// Ready is nil while new connections are welcome.
func (g *Gateway) Ready(context.Context) error {
	if g.draining.Load() {
		return fmt.Errorf("draining")
	}
	return nil
}

// Drain refuses new connections, tells each viewer to come back to another pod, in waves, then closes it with 1012.
// It returns when all are gone, or with ctx's error. Messages that wait for Kafka are not lost: see intake.Close.
func (g *Gateway) Drain(ctx context.Context, plan DrainPlan) error {
	if g.draining.Swap(true) {
		return fmt.Errorf("drain: already under way")
	}
	g.log.InfoContext(ctx, "draining", telemetry.Count, g.hub.Len())
	if err := pause(ctx, plan.Wait); err != nil {
		return err
	}
	g.drainedPast.Store(true) // who is still in a handshake is closed there
	members, err := g.hub.Members(ctx)
	if err != nil {
		return fmt.Errorf("drain: %w", err)
	}
	rand.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	waves := max(1, int(plan.Spread/max(plan.Wave, time.Millisecond)))
	size := (len(members) + waves - 1) / waves
	var told []*hub.Member
	for len(members) > 0 {
		n := min(size, len(members))
		if err := g.wave(ctx, members[:n], plan.Wave); err != nil {
			return err
		}
		closeAll(told)
		told, members = members[:n], members[n:]
	}
	if err := pause(ctx, plan.Wave); err != nil {
		return err
	}
	closeAll(told)
	return g.empty(ctx)
}

// wave asks some viewers to leave within the next wave, each at a time of its own, and lets one wave's time pass.
func (g *Gateway) wave(ctx context.Context, members []*hub.Member, within time.Duration) error {
	for _, m := range members {
		after := rand.Int64N(max(1, within.Milliseconds()))
		payload, err := message(live.Reconnect, m.Room().ID, "", wire.ReconnectData{AfterMS: after})
		if err != nil {
			return fmt.Errorf("drain: %w", err)
		}
		// An error means that the viewer is gone, which is what we want.
		_ = m.Send(payload)
	}
	return pause(ctx, within)
}

func closeAll(members []*hub.Member) {
	for _, m := range members {
		m.Close(wire.CloseRestart, "restart")
	}
}

// empty waits until no connection is left.
func (g *Gateway) empty(ctx context.Context) error {
	for g.seats.taken.Load() > 0 {
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("drain: %d connections left: %w", g.seats.taken.Load(), err)
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
