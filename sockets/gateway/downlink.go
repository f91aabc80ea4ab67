package gateway

import (
	"context"
	"encoding/json"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/wire"
)

// downlink brings what the pod hears of its rooms to their viewers. It is the fanout.Sink.
type downlink struct{ g *Gateway }

const spanBroadcast = "message.broadcast"

// Messages implements fanout.Sink.
func (d downlink) Messages(id live.RoomID, epoch live.Epoch, first live.Seq, payloads [][]byte, traces []fanout.Trace) {
	r, ok := d.g.rooms.get(id)
	if !ok {
		return
	}
	end := d.g.broadcast(traces)
	r.hub.Append(epoch, first, payloads)
	for _, payload := range payloads {
		if wire.TypeOf(payload) == live.RoomEvent {
			d.roomEvent(r, payload)
		}
	}
	end(r.hub.Len())
}

// broadcast begins a span for each message whose trace is recorded.
func (g *Gateway) broadcast(traces []fanout.Trace) (end func(viewers int)) {
	if len(traces) == 0 || !g.Telemetry.Tracing() {
		return func(int) {}
	}
	spans := make([]trace.Span, len(traces))
	for i, t := range traces {
		ctx := telemetry.WithTraceParent(context.Background(), t.TraceParent)
		_, spans[i] = g.Telemetry.Tracer().Start(ctx, spanBroadcast, trace.WithSpanKind(trace.SpanKindConsumer))
	}
	return func(viewers int) {
		for _, s := range spans {
			s.SetAttributes(attribute.Int("viewers", viewers))
			s.End()
		}
	}
}

// Addressed implements fanout.Sink.
func (d downlink) Addressed(id live.RoomID, user live.UserID, payload []byte) {
	if r, ok := d.g.rooms.get(id); ok {
		r.hub.SendUser(user, payload)
	}
}

// Unsequenced implements fanout.Sink.
func (d downlink) Unsequenced(id live.RoomID, payload []byte) {
	if r, ok := d.g.rooms.get(id); ok {
		r.hub.AppendControl(payload)
	}
}

// Lost implements fanout.Sink.
func (d downlink) Lost(id live.RoomID, _, to live.Seq, epoch live.Epoch) {
	if r, ok := d.g.rooms.get(id); ok {
		r.hub.Lost(epoch, to+1)
	}
}

// Command implements fanout.Sink.
func (d downlink) Command(id live.RoomID, payload []byte) {
	d.g.State.Invalidate(id)
	r, ok := d.g.rooms.get(id)
	if !ok {
		return
	}
	c, err := wire.UnmarshalCommand(payload)
	if err != nil {
		d.g.log.ErrorContext(context.Background(), "command cannot be read", telemetry.Room, id, telemetry.Err, err)
		return
	}
	switch c.Order {
	case wire.RoomChanged:
		if c.Room != nil {
			r.changed(*c.Room)
		}
	case wire.UserChanged:
		r.doubt(c.User)
	case wire.HeldChanged:
		d.held(r)
	case wire.Disconnect:
		code := c.Code
		if code == 0 {
			code = wire.CloseBanned
		}
		r.hub.CloseUser(c.User, code, c.Reason)
	}
}

// held tells the room's anchor and those of its moderators who are here.
func (d downlink) held(r *room) {
	note, err := message(live.Held, r.id, "", nil)
	if err != nil {
		d.g.log.ErrorContext(context.Background(), "message cannot be encoded", telemetry.Room, r.id, telemetry.Err, err)
		return
	}
	for _, user := range r.keepers() {
		r.hub.SendUser(user, note)
	}
}

// roomEvent looks into the one sequenced message that means something to the pod itself.
func (d downlink) roomEvent(r *room, payload []byte) {
	d.g.State.Invalidate(r.id)
	m, err := wire.Unmarshal(payload)
	var data wire.RoomData
	if err == nil {
		err = json.Unmarshal(m.Data, &data)
	}
	if err != nil {
		d.g.log.ErrorContext(context.Background(), "room event cannot be read", telemetry.Room, r.id, telemetry.Err, err)
		return
	}
	r.changed(data.Room)
}

// changed closes the room's connections when it has ended, behind what was said in it before. What is older than what
// is known already is ignored: a lookup may be overtaken by an event.
func (r *room) changed(info live.Room) {
	if !r.learn(info) {
		return
	}
	ended := info.Status == live.RoomEnded
	if r.ended.Swap(ended) != ended && ended {
		r.hub.Close(wire.CloseRoomEnded, "the room has ended")
	}
}
