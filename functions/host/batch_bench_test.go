package host_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/barrage-live/barrage/functions/host/knative"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// BenchmarkBatch is what a host itself takes to bring a danmu of 250 bytes to a handler that does nothing: Lambda with
// an event of 1,000 records, and Knative with an event a record over one connection, one after the other as an ordered
// KafkaSource posts them. The plain host's group loop calls the handler itself.
func BenchmarkBatch(b *testing.B) {
	const size = 1000
	part := make([]stream.Record, size)
	for i := range part {
		part[i] = stream.Record{
			Topic: stream.LiveMessages, Partition: 2, Offset: int64(i), Key: []byte("42"), Value: []byte(strings.Repeat("d", 250)),
			Headers:   []stream.Header{{Key: stream.HeaderMessageID, Value: fmt.Append(nil, "m-", i)}},
			Timestamp: time.UnixMilli(1_700_000_000_123),
		}
	}
	seen := 0
	fn := stream.Observe(telemetry.Discard(), "bench", stream.LiveMessages, func(_ context.Context, part []stream.Record) (int, error) {
		seen += len(part)
		return len(part), nil
	})
	for name, deliver := range map[string]func(b *testing.B) func(){
		"lambda":  func(b *testing.B) func() { return eventSource(b, fn, part) },
		"knative": func(b *testing.B) func() { return kafkaSource(b, fn, part) },
	} {
		b.Run(name, func(b *testing.B) {
			batch := deliver(b)
			seen = 0
			batches := 0
			for b.Loop() {
				batch()
				batches++
			}
			if seen != size*batches {
				b.Fatalf("got %d records of %d", seen, size*batches)
			}
			b.ReportMetric(float64(seen)/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func eventSource(b *testing.B, fn stream.BatchFunc, part []stream.Record) func() {
	payload, err := json.Marshal(kafkaEvent(part))
	if err != nil {
		b.Fatal(err)
	}
	h := newLambda(nil, fn)
	return func() {
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		if _, err := h.Invoke(ctx, payload); err != nil {
			b.Fatal(err)
		}
	}
}

func kafkaSource(b *testing.B, fn stream.BatchFunc, part []stream.Record) func() {
	events := &knative.Events{Batches: map[stream.Topic]stream.BatchFunc{stream.LiveMessages: fn}, Log: telemetry.Discard().Logger()}
	server := httptest.NewServer(knative.Serve(http.NotFoundHandler(), events))
	b.Cleanup(server.Close)
	return func() {
		for _, r := range part {
			req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, server.URL, bytes.NewReader(r.Value))
			if err != nil {
				b.Fatal(err)
			}
			for name, value := range attributes(r) {
				req.Header.Set("ce-"+name, value)
			}
			res, err := server.Client().Do(req)
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusNoContent {
				b.Fatal(res.Status, err)
			}
		}
	}
}
