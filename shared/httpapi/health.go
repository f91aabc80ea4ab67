package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/barrage-live/barrage/shared/telemetry"
)

// A readiness check has this long. Its result is kept for a moment, so that whoever asks often does not load the
// servers behind it.
const (
	checkTimeout = 2 * time.Second
	checkKept    = time.Second
)

// ServeHealth mounts /health/live, /health/ready and /metrics.
func (a *API) ServeHealth(checks map[string]func(context.Context) error) {
	h := Health(checks, a.log)
	a.Mount("GET /health/live", h)
	a.Mount("GET /health/ready", h)
	a.Mount("GET /metrics", a.telemetry.PrometheusHandler())
}

// Health answers /health/live with 200 as long as the process runs, and /health/ready with 200 when every check
// succeeds, else 503 with the names of those that don't. Why they don't is logged, not shown.
func Health(checks map[string]func(context.Context) error, log *slog.Logger) http.Handler {
	ready := &readiness{checks: checks, log: log, turn: make(chan struct{}, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health/live", func(w http.ResponseWriter, _ *http.Request) { healthy(w) })
	mux.HandleFunc("GET /health/ready", func(w http.ResponseWriter, r *http.Request) {
		missing := ready.missing(context.WithoutCancel(r.Context()))
		if len(missing) == 0 {
			healthy(w)
			return
		}
		p := newProblem(http.StatusServiceUnavailable, "Not ready.")
		for _, name := range missing {
			p.Errors = append(p.Errors, FieldError{Location: name, Message: "not available"})
		}
		writeProblem(w, p)
	})
	return mux
}

func healthy(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"status":"ok"}` + "\n")) // the prober may be gone
}

// readiness runs the checks together, once at a time.
type readiness struct {
	checks map[string]func(context.Context) error
	log    *slog.Logger

	turn  chan struct{} // taken while checks run: whoever comes meanwhile waits for the same result
	until time.Time
	last  []string
}

func (rd *readiness) missing(ctx context.Context) []string {
	rd.turn <- struct{}{}
	defer func() { <-rd.turn }()
	if time.Now().Before(rd.until) {
		return rd.last
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()

	type outcome struct {
		name string
		err  error
	}
	// Buffered: a check that ignores its context may answer when nobody waits any more.
	outcomes := make(chan outcome, len(rd.checks))
	waiting := make(map[string]bool, len(rd.checks))
	for name, check := range rd.checks {
		waiting[name] = true
		go func() { outcomes <- outcome{name, guarded(ctx, check)} }()
	}
	missing := []string{}
	for len(waiting) > 0 {
		select {
		case o := <-outcomes:
			delete(waiting, o.name)
			if o.err != nil {
				missing = append(missing, o.name)
				rd.log.WarnContext(ctx, "not ready", telemetry.Check, o.name, telemetry.Err, o.err)
			}
		case <-ctx.Done():
			for name := range waiting {
				missing = append(missing, name)
				rd.log.WarnContext(ctx, "not ready", telemetry.Check, name, telemetry.Err, ctx.Err())
			}
			clear(waiting)
		}
	}
	slices.Sort(missing)
	rd.last, rd.until = missing, time.Now().Add(checkKept)
	return missing
}

// guarded turns a check's panic into its error: it runs on a goroutine of its own, where nothing else would catch it.
func guarded(ctx context.Context, check func(context.Context) error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("check panicked: %v", cause)
		}
	}()
	return check(ctx)
}
