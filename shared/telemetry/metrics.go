package telemetry

import (
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Metrics are the platform's instruments, named as CONTRACT §7 says. All of them may be used concurrently.
// A hot path makes its label set once, with Labels, and hands the same one to every call.
type Metrics struct {
	MessageReceived metric.Int64Counter     // message.received: type, outcome
	MessageSent     metric.Int64Counter     // message.sent: type or class; add whole flushes at once
	MessageShed     metric.Int64Counter     // message.shed: class, reason
	MessageLatency  metric.Float64Histogram // message.latency, ms from accepted to written
	ConnectionCount metric.Int64UpDownCounter

	RoomCreated metric.Int64Counter // liveroom.created
	RoomStarted metric.Int64Counter // liveroom.started
	RoomStopped metric.Int64Counter // liveroom.stopped

	// liveroom.viewer.count is observed by the stats function, from its samples.
	ViewerJoined metric.Int64Counter // liveroom.viewer.joined
	ViewerLeft   metric.Int64Counter // liveroom.viewer.left

	CacheHits   metric.Int64Counter // cache.hits: cache
	CacheMisses metric.Int64Counter // cache.misses: cache

	LimitUnshared metric.Int64Counter // limit.unshared: function

	ReviewVerdicts metric.Int64Counter     // review.verdicts: outcome
	ReviewDuration metric.Float64Histogram // review.duration, s: outcome

	BatchSize           metric.Int64Histogram   // batch.size: records handed to a batch handler; function or topic
	HTTPRequestDuration metric.Float64Histogram // http.server.request.duration, s (semantic conventions)
}

// Labels makes a label set from key, value pairs once, for use in many calls. An odd last key is ignored.
func Labels(pairs ...string) metric.MeasurementOption {
	kv := make([]attribute.KeyValue, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		kv = append(kv, attribute.String(pairs[i], pairs[i+1]))
	}
	return metric.WithAttributeSet(attribute.NewSet(kv...))
}

// NewMetrics makes the instruments on the meter.
func NewMetrics(meter metric.Meter) (*Metrics, error) {
	b := builder{meter: meter}
	m := &Metrics{
		MessageReceived: b.counter("message.received", "{message}", "Messages taken from clients."),
		MessageSent:     b.counter("message.sent", "{message}", "Messages written to connections."),
		MessageShed:     b.counter("message.shed", "{message}", "Messages not shown, or not sent to a slow connection."),
		MessageLatency: b.histogram("message.latency", "ms", "From a message's acceptance to its write.",
			1, 2, 5, 10, 20, 35, 50, 75, 100, 150, 250, 500, 1000, 2500, 5000),
		ConnectionCount: b.gauge("connection.count", "{connection}", "Open sockets."),
		RoomCreated:     b.counter("liveroom.created", "{room}", "Rooms created."),
		RoomStarted:     b.counter("liveroom.started", "{room}", "Rooms started."),
		RoomStopped:     b.counter("liveroom.stopped", "{room}", "Rooms stopped."),
		ViewerJoined:    b.counter("liveroom.viewer.joined", "{viewer}", "Viewers who came into a room."),
		ViewerLeft:      b.counter("liveroom.viewer.left", "{viewer}", "Viewers who left a room."),
		CacheHits:       b.counter("cache.hits", "{lookup}", "Lookups answered by a local cache."),
		CacheMisses:     b.counter("cache.misses", "{lookup}", "Lookups a local cache had to load."),
		LimitUnshared:   b.counter("limit.unshared", "{call}", "Questions about a shared limit that Redis did not answer: the process decided alone."),
		ReviewVerdicts:  b.counter("review.verdicts", "{message}", "What the operator's review made of danmu; failed: it gave no answer."),
		ReviewDuration: b.histogram("review.duration", "s", "From a question to the operator's review to its answer.",
			0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2),
		HTTPRequestDuration: b.histogram("http.server.request.duration", "s", "Duration of HTTP server requests.",
			0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
	}
	m.BatchSize = b.sizes("batch.size", "{record}", "Records in one batch.", 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000)
	return m, b.err
}

// builder keeps the first errors, so that the list of instruments reads as a list.
type builder struct {
	meter metric.Meter
	err   error
}

func (b *builder) note(err error) { b.err = errors.Join(b.err, err) }

func (b *builder) counter(name, unit, desc string) metric.Int64Counter {
	c, err := b.meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(desc))
	b.note(err)
	return c
}

func (b *builder) gauge(name, unit, desc string) metric.Int64UpDownCounter {
	c, err := b.meter.Int64UpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(desc))
	b.note(err)
	return c
}

func (b *builder) histogram(name, unit, desc string, bounds ...float64) metric.Float64Histogram {
	h, err := b.meter.Float64Histogram(name, metric.WithUnit(unit), metric.WithDescription(desc),
		metric.WithExplicitBucketBoundaries(bounds...))
	b.note(err)
	return h
}

func (b *builder) sizes(name, unit, desc string, bounds ...float64) metric.Int64Histogram {
	h, err := b.meter.Int64Histogram(name, metric.WithUnit(unit), metric.WithDescription(desc),
		metric.WithExplicitBucketBoundaries(bounds...))
	b.note(err)
	return h
}
