package httpapi_test

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// traced is a fixture whose telemetry is seen.
func traced(t *testing.T, sampler string) (fixture, *tracetest.InMemoryExporter, *metric.ManualReader) {
	t.Helper()
	spans, reader := tracetest.NewInMemoryExporter(), metric.NewManualReader()
	tel, err := telemetry.Start(t.Context(), telemetry.Config{
		Service: "test", Log: io.Discard, SpanExporter: spans, MetricReader: reader,
		Getenv: func(name string) string { return map[string]string{"OTEL_TRACES_SAMPLER": sampler}[name] },
	})
	if err != nil {
		t.Fatal(err)
	}
	api := httpapi.New(httpapi.Config{Title: "t", Telemetry: tel, Verifier: people()})
	register(api)
	server := httptest.NewServer(api.Handler())
	t.Cleanup(server.Close)
	return fixture{Server: server, api: api}, spans, reader
}

func TestSpans(t *testing.T) {
	f, spans, _ := traced(t, "always_on")
	const trace = "0af7651916cd43dd8448eb211c80319c"
	f.do(t, "GET", "/api/v1/rooms/42", "", "Traceparent", "00-"+trace+"-b7ad6b7169203331-00")
	f.do(t, "GET", "/api/v1/fail/internal", "")
	f.do(t, "GET", "/nowhere", "")
	got := spans.GetSpans()
	if len(got) != 2 {
		t.Fatalf("got %d spans, want one a routed request", len(got))
	}
	if got[0].Name != "GET /api/v1/rooms/{id}" || got[0].SpanContext.TraceID().String() != trace || got[0].Status.Code != codes.Unset {
		t.Errorf("got %s of trace %s with %v, want the client's trace continued", got[0].Name, got[0].SpanContext.TraceID(), got[0].Status)
	}
	if got[1].Status.Code != codes.Error {
		t.Errorf("got %v, want an error", got[1].Status)
	}
	for _, a := range got[0].Attributes {
		if strings.Contains(a.Value.String(), "42") {
			t.Errorf("got attribute %s=%s, want no room", a.Key, a.Value.String())
		}
	}
}

func TestClientsCannotForceSampling(t *testing.T) {
	f, spans, _ := traced(t, "always_off")
	f.do(t, "GET", "/api/v1/rooms/42", "", "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if got := spans.GetSpans(); len(got) != 0 {
		t.Errorf("got %d spans, want none", len(got))
	}
	f.do(t, "GET", "/api/v1/fail/internal", "")
	if got := spans.GetSpans(); len(got) != 1 {
		t.Errorf("got %d spans, want the failed one", len(got))
	}
}

func TestRequestMetricsAreBounded(t *testing.T) {
	f, _, reader := traced(t, "always_off")
	for _, call := range [][2]string{
		{"GET", "/api/v1/rooms/1"}, {"GET", "/api/v1/rooms/2"}, {"GET", "/api/v1/rooms/x"}, {"GET", "/no/1"}, {"GET", "/no/2"},
		{"BREW", "/a"}, {"STEEP", "/b"}, {"DELETE", "/api/v1/rooms/3"},
	} {
		f.do(t, call[0], call[1], "")
	}
	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	got := map[string]uint64{}
	for _, m := range data.ScopeMetrics[0].Metrics {
		if m.Name != "http.server.request.duration" || m.Unit != "s" {
			t.Errorf("got metric %s in %s", m.Name, m.Unit)
			continue
		}
		for _, p := range m.Data.(metricdata.Histogram[float64]).DataPoints {
			var label []string
			for _, key := range p.Attributes.ToSlice() {
				label = append(label, string(key.Key)+"="+key.Value.String())
			}
			got[strings.Join(label, " ")] = p.Count
		}
	}
	want := map[string]uint64{
		"http.request.method=GET http.response.status_code=200 http.route=/api/v1/rooms/{id} url.scheme=http":    2,
		"http.request.method=GET http.response.status_code=422 http.route=/api/v1/rooms/{id} url.scheme=http":    1,
		"http.request.method=GET http.response.status_code=404 url.scheme=http":                                  2,
		"http.request.method=_OTHER http.response.status_code=404 url.scheme=http":                               2,
		"http.request.method=DELETE http.response.status_code=401 http.route=/api/v1/rooms/{id} url.scheme=http": 1,
	}
	if len(got) != len(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for label, count := range want {
		if got[label] != count {
			t.Errorf("%s: got %d, want %d", label, got[label], count)
		}
	}
}
