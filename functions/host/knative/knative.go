// Package knative runs a function in the shape that Knative's func asks of an instance: New, Handle, Start, Stop, Ready and
// Alive. Requests go to the function's routes; CloudEvents of a KafkaSource are records, those of a PingSource jobs.
package knative

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"

	"github.com/barrage-live/barrage/functions/host"
	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
)

// Function is one instance. The service of func serves it while Start still runs: until then nothing is answered but 503.
type Function struct {
	kind host.Kind
	open atomic.Pointer[opened]
}

// opened is what Start leaves to the other methods.
type opened struct {
	fn      *host.Instance
	handler http.Handler
	stop    context.CancelFunc
	ended   chan struct{}
}

// New makes an instance that is not open yet.
func New(kind host.Kind) *Function { return &Function{kind: kind} }

// Start opens the function with the settings that func hands over: the environment, and a file named cfg before it. Its
// error ends the process, and Knative starts another one.
func (f *Function) Start(ctx context.Context, settings map[string]string) error {
	fn, err := host.Open(ctx, f.kind, func(name string) string { return settings[name] })
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	o := &opened{fn: fn, handler: Serve(fn.HTTP, NewEvents(fn)), stop: stop, ended: make(chan struct{})}
	go func() { defer close(o.ended); fn.Run(running) }()
	f.open.Store(o)
	return nil
}

// Stop closes the function. func calls it when no request is left.
func (f *Function) Stop(ctx context.Context) error {
	o := f.open.Swap(nil)
	if o == nil {
		return nil
	}
	o.stop()
	<-o.ended
	return o.fn.Close(ctx)
}

var errStarting = live.Errorf(live.KindUnavailable, "starting", "The function is starting.")

// Handle answers a request or an event.
func (f *Function) Handle(w http.ResponseWriter, r *http.Request) {
	o := f.open.Load()
	if o == nil {
		httpapi.WriteError(w, errStarting)
		return
	}
	o.handler.ServeHTTP(w, r)
}

// Serve gives events to one handler and requests to the other.
func Serve(requests http.Handler, events *Events) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isEvent(r) {
			events.ServeHTTP(w, r)
			return
		}
		requests.ServeHTTP(w, r)
	})
}

// Ready says whether requests may come: func's own health routes hide those of the function.
func (f *Function) Ready(ctx context.Context) (bool, error) {
	o := f.open.Load()
	if o == nil {
		return false, nil
	}
	if err := o.fn.Ready(ctx); err != nil {
		return false, errors.Join(errors.New("not ready"), err)
	}
	return true, nil
}

// Alive is true as long as the process answers at all: a restart heals nothing that is missing elsewhere.
func (f *Function) Alive(context.Context) (bool, error) { return true, nil }
