package httpapi

import (
	"log/slog"
	"net/http"
	"time"
)

// maxHeaders bounds a request's headers; a token has at most 2 KiB.
const maxHeaders = 16 << 10

// NewServer returns a server for h with the limits that keep slow and greedy clients from holding connections: none of
// them is the default of net/http. The caller listens, serves and shuts down.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       90 * time.Second,
		MaxHeaderBytes:    maxHeaders,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
