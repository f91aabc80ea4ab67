package stream

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
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
	h := carrier{headers}
	propagation.TraceContext{}.Inject(ctx, &h)
	var allowed []baggage.Member
	for _, m := range baggage.FromContext(ctx).Members() {
		if m.Key() == "user.id" || m.Key() == "room.id" {
			allowed = append(allowed, m)
		}
	}
	if b, err := baggage.New(allowed...); err == nil && b.Len() > 0 {
		h.Set(HeaderBaggage, b.String())
	}
	return h.headers
}

// carrier is a record's headers as OpenTelemetry wants them.
type carrier struct{ headers []Header }

func (c *carrier) Get(key string) string { return string(Record{Headers: c.headers}.Header(key)) }

func (c *carrier) Set(key, value string) {
	c.headers = append(c.headers, Header{Key: key, Value: []byte(value)})
}

func (c *carrier) Keys() []string {
	keys := make([]string, len(c.headers))
	for i, h := range c.headers {
		keys[i] = h.Key
	}
	return keys
}

// startBatch begins the span of a batch. It is a child of the first sampled record, so that this one's trace reaches
// to its end, and is linked to the others that are sampled.
func startBatch(ctx context.Context, tracer trace.Tracer, group string, part []Record) (context.Context, trace.Span) {
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
	return tracer.Start(ctx, spanBatch,
		trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithLinks(links...),
		trace.WithAttributes(
			attribute.String("messaging.destination.name", string(part[0].Topic)),
			attribute.String("messaging.consumer.group.name", group),
			attribute.Int("messaging.batch.message_count", len(part))))
}

// sampledParent looks at the last byte first: nearly all records are unsampled, and parsing them all would be the
// dearest part of a batch.
func sampledParent(r Record) (trace.SpanContext, bool) {
	parent := r.Header(HeaderTraceParent)
	if n := len(parent); n == 0 || strings.IndexByte("13579bdf", parent[n-1]) < 0 {
		return trace.SpanContext{}, false
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), &carrier{r.Headers})
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
