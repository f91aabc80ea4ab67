package gateway

import (
	"context"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/telemetry"
)

func startTelemetry(t *testing.T) (*telemetry.Telemetry, *tracetest.InMemoryExporter, *sdkmetric.ManualReader) {
	t.Helper()
	spans, metrics := tracetest.NewInMemoryExporter(), sdkmetric.NewManualReader()
	tel, err := telemetry.Start(t.Context(), telemetry.Config{
		Service: "test", SpanExporter: spans, MetricReader: metrics,
		Getenv: func(name string) string { return map[string]string{"OTEL_TRACES_SAMPLER_ARG": "1"}[name] },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tel.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return tel, spans, metrics
}

// sum adds all points of a metric up.
func sum(t *testing.T, metrics *sdkmetric.ManualReader, name string) int64 {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := metrics.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			if points, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == name {
				for _, p := range points.DataPoints {
					total += p.Value
				}
			}
		}
	}
	return total
}

func TestOneDanmuIsOneTrace(t *testing.T) {
	w := newWorld(t)
	tel, spans, metrics := startTelemetry(t)
	traced := func(c *Config, ic *intake.Config) { c.Telemetry, ic.Telemetry = tel, tel }
	here, there := w.start(t, traced), w.start(t, traced)
	v, other := here.join(t, 7, ""), there.join(t, 8, "")
	v.send(`{"type":"danmu","id":"a","content":"x","trace_id":"mine"}`)
	for acked, shown := false, false; !acked || !shown; { // in any order
		got := v.read().Type
		acked, shown = acked || got == live.Ack, shown || got == live.Danmu
	}
	m := other.next(live.Danmu)
	names := make(map[string]int)
	await(t, "the spans", func() bool {
		if err := tel.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		clear(names)
		for _, s := range spans.GetSpans() {
			if s.SpanContext.TraceID().String() == m.TraceID {
				names[s.Name]++
			}
		}
		return len(names) == 4 && names[spanBroadcast] == 2
	})
	if names["message.receive"] != 1 || names["redis.publish"] != 1 || names["kafka.publish"] != 1 {
		t.Errorf("got spans %v", names)
	}
	for name, want := range map[string]int64{
		"connection.count": 2, "liveroom.viewer.joined": 2, "liveroom.viewer.left": 0, "message.received": 1,
	} {
		if got := sum(t, metrics, name); got != want {
			t.Errorf("%s: got %d, want %d", name, got, want)
		}
	}
	await(t, "both deliveries to be counted", func() bool { return sum(t, metrics, "message.sent") == 2 })
	if err := other.ws.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, "the viewer to be counted out", func() bool { return sum(t, metrics, "liveroom.viewer.left") == 1 })
	if got := sum(t, metrics, "connection.count"); got != 1 {
		t.Errorf("got %d connections, want 1", got)
	}
}
