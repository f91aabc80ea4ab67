// Package lambda runs a function on AWS Lambda: it turns invocations into the two universal shapes, http.Handler and
// stream.BatchFunc, and their answers back. Nothing else of the platform knows Lambda.
package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// A Host is one function on Lambda. One binary may serve HTTP, Kafka and schedules at once: the event's shape decides.
// It keeps nothing between invocations, so invocations may run concurrently.
type Host struct {
	HTTP    http.Handler                               // nil: HTTP events are refused
	Batches map[stream.Topic]stream.BatchFunc          // by topic
	Jobs    map[string]func(ctx context.Context) error // by the "job" of a scheduled event's input
	Flush   func(ctx context.Context) error            // telemetry; after every invocation, since the process freezes behind its answer
	Tracer  trace.Tracer
	Log     *slog.Logger

	warm atomic.Bool // the first invocation has begun
}

// margin is what is left of an invocation's time to answer and flush.
const margin = time.Second

// An event is what all events have that tells their kinds apart.
type event struct {
	RequestContext struct {
		HTTP struct {
			Method string `json:"method"`
		} `json:"http"`
	} `json:"requestContext"`
	EventSource string `json:"eventSource"`
	Job         string `json:"job"`
}

var errUnknownEvent = errors.New("not an HTTP API, Kafka or scheduled event")

// Invoke handles one invocation and is aws-lambda-go's Handler. An error makes Lambda redeliver asynchronous events
// and the records of a batch from its start.
func (h *Host) Invoke(ctx context.Context, payload []byte) (answer []byte, err error) {
	defer h.flush(ctx)
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin))
		defer cancel()
	}
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, fmt.Errorf("read the event: %w", err)
	}
	ctx, end := h.start(ctx, e)
	defer func() { end(err) }()
	switch e.trigger() {
	case triggerHTTP:
		return h.serve(ctx, payload)
	case triggerKafka:
		return h.batch(ctx, payload)
	case triggerTimer:
		return nil, h.job(ctx, e.Job)
	}
	return nil, errUnknownEvent
}

// job turns a panic into an error, as it is done for requests and batches: the next event must find the process alive.
func (h *Host) job(ctx context.Context, name string) (err error) {
	run := h.Jobs[name]
	if run == nil {
		return fmt.Errorf("no job is named %q", name)
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("job %s panics: %v\n%s", name, p, debug.Stack())
		}
	}()
	return run(ctx)
}

// flush has what is left of the invocation. Its failure is logged and no more: a collector that is down must neither
// lose an answer nor make Kafka redeliver what is done.
func (h *Host) flush(ctx context.Context) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin/5))
		defer cancel()
	}
	if err := h.Flush(ctx); err != nil {
		h.Log.WarnContext(ctx, "telemetry not flushed", telemetry.Err, err)
	}
}
