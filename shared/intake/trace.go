package intake

import (
	"context"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// Span names (CONTRACT §7).
const (
	spanReceive      = "message.receive"
	spanRedisPublish = "redis.publish"
	spanKafkaPublish = "kafka.publish"
)

// startTrace begins the message's trace. What the client says of traces and baggage is not looked at. A message has a
// trace id even where nothing is recorded: it is the one name under which logs and people can speak of it.
func (in *Intake) startTrace(ctx context.Context, e *entry) {
	e.ctx, e.traceID = telemetry.WithTrace(ctx)
	if !in.Telemetry.Tracing() {
		return
	}
	e.ctx, e.span = in.Telemetry.Tracer().Start(e.ctx, spanReceive,
		trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(e.received))
	e.span.SetAttributes(attribute.String("message.type", string(e.msg.Type)))
}

func (e *entry) sampled() bool { return e.span != nil && e.span.SpanContext().IsSampled() }

// slowStep is from when on a step of an unsampled trace has a span too: then it is chosen late.
const slowStep = time.Second

// child adds the span of a step that was taken for e, when anybody will see it.
func (in *Intake) child(e *entry, name string, start time.Time, err error) {
	if e.span == nil || !e.sampled() && err == nil && time.Since(start) < slowStep {
		return
	}
	_, span := in.Telemetry.Tracer().Start(e.ctx, name, trace.WithTimestamp(start), trace.WithSpanKind(trace.SpanKindProducer))
	if err != nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

func endSpan(span trace.Span, r Reply) {
	if span == nil {
		return
	}
	if r.Err != nil {
		span.SetAttributes(attribute.String("error.type", r.Err.Code))
		if r.Err.Kind == live.KindUnavailable { // a refusal is no fault
			span.SetStatus(codes.Error, r.Err.Code)
		}
	}
	span.End()
}

// baggage is the W3C header with the keys that CONTRACT §7 allows. It is written by hand because every record has it.
func baggage(room live.RoomID, user live.UserID) []byte {
	b := append(make([]byte, 0, 48), telemetry.BaggageRoom+"="...)
	b = strconv.AppendInt(b, int64(room), 10)
	if user > 0 {
		b = append(b, ","+telemetry.BaggageUser+"="...)
		b = strconv.AppendInt(b, int64(user), 10)
	}
	return b
}

func roomKey(room live.RoomID) []byte { return strconv.AppendInt(nil, int64(room), 10) }
