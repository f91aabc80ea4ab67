package review

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/goleak"

	"github.com/barrage-live/barrage/shared/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "between us"

// endpoint is a real server of the operator's.
func endpoint(t *testing.T, answer http.HandlerFunc) *url.URL {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL + "/review")
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func hook(t *testing.T, c Config) *Hook {
	t.Helper()
	c.Secret = secret
	if c.Deadline == 0 {
		c.Deadline = 20 * time.Second // no test waits for it
	}
	h, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

func kinds(verdicts []Verdict) []Kind {
	var all []Kind
	for _, v := range verdicts {
		all = append(all, v.Kind)
	}
	return all
}

func texts(content ...string) []Text {
	var all []Text
	for i, c := range content {
		all = append(all, Text{ID: strconv.Itoa(i), User: 7, Nickname: "n", Content: c})
	}
	return all
}

func TestVerdicts(t *testing.T) {
	h := hook(t, Config{URL: endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		stamp, _ := strconv.ParseInt(r.Header.Get(TimestampHeader), 10, 64)
		if err != nil || r.Header.Get(SignatureHeader) != Sign(secret, stamp, body) {
			t.Errorf("the signature is not that of the body: %v", err)
		}
		var q question
		if err := json.Unmarshal(body, &q); err != nil || q.Room != 42 || len(q.Messages) != 4 || q.Messages[1].Content != "tea" || q.Messages[1].User != 7 {
			t.Errorf("got %s, %v", body, err)
		}
		write(t, w, `{"verdicts":[{"verdict":"allow"},{"verdict":"mask","content":" *** "},{"verdict":"hold"},{"verdict":"refuse"}]}`)
	})})
	got := h.Review(t.Context(), 42, texts("a", "tea", "c", "d"))
	if want := []Kind{Allow, Mask, Hold, Refuse}; !slices.Equal(kinds(got), want) || got[1].Content != "***" {
		t.Fatalf("got %+v, want %v", got, want)
	}
	for i, want := range []string{"", "", CodeHeld, CodeRefused} {
		if err := got[i].Err(); (err == nil) != (want == "") || err != nil && err.Code != want {
			t.Errorf("verdict %d: got %v, want %q", i, err, want)
		}
	}
}

func write(t *testing.T, w http.ResponseWriter, body string) {
	t.Helper()
	if _, err := io.WriteString(w, body); err != nil {
		t.Logf("write: %v", err) // whoever asked may have given up
	}
}

// Whatever is wrong with the endpoint, nothing is shown unseen, unless the operator wants it so.
func TestFailures(t *testing.T) {
	gone := endpoint(t, func(http.ResponseWriter, *http.Request) {})
	gone.Host = "127.0.0.1:1"
	for name, u := range map[string]*url.URL{
		"broken":  endpoint(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }),
		"garbage": endpoint(t, func(w http.ResponseWriter, _ *http.Request) { write(t, w, `<html>`) }),
		"nothing": endpoint(t, func(http.ResponseWriter, *http.Request) {}),
		"too few": endpoint(t, func(w http.ResponseWriter, _ *http.Request) { write(t, w, `{"verdicts":[{"verdict":"allow"}]}`) }),
		"unknown": endpoint(t, func(w http.ResponseWriter, _ *http.Request) {
			write(t, w, `{"verdicts":[{"verdict":"allow"},{"verdict":"?"}]}`)
		}),
		"masks by nothing": endpoint(t, func(w http.ResponseWriter, _ *http.Request) {
			write(t, w, `{"verdicts":[{"verdict":"allow"},{"verdict":"mask"}]}`)
		}),
		"endless": endpoint(t, func(w http.ResponseWriter, _ *http.Request) { write(t, w, strings.Repeat(" ", maxAnswer+1)) }),
		"redirects": endpoint(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		}),
		"hangs up":          endpoint(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		"nobody is at home": gone,
	} {
		t.Run(name, func(t *testing.T) {
			for _, open := range []bool{false, true} {
				h := hook(t, Config{URL: u, Open: open})
				for _, v := range h.Review(t.Context(), 42, texts("a", "b")) {
					err := v.Err()
					if v.Kind != Failed || (err == nil) != open || err != nil && (err.Code != CodeUnreviewed || err.RetryAfter <= 0) {
						t.Errorf("open %v: got %+v, %v", open, v, err)
					}
				}
			}
		})
	}
}

// Who is slow is not waited for beyond the deadline.
func TestSlowEndpoint(t *testing.T) {
	u := endpoint(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server would not see the client leave
		<-r.Context().Done()
	})
	reader := sdkmetric.NewManualReader()
	tel, err := telemetry.Start(t.Context(), telemetry.Config{Getenv: func(string) string { return "" }, MetricReader: reader, Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tel.Shutdown(context.Background()) }() // nothing is exported
	h := hook(t, Config{URL: u, Deadline: 50 * time.Millisecond, Concurrency: 2, Metrics: tel.Metrics})
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if got := h.Review(context.Background(), 42, texts("a")); got[0].Kind != Failed {
				t.Errorf("got %+v", got)
			}
		})
	}
	all.Wait() // it ends: that is the deadline
	if got := failed(t, reader); got != 10 {
		t.Errorf("got %d failures counted, want 10", got)
	}
}

// There are no more questions at once than are allowed.
func TestQuestionsAreBounded(t *testing.T) {
	var now, most atomic.Int32
	release := make(chan struct{})
	h := hook(t, Config{Concurrency: 2, URL: endpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		<-release
		now.Add(-1) // before the answer, which frees the place
		write(t, w, `{"verdicts":[{"verdict":"allow"}]}`)
	})})
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if got := h.Review(context.Background(), 42, texts("a")); got[0].Kind != Allow {
				t.Errorf("got %+v", got)
			}
		})
	}
	for range 10 {
		release <- struct{}{}
	}
	all.Wait()
	if got := most.Load(); got > 2 {
		t.Errorf("got %d questions at once, want at most 2", got)
	}
}

func failed(t *testing.T, reader *sdkmetric.ManualReader) (total int64) {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &rm); err != nil {
		t.Fatal(err)
	}
	for _, scope := range rm.ScopeMetrics {
		for _, m := range scope.Metrics {
			if s, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == "review.verdicts" {
				for _, p := range s.DataPoints {
					if outcome, _ := p.Attributes.Value("outcome"); outcome.AsString() == string(Failed) {
						total += p.Value
					}
				}
			}
		}
	}
	return total
}

func TestNewRefuses(t *testing.T) {
	u := &url.URL{Scheme: "https", Host: "review.example"}
	for name, c := range map[string]Config{
		"no address": {Secret: secret}, "no secret": {URL: u}, "a file": {URL: &url.URL{Scheme: "file", Path: "/etc/passwd"}, Secret: secret},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"verdicts":[{"verdict":"allow"},{"verdict":"mask","content":"x"}]}`), 2)
	f.Add([]byte(`{"verdicts":null}`), 0)
	f.Add([]byte(`[]`), 1)
	f.Fuzz(func(t *testing.T, raw []byte, n int) {
		n = min(max(n, 0), 256)
		verdicts, err := decode(raw, n)
		if err != nil {
			return
		}
		if len(verdicts) != n {
			t.Fatalf("got %d verdicts, want %d", len(verdicts), n)
		}
		for _, v := range verdicts {
			if v.Kind == Failed || v.Kind == Mask && v.Content == "" {
				t.Fatalf("got %+v", v)
			}
		}
	})
}
