package stream

import (
	"context"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/barrage-live/barrage/shared/telemetry"
)

// Lag tells of groups that read, of one that has stopped, and of one that has never read.
func TestLagOfReaders(t *testing.T) {
	onEachBroker(t, func(t *testing.T, brokers []string) {
		c := dial(t, Config{Brokers: brokers})
		topic, empty := newTopic(t, c), newTopic(t, c)
		publish(t, c, topic, 0, 20)
		group := newGroup()
		got := collect(t, 20)
		member := consume(t, c, GroupConfig{Group: group, Topics: []Topic{topic}}, got.handle)
		got.wait()
		member.stop() // commits
		publish(t, c, topic, 20, 27)
		readers := []Reader{{Group: newGroup(), Topic: topic}, {Group: group, Topic: topic}, {Group: group, Topic: empty}}
		lags, err := c.Lag(t.Context(), readers)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []int64{27, 7, 0} {
			if lags[i].Records != want || lags[i].Reader != readers[i] {
				t.Errorf("got %+v, want %d records of %+v", lags[i], want, readers[i])
			}
		}
		if _, err := c.Lag(t.Context(), []Reader{{Group: group, Topic: "there-is-no-such-topic"}}); err == nil {
			t.Error("got no error of a topic that is not there")
		}
	})
}

func TestDeadLettersAreCounted(t *testing.T) {
	onEachBroker(t, func(t *testing.T, brokers []string) {
		reader := metric.NewManualReader()
		c := dial(t, Config{Brokers: brokers, Telemetry: observed(t, telemetry.Config{MetricReader: reader})})
		topic := newTopic(t, c)
		handle := WithDeadLetters(c, 1, func(context.Context, []Record) (int, error) { return 0, Poison(context.Canceled) })
		part := []Record{{Topic: topic, Timestamp: time.Now()}, {Topic: topic, Offset: 1, Timestamp: time.Now()}}
		if done, err := handle(t.Context(), part); done != 2 || err != nil {
			t.Fatalf("got %d, %v", done, err)
		}
		sum, ok := read(t, reader, "dead.letters").Data.(metricdata.Sum[int64])
		if !ok || len(sum.DataPoints) != 1 || sum.DataPoints[0].Value != 2 {
			t.Fatalf("got %+v, want two", sum)
		}
		if of, _ := sum.DataPoints[0].Attributes.Value(telemetry.LabelTopic); of.AsString() != string(topic) {
			t.Errorf("got topic %v, want %s", of, topic)
		}
	})
}
