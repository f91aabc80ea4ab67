// Package httpapi is the platform's HTTP edge: it decodes and checks requests, authenticates callers, and answers every
// refusal with the same problem body, so that a function's routes hold business steps only.
package httpapi

import (
	"log/slog"
	"net/http"
	"net/netip"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/token"
)

// MaxBody is the longest request body in bytes; a longer one is refused with 413.
const MaxBody = 64 << 10

// Verifier says who bears a token. Its error may be a *live.Error; anything else counts as an invalid token.
type Verifier interface {
	Verify(raw string) (token.Identity, error)
}

// Config says what an API needs. Only Title must be set.
type Config struct {
	Title          string
	Version        string
	Verifier       Verifier             // nil: every token is refused
	Telemetry      *telemetry.Telemetry // nil: none
	AllowedOrigins []string             // web origins that browsers may call from, exact: https://host[:port]
	TrustedProxies []netip.Prefix       // whose X-Forwarded-For is believed: see ClientAddr
	PerAddress     Limiter              // of requests by the client's household; nil: none
	PerUser        Limiter              // of requests by the caller; nil: none
}

// API is a set of routes. Register all of them before the first request; then it serves concurrently.
type API struct {
	verifier  Verifier
	telemetry *telemetry.Telemetry
	log       *slog.Logger
	headers   fixedHeaders
	cors      cors
	proxies   []netip.Prefix
	limits    limits
	mux       *http.ServeMux
	huma      huma.API
	routes    []RouteInfo
	unmatched map[string]*route // by method, for requests that no route answers
}

// RouteInfo is one route of an API, for tests that walk them all.
type RouteInfo struct {
	Method, Path string
	Action       right.Action
}

// New makes an API without routes but /openapi.json and /docs.
func New(cfg Config) *API {
	if cfg.Telemetry == nil {
		cfg.Telemetry = telemetry.Discard()
	}
	if cfg.Version == "" {
		cfg.Version = "1"
	}
	a := &API{
		verifier:  cfg.Verifier,
		telemetry: cfg.Telemetry,
		log:       cfg.Telemetry.Logger(),
		headers:   newFixedHeaders(),
		cors:      newCORS(cfg.AllowedOrigins),
		proxies:   cfg.TrustedProxies,
		limits:    limits{address: cfg.PerAddress, user: cfg.PerUser},
		mux:       http.NewServeMux(),
		unmatched: make(map[string]*route),
	}
	for _, method := range knownMethods() {
		a.unmatched[method] = newRoute(method, "")
	}
	a.huma = huma.NewAPI(humaConfig(cfg), adapter{a})
	a.mountDocs()
	return a
}

// Handler serves the API.
func (a *API) Handler() http.Handler { return a }

// Routes lists the routes registered so far.
func (a *API) Routes() []RouteInfo { return slices.Clone(a.routes) }

// Mount serves a plain handler under the pattern ("GET /health/live") with the API's headers, metrics and panic guard,
// but outside of its description and without authentication.
func (a *API) Mount(pattern string, h http.Handler) {
	method, path := splitPattern(pattern)
	rt := newRoute(method, path)
	a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if ex, ok := w.(*exchange); ok {
			ex.route = rt
		}
		h.ServeHTTP(w, r)
	})
}

func humaConfig(cfg Config) huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: cfg.Title, Version: cfg.Version},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", newSchemaNamer()),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					bearerScheme: {Type: "http", Scheme: "bearer", BearerFormat: "JWT"},
				},
			},
		},
		Formats:       map[string]huma.Format{"application/json": jsonFormat(), "json": jsonFormat()},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{problemsOnly},
	}
}
