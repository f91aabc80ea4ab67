package stream

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/barrage-live/barrage/shared/telemetry"
)

// Span names (CONTRACT §7).
const (
	spanPublish = "kafka.publish"
	spanBatch   = "batch.process"
)

// maxLinks bounds a batch span; a batch of 10,000 sampled records would make a span that no collector takes.
const maxLinks = 64

// injectTrace appends the trace and the allow-listed baggage of ctx.
func injectTrace(ctx context.Context, headers []Header) []Header {
	telemetry.Inject(ctx, func(key, value string) {
		headers = append(headers, Header{Key: key, Value: []byte(value)})
	})
	return headers
}

// start begins the span of a batch. It is a child of the first sampled record, so that this one's trace reaches
// to its end, and is linked to the others that are sampled.
func (o observer) start(ctx context.Context, part []Record) (context.Context, trace.Span) {
	if !o.telemetry.Tracing() {
		return ctx, trace.SpanFromContext(ctx)
	}
	var links []trace.Link
	for _, r := range part {
		if len(links) == maxLinks {
			break
		}
		if sc, ok := sampledParent(r); ok {
			links = append(links, trace.Link{SpanContext: sc})
		}
	}
	if len(links) > 0 {
		ctx = trace.ContextWithRemoteSpanContext(ctx, links[0].SpanContext)
		links = links[1:]
	}
	return o.telemetry.Tracer().Start(ctx, spanBatch,
		trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithLinks(links...),
		trace.WithAttributes(
			attribute.String("messaging.destination.name", string(o.topic)),
			attribute.String("messaging.consumer.group.name", o.group),
			attribute.Int("messaging.batch.message_count", len(part))))
}

// sampledParent looks at the last byte first: nearly all records are unsampled, and parsing them all would be the
// dearest part of a batch.
func sampledParent(r Record) (trace.SpanContext, bool) {
	parent := r.Header(HeaderTraceParent)
	if n := len(parent); n == 0 || strings.IndexByte("13579bdf", parent[n-1]) < 0 {
		return trace.SpanContext{}, false
	}
	ctx := telemetry.WithTraceParent(context.Background(), string(parent))
	sc := trace.SpanContextFromContext(ctx)
	return sc, sc.IsValid() && sc.IsSampled()
}

func endSpan(span trace.Span, err error) {
	if err != nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, "")
	}
	span.End()
}
