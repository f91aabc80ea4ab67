package intake

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Metrics counts what enters; each nil instrument counts nothing.
type Metrics struct {
	Received metric.Int64Counter     // message.received by type and outcome
	Shed     metric.Int64Counter     // message.shed by class and reason
	Latency  metric.Float64Histogram // message.latency in ms, by type and outcome: from frame to reply
}

const (
	attrType    = attribute.Key("type")
	attrOutcome = attribute.Key("outcome")
	attrClass   = attribute.Key("class")
	attrReason  = attribute.Key("reason")
)

// outcomeOK is the outcome of an acked message; of a refused one it is the error's code.
const outcomeOK = "ok"

func (m Metrics) answered(e *entry, r Reply) {
	outcome := outcomeOK
	if r.Err != nil {
		outcome = r.Err.Code
	}
	attrs := metric.WithAttributeSet(attribute.NewSet(attrType.String(string(e.msg.Type)), attrOutcome.String(outcome)))
	if m.Received != nil {
		m.Received.Add(context.Background(), 1, attrs)
	}
	if m.Latency != nil {
		m.Latency.Record(context.Background(), float64(time.Since(e.received))/float64(time.Millisecond), attrs)
	}
}

// shed counts e, or the likes that it adds up, as not shown in its room.
func (m Metrics) shed(e *entry, why error) {
	if m.Shed == nil {
		return
	}
	n := int64(max(1, len(e.sum)))
	m.Shed.Add(context.Background(), n, metric.WithAttributeSet(
		attribute.NewSet(attrClass.String(string(e.class)), attrReason.String(shedReason(why)))))
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
