package telemetry

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"strconv"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/barrage-live/barrage/shared/live"
)

// The allow-list of baggage: what else arrives is dropped, what else is set does not leave (CONTRACT §7).
const (
	BaggageUser = "user.id"
	BaggageRoom = "room.id"
)

// The names under which a context travels in headers of HTTP requests and Kafka records.
const (
	headerTraceParent = "traceparent"
	headerBaggage     = "baggage"
)

// maxBaggage bounds the header before it is parsed: two keys with ids of at most 16 digits fit easily.
const maxBaggage = 128

// WithBaggage puts the user and the room into the context's baggage; zero ids are left out.
func WithBaggage(ctx context.Context, user live.UserID, room live.RoomID) context.Context {
	b := baggage.FromContext(ctx)
	b = withID(b, BaggageUser, int64(user))
	b = withID(b, BaggageRoom, int64(room))
	return baggage.ContextWithBaggage(ctx, b)
}

func withID(b baggage.Baggage, key string, id int64) baggage.Baggage {
	if id == 0 {
		return b
	}
	m, err := baggage.NewMember(key, strconv.FormatInt(id, 10))
	if err != nil {
		return b // cannot happen: the key is a token and the value has digits only
	}
	if next, err := b.SetMember(m); err == nil {
		return next
	}
	return b
}

// Inject hands the context's traceparent and allow-listed baggage to set, for a record's or a request's headers.
func Inject(ctx context.Context, set func(key, value string)) {
	if tp := TraceParent(ctx); tp != "" {
		set(headerTraceParent, tp)
	}
	if b := allowed(baggage.FromContext(ctx)); b.Len() > 0 {
		set(headerBaggage, header(b))
	}
}

// Extract returns ctx with the trace and the allow-listed baggage that get finds. Use it on headers that the platform
// wrote itself; from clients take ExtractUntrusted. A header that does not parse counts as missing.
func Extract(ctx context.Context, get func(key string) string) context.Context {
	ctx = WithTraceParent(ctx, get(headerTraceParent))
	raw := get(headerBaggage)
	if raw == "" || len(raw) > maxBaggage {
		return ctx
	}
	b, err := baggage.Parse(raw)
	if err != nil {
		return ctx
	}
	if b = allowed(b); b.Len() == 0 {
		return ctx
	}
	return baggage.ContextWithBaggage(ctx, b)
}

// ExtractUntrusted continues a client's trace but takes neither its baggage nor its word that the trace is sampled,
// which would let any client have everything exported.
func ExtractUntrusted(ctx context.Context, traceparent string) context.Context {
	sc := parseTraceParent(traceparent)
	if !sc.IsValid() {
		return ctx
	}
	return trace.ContextWithRemoteSpanContext(ctx, sc.WithTraceFlags(0))
}

// allowed keeps the members of the allow-list whose values are ids.
func allowed(b baggage.Baggage) baggage.Baggage {
	var out baggage.Baggage
	for _, key := range [...]string{BaggageUser, BaggageRoom} {
		if id, err := strconv.ParseInt(b.Member(key).Value(), 10, 64); err == nil && id > 0 {
			out = withID(out, key, id)
		}
	}
	return out
}

// header writes the members in the list's order, as Baggage.String does not, and ids need no escapes.
func header(b baggage.Baggage) string {
	var dst []byte
	for _, key := range [...]string{BaggageUser, BaggageRoom} {
		if value := b.Member(key).Value(); value != "" {
			if len(dst) > 0 {
				dst = append(dst, ',')
			}
			dst = append(append(append(dst, key...), '='), value...)
		}
	}
	return string(dst)
}

// TraceParent returns the W3C traceparent of the context's span, or "" when there is none.
func TraceParent(ctx context.Context) string {
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsValid() {
		return ""
	}
	var buf [55]byte
	dst := append(buf[:0], "00-"...)
	dst = append(dst, sc.TraceID().String()...)
	dst = append(dst, '-')
	dst = append(dst, sc.SpanID().String()...)
	if sc.IsSampled() {
		return string(append(dst, "-01"...))
	}
	return string(append(dst, "-00"...))
}

// WithTraceParent returns ctx as a child of the remote span that traceparent names; ctx itself when it names none.
func WithTraceParent(ctx context.Context, traceparent string) context.Context {
	sc := parseTraceParent(traceparent)
	if !sc.IsValid() {
		return ctx
	}
	return trace.ContextWithRemoteSpanContext(ctx, sc)
}

func parseTraceParent(traceparent string) trace.SpanContext {
	// The longest version-00 header has 55 bytes; later versions may append fields, but not without bound.
	if len(traceparent) < 55 || len(traceparent) > 256 {
		return trace.SpanContext{}
	}
	carrier := propagation.MapCarrier{headerTraceParent: traceparent}
	ctx := propagation.TraceContext{}.Extract(context.Background(), carrier)
	return trace.SpanContextFromContext(ctx)
}

// WithTrace returns ctx with a trace, and the trace's id in hex for a message's trace_id: the current one, or a new
// unsampled one, whose first span may still be chosen. It makes ids also when no span is recorded, so that messages and log lines can always be matched.
func WithTrace(ctx context.Context) (context.Context, string) {
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		return ctx, sc.TraceID().String()
	}
	sc := newSpanContext()
	return trace.ContextWithRemoteSpanContext(ctx, sc), sc.TraceID().String()
}

// TraceID returns the id of the context's trace in hex, or a new one when the context has none.
func TraceID(ctx context.Context) string {
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		return sc.TraceID().String()
	}
	return newSpanContext().TraceID().String()
}

// newSpanContext takes ids from the runtime's generator, as the SDK does: they must be unique, not secret.
func newSpanContext() trace.SpanContext {
	var t trace.TraceID
	var s trace.SpanID
	binary.NativeEndian.PutUint64(t[:8], rand.Uint64())
	binary.NativeEndian.PutUint64(t[8:], rand.Uint64()|1) // never all zero, which means "no trace"
	binary.NativeEndian.PutUint64(s[:], rand.Uint64()|1)
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: t, SpanID: s})
}
