package telemetry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/barrage-live/barrage/shared/telemetry"
)

func TestFailedAndSlowSpansAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spans := tracetest.NewInMemoryExporter()
		tel := start(t, telemetry.Config{SpanExporter: spans, Getenv: environment("OTEL_TRACES_SAMPLER", "always_off")})
		ctx, root := tel.Tracer().Start(t.Context(), "fine")
		_, child := tel.Tracer().Start(ctx, "failed")
		child.SetStatus(codes.Error, "x")
		child.RecordError(errors.New("x"))
		child.End()
		root.End()
		_, quick := tel.Tracer().Start(t.Context(), "quick")
		time.Sleep(999 * time.Millisecond) // the bubble's clock
		quick.End()
		_, slow := tel.Tracer().Start(t.Context(), "slow")
		time.Sleep(time.Second)
		slow.End()
		got := spans.GetSpans()
		if len(got) != 2 || got[0].Name != "failed" || got[1].Name != "slow" {
			t.Fatalf("got %d spans %v, want the failed and the slow one", len(got), got)
		}
		if !got[0].SpanContext.IsSampled() || got[0].SpanContext.TraceID() != root.SpanContext().TraceID() || len(got[0].Events) != 1 {
			t.Errorf("got %+v, want it marked as sampled, with its trace and event", got[0])
		}
	})
}

func TestTheShareIsOfTraces(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	tel := start(t, telemetry.Config{SpanExporter: spans})
	const traces = 20_000
	for range traces {
		ctx, root := tel.Tracer().Start(t.Context(), "root")
		_, child := tel.Tracer().Start(ctx, "child")
		child.End()
		root.End()
	}
	got := spans.GetSpans()
	whole := map[trace.TraceID]int{}
	for _, s := range got {
		whole[s.SpanContext.TraceID()]++
	}
	// 200 expected; the binomial's standard deviation is 14.
	if len(whole) < 120 || len(whole) > 280 {
		t.Errorf("got %d of %d traces, want about 1 %%", len(whole), traces)
	}
	for id, n := range whole {
		if n != 2 {
			t.Errorf("got %d spans of trace %s, want both or none", n, id)
		}
	}
}

func TestRemoteParents(t *testing.T) {
	const id, sampled, unsampled = "0af7651916cd43dd8448eb211c80319c", "-b7ad6b7169203331-01", "-b7ad6b7169203331-00"
	for name, tc := range map[string]struct {
		ctx  context.Context
		want int
	}{
		"sampled by us":     {telemetry.WithTraceParent(t.Context(), "00-"+id+sampled), 1},
		"not sampled":       {telemetry.WithTraceParent(t.Context(), "00-"+id+unsampled), 0},
		"sampled by client": {telemetry.ExtractUntrusted(t.Context(), "00-"+id+sampled), 0},
	} {
		spans := tracetest.NewInMemoryExporter()
		tel := start(t, telemetry.Config{SpanExporter: spans, Getenv: environment("OTEL_TRACES_SAMPLER", "always_off")})
		_, span := tel.Tracer().Start(tc.ctx, "x")
		span.End()
		if got := span.SpanContext().TraceID().String(); got != id {
			t.Errorf("%s: got trace %s, want %s", name, got, id)
		}
		if got := len(spans.GetSpans()); got != tc.want {
			t.Errorf("%s: got %d spans, want %d", name, got, tc.want)
		}
	}
}

func TestSamplerArguments(t *testing.T) {
	for name, tc := range map[string]struct {
		env  []string
		want int
	}{
		"on":              {[]string{"OTEL_TRACES_SAMPLER", "always_on"}, 1},
		"parent based on": {[]string{"OTEL_TRACES_SAMPLER", "parentbased_always_on"}, 1},
		"ratio one":       {[]string{"OTEL_TRACES_SAMPLER", "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG", "1.0"}, 1},
		"ratio only":      {[]string{"OTEL_TRACES_SAMPLER_ARG", "1"}, 1},
		"ratio zero":      {[]string{"OTEL_TRACES_SAMPLER_ARG", "0"}, 0},
	} {
		spans := tracetest.NewInMemoryExporter()
		tel := start(t, telemetry.Config{SpanExporter: spans, Getenv: environment(tc.env...)})
		_, span := tel.Tracer().Start(t.Context(), "x")
		span.End()
		if got := len(spans.GetSpans()); got != tc.want {
			t.Errorf("%s: got %d spans, want %d", name, got, tc.want)
		}
	}
}

func BenchmarkSpan(b *testing.B) {
	for name, cfg := range map[string]telemetry.Config{
		"off":       {},
		"1 percent": {SpanExporter: tracetest.NewNoopExporter()},
	} {
		b.Run(name, func(b *testing.B) {
			cfg.Getenv = environment()
			tel, err := telemetry.Start(b.Context(), cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = tel.Shutdown(context.Background()) }()
			b.ReportAllocs()
			for b.Loop() {
				_, span := tel.Tracer().Start(b.Context(), "message.receive")
				span.End()
			}
		})
	}
}
