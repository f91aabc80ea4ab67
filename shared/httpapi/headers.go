package httpapi

import (
	"net/http"

	"github.com/barrage-live/barrage/shared/live"
)

var errOrigin = live.Errorf(live.KindForbidden, "origin_not_allowed", "This web origin may not call the API.")

// fixedHeaders are what every answer carries, made once. Nothing of the API is a page, and nothing of it may be cached
// unless the route says so. The slices are full: whoever adds to one gets a copy.
type fixedHeaders struct{ sniff, cache, policy []string }

func newFixedHeaders() fixedHeaders {
	return fixedHeaders{
		sniff:  []string{"nosniff"},
		cache:  []string{"no-store"},
		policy: []string{"default-src 'none'; frame-ancestors 'none'"},
	}
}

func (f fixedHeaders) set(h http.Header, requestID string) {
	h["X-Request-Id"] = []string{requestID}
	h["X-Content-Type-Options"] = f.sniff
	h["Cache-Control"] = f.cache
	h["Content-Security-Policy"] = f.policy
}

// cors lets browsers of the allowed origins call the API. Tokens travel in a header, so no credentials are allowed.
type cors struct {
	origins map[string]bool
	vary    []string
}

func newCORS(origins []string) cors {
	c := cors{origins: make(map[string]bool, len(origins)), vary: []string{"Origin"}}
	for _, o := range origins {
		c.origins[o] = true
	}
	return c
}

// answer sets the headers for the request's origin, and answers preflights; it says whether it did the latter.
func (c cors) answer(ex *exchange, r *http.Request) bool {
	if len(c.origins) == 0 && r.Method != http.MethodOptions {
		return false
	}
	h := ex.ResponseWriter.Header()
	h["Vary"] = c.vary
	origin := r.Header.Get("Origin")
	allowed := c.origins[origin]
	if allowed {
		h["Access-Control-Allow-Origin"] = []string{origin}
		h["Access-Control-Expose-Headers"] = []string{"Retry-After, X-Request-Id"}
	}
	if r.Method != http.MethodOptions || origin == "" || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	if !allowed {
		ex.refuse(problemOf(errOrigin))
		return true
	}
	h["Access-Control-Allow-Methods"] = []string{"GET, POST, PUT, PATCH, DELETE"}
	h["Access-Control-Allow-Headers"] = []string{"Authorization, Content-Type, Idempotency-Key, Prefer, X-Request-Id, Traceparent"}
	h["Access-Control-Max-Age"] = []string{"600"}
	ex.noContent()
	return true
}

// noContent answers with nothing but headers.
func (ex *exchange) noContent() {
	ex.status = http.StatusNoContent
	ex.ResponseWriter.WriteHeader(http.StatusNoContent)
}
