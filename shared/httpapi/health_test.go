package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/barrage-live/barrage/shared/httpapi"
)

type checks = map[string]func(context.Context) error

func TestHealth(t *testing.T) {
	f := newFixture(t, nil)
	var down atomic.Bool
	f.api.ServeHealth(checks{
		"redis": func(context.Context) error { return nil },
		"kafka": func(context.Context) error {
			if down.Load() {
				return errors.New("dial tcp 10.0.0.7:9092: refused")
			}
			return nil
		},
	})
	for _, path := range []string{"/health/live", "/health/ready"} {
		if got := f.do(t, "GET", path, ""); got.StatusCode != 200 || strings.TrimSpace(string(got.body)) != `{"status":"ok"}` {
			t.Errorf("%s: got %d %s, want ok", path, got.StatusCode, got.body)
		}
	}
	got := f.do(t, "GET", "/metrics", "")
	if got.StatusCode != 200 || !strings.Contains(string(got.body), `http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200",http_route="/health/ready"`) {
		t.Errorf("got %d and metrics without the requests before:\n%s", got.StatusCode, got.body)
	}
}

func TestReadyNamesWhatIsMissing(t *testing.T) {
	f := newFixture(t, nil)
	f.api.ServeHealth(checks{
		"redis": func(context.Context) error { return nil },
		"kafka": func(context.Context) error { return errors.New("dial tcp 10.0.0.7:9092: refused") },
		"mysql": func(context.Context) error { panic("bug") },
	})
	got := f.do(t, "GET", "/health/ready", "")
	var p httpapi.Problem
	if err := json.Unmarshal(got.body, &p); err != nil {
		t.Fatal(err)
	}
	if got.StatusCode != 503 || p.Code != "unavailable" || len(p.Errors) != 2 || p.Errors[0].Location != "kafka" || p.Errors[1].Location != "mysql" {
		t.Errorf("got %d %s, want kafka and mysql named", got.StatusCode, got.body)
	}
	if got.Header.Get("Retry-After") == "" || strings.Contains(string(got.body), "10.0.0.7") {
		t.Errorf("got %v %s, want Retry-After and no address", got.Header, got.body)
	}
	if logs := f.logs.String(); !strings.Contains(logs, "10.0.0.7") {
		t.Errorf("got logs %s, want the cause", logs)
	}
	if got := f.do(t, "GET", "/health/live", ""); got.StatusCode != 200 {
		t.Errorf("got live %d, want 200: the process runs", got.StatusCode)
	}
}

func TestReadyChecksOnceAndHasALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		h := httpapi.Health(checks{"stuck": func(ctx context.Context) error {
			calls.Add(1)
			<-ctx.Done()
			return ctx.Err()
		}}, slog.New(slog.DiscardHandler))
		ready := func() int {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/health/ready", nil))
			return w.Code
		}
		start := time.Now()
		for range 5 {
			go func() {
				if got := ready(); got != 503 {
					t.Errorf("got %d, want 503", got)
				}
			}()
		}
		if got := ready(); got != 503 || time.Since(start) > 3*time.Second {
			t.Errorf("got %d after %v, want 503 after the limit of one check", got, time.Since(start))
		}
		synctest.Wait()
		if got := calls.Load(); got != 1 {
			t.Errorf("got %d calls, want 1 for all", got)
		}
		time.Sleep(1100 * time.Millisecond) // the bubble's clock
		ready()
		if got := calls.Load(); got != 2 {
			t.Errorf("got %d calls, want another one when the result is old", got)
		}
	})
}
