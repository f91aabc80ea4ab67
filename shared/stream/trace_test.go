package stream

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/telemetry"
)

func observed(t *testing.T, cfg telemetry.Config) *telemetry.Telemetry {
	t.Helper()
	cfg.Getenv = func(string) string { return "" }
	cfg.Log = t.Output()
	tel, err := telemetry.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tel.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return tel
}

// The batch span continues the first sampled record's trace and is linked to the others that are sampled.
func TestBatchSpan(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	c := dial(t, Config{Brokers: []string{startEmbedded(t).Addr()}, Telemetry: observed(t, telemetry.Config{SpanExporter: spans})})
	topic := newTopic(t, c)

	var parents []trace.SpanContext
	for i, sampled := range []bool{false, true, false, true} {
		sc := trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{byte(i + 1)}, SpanID: trace.SpanID{byte(i + 1)}, TraceFlags: trace.TraceFlags(0).WithSampled(sampled),
		})
		parents = append(parents, sc)
		rec, err := RoomRecord(trace.ContextWithSpanContext(t.Context(), sc), topic, live.Message{Type: live.Danmu, RoomID: 3, ID: "id"}, testPartitions)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Publish(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
	}
	first := make(chan trace.SpanContext, 1)
	failed := false
	member := consume(t, c, GroupConfig{Group: newGroup(), Topics: []Topic{topic}}, func(ctx context.Context, part []Record) (int, error) {
		if !failed {
			failed = true
			return 0, errors.New("once")
		}
		first <- trace.SpanContextFromContext(ctx)
		return len(part), nil
	})
	handler := wait(t, "the batch", first)
	member.stop()

	var batches tracetest.SpanStubs
	for _, s := range spans.GetSpans() {
		if s.Name == spanBatch {
			batches = append(batches, s)
		}
	}
	if len(batches) != 2 {
		t.Fatalf("got %d batch spans, want the failed one and the other", len(batches))
	}
	if got := batches[0].Status.Code; got != codes.Error {
		t.Errorf("got status %v of the failed batch, want an error", got)
	}
	batch := batches[1]
	if batch.SpanContext.SpanID() != handler.SpanID() {
		t.Error("the handler's context does not hold the batch span")
	}
	if got, want := batch.Parent.TraceID(), parents[1].TraceID(); got != want {
		t.Errorf("got trace %s, want the first sampled record's %s", got, want)
	}
	if links := batch.Links; len(links) != 1 || links[0].SpanContext.TraceID() != parents[3].TraceID() {
		t.Errorf("got links %v, want one to %s", links, parents[3].TraceID())
	}
}

func TestBaggageAllowList(t *testing.T) {
	var members []baggage.Member
	for _, kv := range [][2]string{{"user.id", "7"}, {"session", "secret"}, {"room.id", "42"}} {
		m, err := baggage.NewMember(kv[0], kv[1])
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, m)
	}
	b, err := baggage.New(members...)
	if err != nil {
		t.Fatal(err)
	}
	headers := injectTrace(baggage.ContextWithBaggage(t.Context(), b), nil)
	back, err := baggage.Parse(header(Record{Headers: headers}, HeaderBaggage))
	if err != nil {
		t.Fatal(err)
	}
	if back.Member("user.id").Value() != "7" || back.Member("room.id").Value() != "42" || back.Len() != 2 {
		t.Errorf("got baggage %s, want user.id and room.id alone", back)
	}
	if got := injectTrace(t.Context(), nil); len(got) != 0 {
		t.Errorf("got headers %s of a context without a trace, want none", got)
	}
}

// FuzzSampledParent: whatever a record's header holds, only a valid and sampled parent comes out.
func FuzzSampledParent(f *testing.F) {
	for _, s := range []string{
		"", "1", "00-", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", "00-00000000000000000000000000000000-0000000000000000-01",
		"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, parent []byte) {
		sc, ok := sampledParent(Record{Headers: []Header{{Key: HeaderTraceParent, Value: parent}}})
		if ok && (!sc.IsValid() || !sc.IsSampled()) {
			t.Errorf("got %v of %q", sc, parent)
		}
		if want := fmt.Sprintf("00-%s-%s-01", sc.TraceID(), sc.SpanID()); ok && len(parent) == len(want) && string(parent[:2]) == "00" && string(parent[:53]) != want[:53] {
			t.Errorf("got %s of %q", want, parent)
		}
	})
}

func TestBatchSizeAndLag(t *testing.T) {
	onEachBroker(t, func(t *testing.T, brokers []string) {
		reader := metric.NewManualReader()
		c := dial(t, Config{Brokers: brokers, Telemetry: observed(t, telemetry.Config{MetricReader: reader})})
		topic := newTopic(t, c)
		group := newGroup()
		publish(t, c, topic, 0, 15) // five in each partition
		release := make(chan struct{})
		got := collect(t, 15)
		consume(t, c, GroupConfig{Group: group, Topics: []Topic{topic}, LagEvery: time.Millisecond}, func(ctx context.Context, part []Record) (int, error) {
			if part[0].Partition == 1 {
				<-release
			}
			return got.handle(ctx, part)
		})
		awaitLag(t, reader, map[string]int64{"0": 0, "1": 5, "2": 0})
		publish(t, c, topic, 15, 18)
		awaitLag(t, reader, map[string]int64{"0": 0, "1": 6, "2": 0})
		close(release)
		awaitLag(t, reader, map[string]int64{"0": 0, "1": 0, "2": 0})

		sizes, ok := read(t, reader, "batch.size").Data.(metricdata.Histogram[int64])
		if !ok {
			t.Fatal("no batch.size")
		}
		var sum int64
		for _, p := range sizes.DataPoints {
			sum += p.Sum
			if g, _ := p.Attributes.Value("group"); g.AsString() != group {
				t.Errorf("got group %v, want %s", g, group)
			}
		}
		if sum != 18 {
			t.Errorf("got %d records in batches, want 18", sum)
		}
	})
}

func read(t *testing.T, reader metric.Reader, name string) metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name == name {
				return m
			}
		}
	}
	return metricdata.Metrics{}
}

func awaitLag(t *testing.T, reader metric.Reader, want map[string]int64) {
	t.Helper()
	got := make(map[string]int64)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		clear(got)
		if gauge, ok := read(t, reader, "consumer.lag").Data.(metricdata.Gauge[int64]); ok {
			for _, p := range gauge.DataPoints {
				n, _ := p.Attributes.Value(telemetry.Partition)
				got[n.AsString()] = p.Value
			}
		}
		if fmt.Sprint(got) == fmt.Sprint(want) {
			return
		}
	}
	t.Fatalf("got lag %v, want %v", got, want)
}

func TestBackoffIsBounded(t *testing.T) {
	const least, most = 100 * time.Millisecond, 30 * time.Second
	for failures := 1; failures < 200; failures++ {
		d := backoff(least, most, failures)
		upper := most
		if failures < 10 {
			upper = min(most, least<<(failures-1))
		}
		if d < upper/2 || d > upper {
			t.Errorf("failure %d: got %v, want between %v and %v", failures, d, upper/2, upper)
		}
	}
}
