package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/barrage-live/barrage/shared/httpapi"
)

func TestCORS(t *testing.T) {
	f := newFixture(t, nil)
	const origin, allowOrigin = "https://web.example", "Access-Control-Allow-Origin"
	preflight := func(from string) answer {
		return f.do(t, "OPTIONS", "/api/v1/rooms", "", "Origin", from,
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization")
	}

	got := preflight(origin)
	if got.StatusCode != 204 || got.Header.Get(allowOrigin) != origin || got.Header.Get("Access-Control-Allow-Methods") == "" {
		t.Errorf("got %d %v, want the origin allowed", got.StatusCode, got.Header)
	}
	if got.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Error("got credentials allowed: tokens travel in a header")
	}
	for _, from := range []string{"https://evil.example", "https://web.example.evil.example", "http://web.example", "https://WEB.example", "null"} {
		got := preflight(from)
		got.wantProblem(t, 403, "origin_not_allowed")
		if got.Header.Get(allowOrigin) != "" {
			t.Errorf("%s: got it allowed", from)
		}
	}
	for from, want := range map[string]string{origin: origin, "https://evil.example": "", "": ""} {
		var headers []string
		if from != "" {
			headers = []string{"Origin", from}
		}
		got := f.do(t, "GET", "/api/v1/rooms/1", "", headers...)
		if got.StatusCode != 200 || got.Header.Get(allowOrigin) != want || got.Header.Get("Vary") != "Origin" {
			t.Errorf("from %q: got %d %v, want allowed %q", from, got.StatusCode, got.Header, want)
		}
	}
}

func TestWithoutOriginsNoneIsAllowed(t *testing.T) {
	f := newFixture(t, func(cfg *httpapi.Config) { cfg.AllowedOrigins = nil })
	f.do(t, "OPTIONS", "/api/v1/rooms", "", "Origin", "https://web.example", "Access-Control-Request-Method", "POST").
		wantProblem(t, 403, "origin_not_allowed")
	if got := f.do(t, "GET", "/api/v1/rooms/1", "", "Origin", "https://web.example"); got.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("got %v, want no origin allowed", got.Header)
	}
}

func TestBaggageOfClientsIsDropped(t *testing.T) {
	f := newFixture(t, nil)
	seen := make(chan http.Header, 1)
	f.api.Mount("GET /seen", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header }))
	f.do(t, "GET", "/seen", "", "Baggage", "user.id=1", "Baggage", "x=y", "X-Kept", "1")
	if got := <-seen; got.Get("Baggage") != "" || got.Get("X-Kept") != "1" {
		t.Errorf("got %v, want it without baggage", got)
	}
}
