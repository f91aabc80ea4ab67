package intake

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// brokenState knows nothing of anybody.
type brokenState struct{}

func (brokenState) Standing(context.Context, live.RoomID, live.UserID) (roomstate.Standing, error) {
	return roomstate.Standing{}, errors.New("no answer")
}

func TestUnknownStandingMayNotWrite(t *testing.T) {
	s := servers{redistest.Embedded(t), []string{startKafka(t).Addr()}, redistest.Room()}
	in := s.start(t, func(c *Config, _ *fanout.PublisherConfig) { c.State = brokenState{} })
	if got := post(t, in, user(1), s.room, danmu("a", "x")); code(got) != CodeUnavailable {
		t.Errorf("got %+v, want unavailable", got)
	}
	if got := s.history(t); len(got) != 0 {
		t.Errorf("got %d messages shown", len(got))
	}
}

func TestOneTraceAndCounts(t *testing.T) {
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
	s := servers{redistest.Embedded(t), []string{startKafka(t).Addr()}, redistest.Room()}
	in := s.start(t, func(c *Config, _ *fanout.PublisherConfig) { c.Telemetry = tel })
	post(t, in, user(1), s.room, danmu("a", "x"))
	post(t, in, Sender{}, s.room, danmu("b", "x"))
	shown := s.history(t)
	if err := tel.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	parents := make(map[string]string)
	for _, span := range spans.GetSpans() {
		if span.SpanContext.TraceID().String() != shown[0].TraceID {
			t.Errorf("span %s: got trace %s, want the message's %s", span.Name, span.SpanContext.TraceID(), shown[0].TraceID)
		}
		parents[span.Name] = span.Parent.SpanID().String()
		if span.Name == spanReceive {
			parents["self"] = span.SpanContext.SpanID().String()
		}
	}
	if len(parents) != 4 || parents[spanRedisPublish] != parents["self"] || parents[spanKafkaPublish] != parents["self"] {
		t.Errorf("got spans %v, want redis.publish and kafka.publish under message.receive", parents)
	}
	var data metricdata.ResourceMetrics
	if err := metrics.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(data.ScopeMetrics)
	for _, want := range []string{"message.received", "message.latency", "outcome", "guest", "danmu"} {
		if !strings.Contains(got, want) {
			t.Errorf("got no %s in %s", want, got)
		}
	}
}
