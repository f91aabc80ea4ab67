package gateway

import (
	"context"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/sockets/hub"
)

// joined counts a connection in.
func (g *Gateway) joined(ctx context.Context, s *session, name string) {
	m := g.Telemetry.Metrics
	m.ConnectionCount.Add(ctx, 1)
	if s.room.audience.join(s.who.User, name) {
		m.ViewerJoined.Add(ctx, 1)
	}
}

// left undoes joined and gives the connection's places back.
func (g *Gateway) left(s *session) {
	ctx, m := context.Background(), g.Telemetry.Metrics
	m.ConnectionCount.Add(ctx, -1)
	if s.room.audience.leave(s.who.User) {
		m.ViewerLeft.Add(ctx, 1)
	}
	g.rooms.release(s.room)
	g.seats.give(s.seat)
}

// flushed is called by the hub for every write of many, so that it makes no labels. What a slow connection misses is
// counted as danmu: nearly all is, and what must not be shed it gets beside the gap.
func (g *Gateway) flushed(f hub.Flush) {
	if f.Deliveries > 0 {
		g.Telemetry.Metrics.MessageSent.Add(context.Background(), f.Deliveries)
	}
	if f.Missed > 0 {
		g.shed(live.ClassDanmu, "slow", f.Missed)
	}
}

func (g *Gateway) shed(class live.Class, reason string, n int64) {
	g.Telemetry.Metrics.MessageShed.Add(context.Background(), n,
		telemetry.Labels(telemetry.LabelClass, string(class), telemetry.LabelReason, reason))
}
