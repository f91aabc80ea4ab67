package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	metricapi "go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/barrage-live/barrage/shared/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		if i := slices.Index(pairs, name); i >= 0 && i%2 == 0 {
			return pairs[i+1]
		}
		return ""
	}
}

func start(t *testing.T, cfg telemetry.Config) *telemetry.Telemetry {
	t.Helper()
	if cfg.Getenv == nil {
		cfg.Getenv = environment()
	}
	if cfg.Log == nil {
		cfg.Log = io.Discard
	}
	tel, err := telemetry.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tel.Shutdown(context.Background()); err != nil && !errors.Is(err, metric.ErrReaderShutdown) {
			t.Error(err)
		}
	})
	return tel
}

// The names and units are what dashboards and alerts read.
func TestMetricNames(t *testing.T) {
	reader := metric.NewManualReader()
	tel := start(t, telemetry.Config{MetricReader: reader})
	ctx, m := t.Context(), tel.Metrics
	label := telemetry.Labels(telemetry.LabelType, "danmu", "odd")
	for _, c := range []interface {
		Add(context.Context, int64, ...metricapi.AddOption)
	}{m.MessageReceived, m.MessageSent, m.MessageShed, m.ConnectionCount, m.RoomCreated, m.RoomStarted, m.RoomStopped,
		m.ViewerJoined, m.ViewerLeft, m.CacheHits, m.CacheMisses} {
		c.Add(ctx, 1, label)
	}
	m.MessageLatency.Record(ctx, 12, label)
	m.HTTPRequestDuration.Record(ctx, 0.012, label)
	m.BatchSize.Record(ctx, 500, label)

	var data metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &data); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range data.ScopeMetrics[0].Metrics {
		got = append(got, m.Name+" "+m.Unit)
	}
	slices.Sort(got)
	want := []string{
		"batch.size {record}", "cache.hits {lookup}", "cache.misses {lookup}", "connection.count {connection}",
		"http.server.request.duration s", "liveroom.created {room}", "liveroom.started {room}", "liveroom.stopped {room}",
		"liveroom.viewer.joined {viewer}", "liveroom.viewer.left {viewer}",
		"message.latency ms", "message.received {message}", "message.sent {message}", "message.shed {message}",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPrometheusHandler(t *testing.T) {
	tel := start(t, telemetry.Config{Service: "sockets"})
	tel.Metrics.MessageReceived.Add(t.Context(), 3, telemetry.Labels(telemetry.LabelType, "danmu"))
	tel.Metrics.ConnectionCount.Add(t.Context(), 2)
	tel.Metrics.MessageLatency.Record(t.Context(), 40)
	w := httptest.NewRecorder()
	tel.PrometheusHandler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`message_received_total{type="danmu"} 3`, "\nconnection_count 2", `message_latency_milliseconds_bucket{le="50"} 1`,
		`service_name="sockets"`, "go_goroutines", "process_cpu_seconds_total",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("got metrics without %q:\n%s", want, w.Body)
		}
	}
}

func TestNothingSetCostsNothing(t *testing.T) {
	tel := start(t, telemetry.Config{})
	if tel.Tracing() {
		t.Fatal("got tracing without an exporter")
	}
	ctx := t.Context()
	if got := testing.AllocsPerRun(100, func() {
		_, span := tel.Tracer().Start(ctx, "message.receive")
		span.End()
	}); got > 2 {
		t.Errorf("got %v allocations a span, want next to none", got)
	}
	if got := testing.AllocsPerRun(100, func() { tel.Metrics.MessageSent.Add(ctx, 1) }); got != 0 {
		t.Errorf("got %v allocations a count, want none", got)
	}
}

func TestExportersFollowTheStandardVariables(t *testing.T) {
	for name, tc := range map[string]struct {
		env     []string
		tracing bool
	}{
		"none set":            {nil, false},
		"endpoint":            {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"}, true},
		"traces endpoint":     {[]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1"}, true},
		"metrics endpoint":    {[]string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://127.0.0.1:1", "OTEL_METRICS_EXPORTER", "none"}, false},
		"exporter named":      {[]string{"OTEL_TRACES_EXPORTER", "otlp"}, true},
		"exporter none":       {[]string{"OTEL_TRACES_EXPORTER", "none", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1", "OTEL_METRICS_EXPORTER", "none"}, false},
		"sdk disabled":        {[]string{"OTEL_SDK_DISABLED", "true", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"}, false},
		"prometheus is there": {[]string{"OTEL_METRICS_EXPORTER", "prometheus"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			defer collector.Close()
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL) // what the exporter itself reads
			tel, err := telemetry.Start(t.Context(), telemetry.Config{Log: io.Discard, Getenv: environment(tc.env...)})
			if err != nil {
				t.Fatal(err)
			}
			if got := tel.Tracing(); got != tc.tracing {
				t.Errorf("got tracing %v, want %v", got, tc.tracing)
			}
			if err := tel.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSpansReachACollector(t *testing.T) {
	paths := make(chan string, 10)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		paths <- r.URL.Path
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	tel, err := telemetry.Start(t.Context(), telemetry.Config{
		Service: "t", Log: io.Discard,
		Getenv: environment("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL, "OTEL_TRACES_SAMPLER", "always_on"),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, span := tel.Tracer().Start(t.Context(), "x")
	span.End()
	tel.Metrics.RoomCreated.Add(t.Context(), 1)
	if err := errors.Join(tel.Flush(t.Context()), tel.Shutdown(t.Context())); err != nil {
		t.Fatal(err)
	}
	close(paths)
	got := slices.Compact(slices.Sorted(func(yield func(string) bool) {
		for p := range paths {
			if !yield(p) {
				return
			}
		}
	}))
	if !slices.Equal(got, []string{"/v1/metrics", "/v1/traces"}) {
		t.Errorf("got %v, want both signals sent", got)
	}
}

func TestStartRefuses(t *testing.T) {
	for name, env := range map[string][]string{
		"level":  {"LOG_LEVEL", "loud"},
		"format": {"LOG_FORMAT", "xml"},
		"ratio":  {"OTEL_TRACES_SAMPLER_ARG", "1.5"},
		"nan":    {"OTEL_TRACES_SAMPLER_ARG", "NaN"},
		"name":   {"OTEL_TRACES_SAMPLER", "sometimes"},
	} {
		_, err := telemetry.Start(t.Context(), telemetry.Config{
			Log: io.Discard, SpanExporter: tracetest.NewInMemoryExporter(), Getenv: environment(env...),
		})
		if err == nil || !strings.Contains(err.Error(), env[0]) {
			t.Errorf("%s: got %v, want an error that names %s", name, err, env[0])
		}
	}
}

func TestLogLinesCarryTheTrace(t *testing.T) {
	var out bytes.Buffer
	tel := start(t, telemetry.Config{Service: "room", Log: &out, Getenv: environment("LOG_LEVEL", "debug")})
	ctx, id := telemetry.WithTrace(t.Context())
	tel.Logger().With(telemetry.Room, 7).WithGroup("g").DebugContext(ctx, "read", telemetry.Took, time.Second)
	tel.Logger().Info("no trace")
	var traced, plain map[string]any
	dec := json.NewDecoder(&out)
	if err := errors.Join(dec.Decode(&traced), dec.Decode(&plain)); err != nil {
		t.Fatal(err)
	}
	group, _ := traced["g"].(map[string]any)
	if traced["service"] != "room" || traced["room_id"] != 7.0 || group["trace_id"] != id {
		t.Errorf("got %v, want service, room and trace %s", traced, id)
	}
	if _, ok := plain["trace_id"]; ok {
		t.Errorf("got %v, want no trace id", plain)
	}
}

func TestDiscard(t *testing.T) {
	tel := telemetry.Discard()
	tel.Metrics.MessageSent.Add(t.Context(), 1)
	tel.Logger().Error("nobody reads this")
	if err := errors.Join(tel.Flush(t.Context()), tel.Shutdown(t.Context())); err != nil || tel.Tracing() {
		t.Errorf("got %v, tracing %v", err, tel.Tracing())
	}
}
