package intake

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// outcomeOK is the outcome of an acked message; of a refused one it is the error's code.
const outcomeOK = "ok"

// meters counts what enters. The label sets are made once: making one costs more than counting.
type meters struct {
	metrics *telemetry.Metrics
	labels  map[outcome]labelSet
}

type outcome struct {
	of   live.MessageType
	code string
}

type labelSet struct {
	add    []metric.AddOption
	record []metric.RecordOption
}

func newMeters(m *telemetry.Metrics) meters {
	all := meters{metrics: m, labels: make(map[outcome]labelSet)}
	codes := []string{
		outcomeOK, CodeGuest, CodeRateLimited, CodeMuted, CodeBanned, CodeBlockedWord, CodeSlowMode, CodeUnavailable, CodeNotPersisted,
	}
	for _, of := range []live.MessageType{live.Danmu, live.Like} {
		for _, code := range codes {
			o := outcome{of, code}
			all.labels[o] = newLabelSet(o)
		}
	}
	return all
}

func newLabelSet(o outcome) labelSet {
	l := telemetry.Labels(telemetry.LabelType, string(o.of), telemetry.LabelOutcome, o.code)
	return labelSet{add: []metric.AddOption{l}, record: []metric.RecordOption{l}}
}

// answered counts a message, and how long its sender waited for the reply.
func (m meters) answered(e *entry, r Reply) {
	o := outcome{e.msg.Type, outcomeOK}
	if r.Err != nil {
		o.code = r.Err.Code
	}
	labels, ok := m.labels[o]
	if !ok {
		labels = newLabelSet(o)
	}
	ctx := context.Background()
	m.metrics.MessageReceived.Add(ctx, 1, labels.add...)
	m.metrics.MessageLatency.Record(ctx, float64(time.Since(e.received))/float64(time.Millisecond), labels.record...)
}

// shed counts e, or the likes that it adds up, as not shown in its room.
func (m meters) shed(e *entry, why error) {
	m.metrics.MessageShed.Add(context.Background(), int64(max(1, len(e.sum))), telemetry.Labels(
		telemetry.LabelClass, string(e.class), telemetry.LabelReason, shedReason(why)))
}

func shedReason(why error) string {
	switch {
	case errors.Is(why, errDisplay):
		return "display"
	case errors.Is(why, errRoomRate), errors.Is(why, errRoomFull):
		return "room_busy"
	case errors.Is(why, errOverloaded):
		return "overload"
	default:
		return "closing"
	}
}
