package stream

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"go.opentelemetry.io/otel/metric"

	"github.com/barrage-live/barrage/shared/telemetry"
)

// observer calls a handler the same way on every host.
type observer struct {
	telemetry *telemetry.Telemetry
	group     string
	topic     Topic
	labels    metric.MeasurementOption // of batch.size
	fn        BatchFunc
}

// Observe gives the handler of a topic's records a span and a size a batch, and makes its answer sound: a panic is an
// error, 0 ≤ done ≤ len(part), and an error comes exactly when done is less. Consume does so by itself; hosts that get
// their batches from elsewhere call it.
func Observe(t *telemetry.Telemetry, group string, topic Topic, fn BatchFunc) BatchFunc {
	o := observer{
		telemetry: t, group: group, topic: topic, fn: fn,
		labels: telemetry.Labels(telemetry.Group, group, telemetry.LabelTopic, string(topic)),
	}
	return o.handle
}

func (o observer) handle(ctx context.Context, part []Record) (done int, err error) {
	ctx, span := o.start(ctx, part)
	o.telemetry.Metrics.BatchSize.Record(ctx, int64(len(part)), o.labels)
	done, err = call(ctx, o.fn, part)
	switch {
	case done < 0 || done > len(part):
		done, err = 0, errors.Join(fmt.Errorf("handler says %d of %d records are finished", done, len(part)), err)
	case err != nil && done == len(part):
		// Nothing is left to be delivered again; the records count as what the handler says they are.
		o.telemetry.Logger().WarnContext(ctx, "batch finished with an error",
			telemetry.Group, o.group, telemetry.Topic, string(o.topic), telemetry.Err, err)
		err = nil
	case err == nil && done < len(part):
		err = fmt.Errorf("handler finished %d of %d records and does not say why", done, len(part))
	}
	endSpan(span, err)
	return done, err
}

// call turns a panic into an error: one bad record must not end a process that serves every room.
func call(ctx context.Context, fn BatchFunc, part []Record) (done int, err error) {
	defer func() {
		if p := recover(); p != nil {
			done, err = 0, fmt.Errorf("handler panics: %v\n%s", p, debug.Stack())
		}
	}()
	return fn(ctx, part)
}
