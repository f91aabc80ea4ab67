package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// slowSpan is how long a span must take to be kept whatever the ratio says (CONTRACT §7).
const slowSpan = time.Second

// sampler chooses a share of the traces up front and has all other spans recorded, so that lateChoice can still keep
// the failed and the slow ones. The share is taken by trace id: every process of the platform chooses the same traces.
type sampler struct{ share sdktrace.Sampler }

func newSampler(ratio float64) sampler {
	return sampler{share: sdktrace.TraceIDRatioBased(ratio)}
}

// ShouldSample implements sdktrace.Sampler.
func (s sampler) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	parent := trace.SpanContextFromContext(p.ParentContext)
	result := sdktrace.SamplingResult{Decision: sdktrace.RecordOnly, Tracestate: parent.TraceState()}
	switch {
	case parent.IsSampled():
		result.Decision = sdktrace.RecordAndSample
	case parent.IsValid() && !parent.IsRemote():
		// The local root was not chosen: its children must not be chosen either.
	case s.share.ShouldSample(p).Decision == sdktrace.RecordAndSample:
		result.Decision = sdktrace.RecordAndSample
	}
	return result
}

// Description implements sdktrace.Sampler.
func (s sampler) Description() string { return "ErrorsSlowOr{" + s.share.Description() + "}" }

// lateChoice hands on the sampled spans and, of the others, those that failed or were slow. It judges span by span, as
// only a collector can wait for a whole trace.
type lateChoice struct{ next sdktrace.SpanProcessor }

func (l lateChoice) OnStart(ctx context.Context, s sdktrace.ReadWriteSpan) { l.next.OnStart(ctx, s) }

func (l lateChoice) OnEnd(s sdktrace.ReadOnlySpan) {
	if s.SpanContext().IsSampled() {
		l.next.OnEnd(s)
		return
	}
	if s.Status().Code == codes.Error || s.EndTime().Sub(s.StartTime()) >= slowSpan {
		l.next.OnEnd(chosenLate{s})
	}
}

func (l lateChoice) Shutdown(ctx context.Context) error   { return l.next.Shutdown(ctx) }
func (l lateChoice) ForceFlush(ctx context.Context) error { return l.next.ForceFlush(ctx) }

// chosenLate is a span with the sampled flag set: exporting processors drop spans without it.
type chosenLate struct{ sdktrace.ReadOnlySpan }

func (c chosenLate) SpanContext() trace.SpanContext {
	sc := c.ReadOnlySpan.SpanContext()
	return sc.WithTraceFlags(sc.TraceFlags().WithSampled(true))
}
