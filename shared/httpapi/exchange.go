package httpapi

import (
	"context"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/token"
)

// exchange is one request and its answer: the response writer that routes write to, and what the API knows about the
// call. It is one allocation, and outlives the request when a route's goroutine keeps the context.
type exchange struct {
	http.ResponseWriter
	api       *API
	route     *route // nil until a route matched
	caller    *token.Identity
	span      trace.Span // nil while tracing is off
	requestID string
	remote    string   // the connection's other end
	forwarded []string // X-Forwarded-For as it came
	status    int
	discard   bool // a problem was written in place of what the mux goes on to write
}

// Unwrap lets http.ResponseController reach the connection.
func (ex *exchange) Unwrap() http.ResponseWriter { return ex.ResponseWriter }

// WriteHeader notes the status. The mux's own refusals, plain text, become problems.
func (ex *exchange) WriteHeader(status int) {
	if ex.status != 0 {
		return
	}
	if ex.route == nil && status >= http.StatusBadRequest {
		ex.refuse(newProblem(status, ""))
		ex.discard = true
		return
	}
	if status >= http.StatusOK {
		ex.status = status
	}
	if status == statusClientGone {
		return // nobody reads it, and it is no status of HTTP's
	}
	ex.ResponseWriter.WriteHeader(status)
}

func (ex *exchange) Write(b []byte) (int, error) {
	if ex.discard || ex.status == statusClientGone {
		return len(b), nil
	}
	if ex.status == 0 {
		ex.WriteHeader(http.StatusOK)
	}
	return ex.ResponseWriter.Write(b)
}

func (ex *exchange) refuse(p *Problem) {
	p.RequestID = ex.requestID
	ex.status = p.Status
	writeProblem(ex.ResponseWriter, p)
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ex := &exchange{ResponseWriter: w, api: a, requestID: requestID(r), remote: r.RemoteAddr, forwarded: r.Header["X-Forwarded-For"]}
	defer ex.finish(r, time.Now())

	a.headers.set(w.Header(), ex.requestID)
	delete(r.Header, "Baggage") // the server alone says whom a trace is about
	if a.cors.answer(ex, r) {
		return
	}
	a.mux.ServeHTTP(ex, r)
}

// finish ends the exchange, also after a panic: that answers 500, or cuts the connection when an answer has begun.
func (ex *exchange) finish(r *http.Request, start time.Time) {
	cause := recover()
	begun := ex.status != 0
	if cause != nil && cause != http.ErrAbortHandler {
		ex.api.log.ErrorContext(r.Context(), "request panicked", telemetry.Request, ex.requestID,
			telemetry.Method, r.Method, telemetry.Err, cause, telemetry.Stack, string(debug.Stack()))
		if !begun {
			ex.refuse(newProblem(http.StatusInternalServerError, ""))
		}
		ex.status = http.StatusInternalServerError
	}
	if ex.status == 0 {
		ex.status = http.StatusOK
	}
	ex.record(r, time.Since(start))
	if cause == http.ErrAbortHandler || cause != nil && begun {
		panic(http.ErrAbortHandler)
	}
}

func (ex *exchange) record(r *http.Request, took time.Duration) {
	rt := ex.route
	if rt == nil {
		rt = ex.api.unmatched[boundedMethod(r.Method)]
	}
	ex.api.telemetry.Metrics.HTTPRequestDuration.Record(r.Context(), took.Seconds(), rt.labels(ex.status, r.TLS != nil)...)
	if ex.span == nil {
		return
	}
	ex.span.SetAttributes(attribute.Int("http.response.status_code", ex.status))
	if ex.status >= http.StatusInternalServerError {
		ex.span.SetStatus(codes.Error, http.StatusText(ex.status))
	}
	ex.span.End()
}

// callContext carries the exchange to whoever asks for the caller, in one allocation.
type callContext struct {
	context.Context
	ex *exchange
}

type exchangeKey struct{}

func (c *callContext) Value(key any) any {
	if key == (exchangeKey{}) {
		return c.ex
	}
	return c.Context.Value(key)
}

func exchangeOf(ctx context.Context) *exchange {
	ex, _ := ctx.Value(exchangeKey{}).(*exchange)
	return ex
}

// Caller returns who calls, and false for a guest.
func Caller(ctx context.Context) (token.Identity, bool) {
	if ex := exchangeOf(ctx); ex != nil && ex.caller != nil {
		return *ex.caller, true
	}
	return token.Identity{}, false
}

// WithCaller returns ctx with a caller, for hosts and tests that call a route's method directly.
func WithCaller(ctx context.Context, caller token.Identity) context.Context {
	return &callContext{Context: ctx, ex: &exchange{caller: &caller}}
}

// RequestID returns the id that the answer's X-Request-Id header has, or "".
func RequestID(ctx context.Context) string {
	if ex := exchangeOf(ctx); ex != nil {
		return ex.requestID
	}
	return ""
}

// requestID takes over a proxy's id when it is harmless in a log, and makes one otherwise.
func requestID(r *http.Request) string {
	if ids := r.Header["X-Request-Id"]; len(ids) == 1 && harmless(ids[0]) {
		return ids[0]
	}
	var raw [8]byte
	n := rand.Uint64()
	for i := range raw {
		raw[i] = byte(n >> (8 * i))
	}
	return hex.EncodeToString(raw[:])
}

func harmless(id string) bool {
	if len(id) < 8 || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}
