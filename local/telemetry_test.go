package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/wire"
	"github.com/barrage-live/barrage/sockets/client"
)

// One danmu is one trace: from the socket through Redis and Kafka to the pod that shows it and the function that
// counts it.
func TestDanmuIsOneTrace(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	s := startStack(t, env("OTEL_TRACES_SAMPLER=always_on"), func(o *Options) { o.SpanExporter = spans })
	anchor := register(t, s, "traced")
	room := anchor.liveRoom("traced")
	conn, _ := dial(t, s, clientOptions(room.ID, anchor.token))
	if err := conn.Send(live.Message{Type: live.Danmu, ID: "traced-1", Content: "where do I go?"}); err != nil {
		t.Fatal(err)
	}
	shown := readUntil(t, conn, func(m live.Message) bool { return m.Type == live.Danmu })
	if len(shown.TraceID) != 32 {
		t.Fatalf("trace_id: got %q", shown.TraceID)
	}

	want := []string{"message.receive", "redis.publish", "kafka.publish", "message.broadcast"}
	eventually(t, 20*time.Second, func() (bool, string) {
		names, linked := spansOf(spans, shown.TraceID)
		for _, name := range want {
			if !slices.Contains(names, name) {
				return false, fmt.Sprintf("no span %s in trace %s: got %v", name, shown.TraceID, names)
			}
		}
		return slices.Contains(linked, "batch.process"), fmt.Sprintf("no batch.process with the trace: got %v, %v", names, linked)
	})
	inHeaders(t, s, shown, anchor.user.ID)
}

// spansOf names the spans inside the trace, and those inside or linked to it.
func spansOf(exporter *tracetest.InMemoryExporter, trace string) (inside, linked []string) {
	for _, span := range exporter.GetSpans() {
		if span.SpanContext.TraceID().String() == trace {
			inside, linked = append(inside, span.Name), append(linked, span.Name)
		}
		for _, link := range span.Links {
			if link.SpanContext.TraceID().String() == trace {
				linked = append(linked, span.Name)
			}
		}
	}
	return inside, linked
}

// inHeaders finds the danmu's record: it carries the trace and who and where, for whoever consumes it.
func inHeaders(t *testing.T, s *Stack, shown live.Message, user live.UserID) {
	t.Helper()
	for _, rec := range recordsOf(t, s, shown.RoomID) {
		m, err := wire.Unmarshal(rec.Value)
		if err != nil {
			t.Fatal(err)
		}
		if m.ID != shown.ID {
			continue
		}
		if got := header(rec, stream.HeaderTraceParent); !strings.Contains(got, shown.TraceID) {
			t.Errorf("traceparent: got %q, want trace %s", got, shown.TraceID)
		}
		baggage := header(rec, stream.HeaderBaggage)
		for _, member := range []string{fmt.Sprintf("user.id=%d", user), fmt.Sprintf("room.id=%d", shown.RoomID)} {
			if !strings.Contains(baggage, member) {
				t.Errorf("baggage: got %q, want %s in it", baggage, member)
			}
		}
		return
	}
	t.Error("the danmu is not in Kafka")
}

func readUntil(t *testing.T, conn *client.Conn, ok func(live.Message) bool) live.Message {
	t.Helper()
	for {
		m, err := conn.Read()
		if err != nil {
			t.Fatal(err)
		}
		if ok(m) {
			return m
		}
	}
}

// A short life of a room moves every metric that operators are promised.
func TestRoomMovesItsMetrics(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	s := startStack(t, func(o *Options) { o.MetricReader = reader })
	anchor, viewer := register(t, s, "m-anchor"), register(t, s, "m-viewer")
	room := anchor.liveRoom("measured")
	conn, _ := dial(t, s, clientOptions(room.ID, viewer.token))
	if err := conn.Send(live.Message{Type: live.Danmu, ID: "m-1", Content: "count me"}); err != nil {
		t.Fatal(err)
	}
	readUntil(t, conn, func(m live.Message) bool { return m.Type == live.Danmu })
	viewer.must(http.StatusOK, "POST", path(room.ID, "/join"), nil, nil)
	viewer.must(http.StatusOK, "GET", path(room.ID, ""), nil, nil)
	during := measured(t, reader)
	if during["connection.count"] != 1 {
		t.Errorf("connection.count: got %v, want 1", during["connection.count"])
	}
	viewer.must(http.StatusOK, "POST", path(room.ID, "/leave"), nil, nil)
	anchor.must(http.StatusOK, "POST", path(room.ID, "/stop"), nil, nil)

	eventually(t, 20*time.Second, func() (bool, string) {
		got := measured(t, reader)
		var missing []string
		for _, name := range []string{
			"message.received", "message.sent", "message.latency", "liveroom.created", "liveroom.started", "liveroom.stopped",
			"liveroom.viewer.joined", "liveroom.viewer.left", "cache.hits", "cache.misses", "batch.size", "http.server.request.duration",
		} {
			if got[name] <= 0 {
				missing = append(missing, name)
			}
		}
		if n, ok := got["connection.count"]; !ok || n != 0 {
			missing = append(missing, fmt.Sprintf("connection.count=%v", n))
		}
		return len(missing) == 0, fmt.Sprintf("not moved: %v", missing)
	})
}

// measured sums each metric over its labels: a counter's value, a histogram's count.
func measured(t *testing.T, reader *sdkmetric.ManualReader) map[string]float64 {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &rm); err != nil {
		t.Fatal(err)
	}
	sums := make(map[string]float64)
	for _, scope := range rm.ScopeMetrics {
		for _, m := range scope.Metrics {
			sums[m.Name] += sum(m.Data)
		}
	}
	return sums
}

func sum(data metricdata.Aggregation) (total float64) {
	switch d := data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range d.DataPoints {
			total += float64(p.Value)
		}
	case metricdata.Gauge[int64]:
		for _, p := range d.DataPoints {
			total += float64(p.Value)
		}
	case metricdata.Histogram[int64]:
		for _, p := range d.DataPoints {
			total += float64(p.Count)
		}
	case metricdata.Histogram[float64]:
		for _, p := range d.DataPoints {
			total += float64(p.Count)
		}
	}
	return total
}
