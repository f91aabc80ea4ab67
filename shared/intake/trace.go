package intake

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/barrage-live/barrage/shared/live"
)

// Span names (CONTRACT §7).
const (
	spanReceive      = "message.receive"
	spanRedisPublish = "redis.publish"
	spanKafkaPublish = "kafka.publish"
)

// startTrace begins the message's trace. What the client says of traces and baggage is not looked at. A message has a
// trace id even where nothing is recorded: it is the one name under which logs and people can speak of it.
func (in *Intake) startTrace(e *entry) {
	if in.Tracer != nil {
		_, e.span = in.Tracer.Start(context.Background(), spanReceive,
			trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(e.received))
		e.trace = e.span.SpanContext()
		if e.span.IsRecording() {
			e.span.SetAttributes(attribute.String("message.type", string(e.msg.Type)))
		} else {
			e.span = nil
		}
	}
	if !e.trace.IsValid() {
		e.trace = randomTrace()
	}
}

func randomTrace() trace.SpanContext {
	var id trace.TraceID
	var span trace.SpanID
	fill(id[:])
	fill(span[:])
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: span})
}

// fill is not for secrets: a trace id only has to be unlike others.
func fill(b []byte) {
	for i := 0; i < len(b); i += 8 {
		n := rand.Uint64() | 1
		for j := range 8 {
			b[i+j] = byte(n >> (8 * j))
		}
	}
}

// child adds the span of a step that was taken for e, when its trace is recorded.
func (in *Intake) child(e *entry, name string, start time.Time, err error) {
	if e.span == nil {
		return
	}
	ctx := trace.ContextWithSpanContext(context.Background(), e.trace)
	_, span := in.Tracer.Start(ctx, name, trace.WithTimestamp(start), trace.WithSpanKind(trace.SpanKindProducer))
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

const hexDigits = "0123456789abcdef"

// traceParent is the W3C header of sc.
func traceParent(sc trace.SpanContext) string {
	id, span := sc.TraceID(), sc.SpanID()
	b := append(make([]byte, 0, 55), "00-"...)
	b = append(appendHex(b, id[:]), '-')
	b = append(appendHex(b, span[:]), '-')
	b = appendHex(b, []byte{byte(sc.TraceFlags() & trace.FlagsSampled)})
	return string(b)
}

func appendHex(dst, src []byte) []byte {
	for _, c := range src {
		dst = append(dst, hexDigits[c>>4], hexDigits[c&0xf])
	}
	return dst
}

// baggage is the W3C header with the keys that CONTRACT §7 allows.
func baggage(room live.RoomID, user live.UserID) []byte {
	b := append(make([]byte, 0, 48), "room.id="...)
	b = strconv.AppendInt(b, int64(room), 10)
	if user > 0 {
		b = append(b, ",user.id="...)
		b = strconv.AppendInt(b, int64(user), 10)
	}
	return b
}

func roomKey(room live.RoomID) []byte { return strconv.AppendInt(nil, int64(room), 10) }
