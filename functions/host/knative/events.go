package knative

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"runtime/debug"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/barrage-live/barrage/functions/host"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// Types of the events that are taken.
const (
	typeKafka = "dev.knative.kafka.event"
	typePing  = "dev.knative.sources.ping"
)

// maxEvent bounds a posted event in bytes: a record of Kafka has at most 1 MiB, and base64 makes it a third longer.
const maxEvent = 2 << 20

// isEvent tells events from requests. Events come to the root alone, which no gateway routes: whoever may reach it from
// inside of the cluster may speak for Kafka.
func isEvent(r *http.Request) bool {
	if r.Method != http.MethodPost || r.URL.Path != "/" {
		return false
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return r.Header.Get("Ce-Id") != "" || err == nil && kind == "application/cloudevents+json"
}

// Events hands events to a function's batch handlers and jobs. It may be used concurrently.
type Events struct {
	Batches map[stream.Topic]stream.BatchFunc
	Jobs    map[string]func(context.Context) error
	Log     *slog.Logger
}

// NewEvents takes the events of an open function.
func NewEvents(fn *host.Instance) *Events {
	e := &Events{Batches: fn.Handlers(), Jobs: map[string]func(context.Context) error{}, Log: fn.Telemetry.Logger()}
	for _, j := range fn.Jobs {
		e.Jobs[j.Name] = j.Run
	}
	return e
}

// errRefused marks an event that can't be handled however often it comes.
var errRefused = errors.New("event refused")

// ServeHTTP answers 204 for what is done for good; 503 for what shall come again, which an ordered KafkaSource waits for;
// and 400 for what nobody here can handle, which goes to the source's dead letters.
func (e *Events) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := e.take(r.Context(), w, r)
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
		return
	case errors.Is(err, errRefused):
		http.Error(w, "the event can't be handled", http.StatusBadRequest)
	default:
		http.Error(w, "the event shall come again", http.StatusServiceUnavailable)
	}
	e.Log.ErrorContext(r.Context(), "event not handled", telemetry.Err, err)
}

func (e *Events) take(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxEvent)
	event, err := cehttp.NewEventFromHTTPRequest(r)
	if err != nil {
		return errors.Join(errRefused, err)
	}
	if err := event.Validate(); err != nil {
		return errors.Join(errRefused, err)
	}
	switch event.Type() {
	case typeKafka:
		return e.record(ctx, *event)
	case typePing:
		return e.ping(ctx, *event)
	}
	return fmt.Errorf("%w: type %q", errRefused, event.Type())
}

// record is a batch of one. How large batches come is for the group loop of the plain host.
func (e *Events) record(ctx context.Context, event cloudevents.Event) error {
	rec, err := recordOf(event)
	if err != nil {
		return errors.Join(errRefused, err)
	}
	handle := e.Batches[rec.Topic]
	if handle == nil {
		return fmt.Errorf("%w: no handler for topic %q", errRefused, rec.Topic)
	}
	if done, err := handle(ctx, []stream.Record{rec}); done < 1 {
		return fmt.Errorf("%s: %w", event.ID(), err)
	}
	return nil
}

func (e *Events) ping(ctx context.Context, event cloudevents.Event) (err error) {
	var input struct {
		Job string `json:"job"`
	}
	if err := json.Unmarshal(event.Data(), &input); err != nil {
		return errors.Join(errRefused, err)
	}
	run := e.Jobs[input.Job]
	if run == nil {
		return fmt.Errorf("%w: no job is named %q", errRefused, input.Job)
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("job %s panics: %v\n%s", input.Job, p, debug.Stack())
		}
	}()
	return run(ctx)
}
