package httpapi

import (
	"context"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/token"
)

const methodOther = "_OTHER" // as the semantic conventions name methods they don't know

// adapter puts huma's operations on the API's mux. It is where a request has a route but no handler has run yet: the
// place for the span and the access check.
type adapter struct{ api *API }

// Handle implements huma.Adapter.
func (ad adapter) Handle(op *huma.Operation, next func(huma.Context)) {
	a := ad.api
	action, ok := op.Metadata[metaAction].(right.Action)
	if !ok {
		panic("operation " + op.Path + " was not registered by Route")
	}
	rt := newRoute(op.Method, op.Path)
	a.mux.HandleFunc(op.Method+" "+op.Path, func(w http.ResponseWriter, r *http.Request) {
		ex := w.(*exchange) // ServeHTTP is the mux's only caller
		ex.route = rt
		ctx := ex.begin(r)
		caller, refusal := a.admit(ctx, ex, action, r)
		if refusal != nil {
			ex.refuse(problemOf(refusal))
			return
		}
		ex.caller = caller
		next(&call{
			humaContext: humago.NewContext(op, r, ex),
			ctx:         &callContext{Context: ctx, ex: ex},
		})
	})
}

// admit is the door: limits, the caller's token, the table of rights.
func (a *API) admit(ctx context.Context, ex *exchange, do right.Action, r *http.Request) (*token.Identity, *live.Error) {
	household, refusal := a.limits.before(ex)
	if refusal != nil {
		return nil, refusal
	}
	caller, refusal := a.authorize(do, r)
	if refusal != nil {
		return nil, refusal
	}
	return caller, a.limits.after(ctx, household, caller)
}

// ServeHTTP implements huma.Adapter.
func (ad adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { ad.api.ServeHTTP(w, r) }

// begin continues the client's trace and, when spans go anywhere, starts the server's span.
func (ex *exchange) begin(r *http.Request) context.Context {
	ctx := r.Context()
	if parents := r.Header["Traceparent"]; len(parents) == 1 {
		ctx = telemetry.ExtractUntrusted(ctx, parents[0])
	}
	if ex.api.telemetry.Tracing() {
		ctx, ex.span = ex.api.telemetry.Tracer().Start(ctx, ex.route.name,
			trace.WithSpanKind(trace.SpanKindServer), ex.route.spanAttributes)
	}
	return ctx
}

// humaContext lets call embed huma.Context and still have a method Context.
type humaContext = huma.Context

// call is huma's view of an exchange.
type call struct {
	humaContext
	ctx context.Context
}

// Context implements huma.Context.
func (c *call) Context() context.Context { return c.ctx }

// route is what metrics and spans say about a route. Its labels are made once a status, not once a request.
type route struct {
	method, path   string
	name           string
	spanAttributes trace.SpanStartEventOption

	mu   sync.RWMutex
	sets map[labelKey][]metric.RecordOption
}

type labelKey struct {
	status int
	tls    bool
}

func newRoute(method, path string) *route {
	return &route{
		method: method, path: path, name: method + " " + path,
		spanAttributes: trace.WithAttributes(attribute.String("http.request.method", method),
			attribute.String("http.route", path)),
		sets: make(map[labelKey][]metric.RecordOption),
	}
}

// labels are bounded: routes are few, and so are the statuses that this code answers with.
func (rt *route) labels(status int, tls bool) []metric.RecordOption {
	key := labelKey{status, tls}
	rt.mu.RLock()
	set, ok := rt.sets[key]
	rt.mu.RUnlock()
	if ok {
		return set
	}
	scheme := "http"
	if tls {
		scheme = "https"
	}
	kv := []attribute.KeyValue{attribute.String("http.request.method", rt.method), attribute.String("url.scheme", scheme),
		attribute.Int("http.response.status_code", status)}
	if rt.path != "" {
		kv = append(kv, attribute.String("http.route", rt.path))
	}
	set = []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(kv...))}
	rt.mu.Lock()
	rt.sets[key] = set
	rt.mu.Unlock()
	return set
}

func boundedMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return method
	default:
		return methodOther
	}
}
