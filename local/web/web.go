// Package web is the page on which a person watches a live room: plain ES modules and one style sheet a part of the
// screen, served as they stand in this folder.
package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
)

// FS holds the files of the page; index.html is its front, dashboard/index.html the operator's, replay/index.html plays
// recordings.
//
//go:embed *.html *.css *.js *.svg dashboard replay
var FS embed.FS

// DemoUser is an account that the login panel offers with one click.
type DemoUser struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// Config is what the page can't know by itself. It is served as /config.json.
type Config struct {
	SocketURL string     `json:"socket_url"` // ws://host:port/ws, without a query
	DemoUsers []DemoUser `json:"demo_users"` // offered on the login panel; never set in production
	DemoCoins string     `json:"demo_coins"` // where a POST fills the caller's wallet; empty in production
	Pictures  []string   `json:"-"`          // origins (http://host:port) that pictures are put to and seen at
}

// anywhere is where the replay's videos may lie: people enter their addresses, and hls.js fetches what those name. Over
// plain HTTP that is their own machine alone.
const anywhere = "https: http://127.0.0.1:* http://localhost:*"

// Handler serves the page and its config under a content policy that allows nothing but the page's own files,
// pictures and videos over HTTPS, the socket of c, and its store of pictures; the replay may fetch videos from anywhere.
func Handler(c Config) (http.Handler, error) {
	socket, err := url.Parse(c.SocketURL)
	if err != nil || socket.Host == "" {
		return nil, fmt.Errorf("socket URL %q of the page: want ws://host/path", c.SocketURL)
	}
	config, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode the page's config: %w", err)
	}
	tag, err := fingerprint()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /config.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(config) // the reader has gone: there is nobody to tell
	})
	files := http.FileServerFS(FS)
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		// Embedded files have no date; the tag lets a browser keep them and still see a new build at once.
		w.Header().Set("ETag", tag)
		w.Header().Set("Cache-Control", "no-cache")
		files.ServeHTTP(w, r)
	})
	room := policy(append([]string{socket.Scheme + "://" + socket.Host}, c.Pictures...), c.Pictures, "https:")
	replay := policy([]string{anywhere}, c.Pictures, anywhere)
	return guard(mux, func(path string) string {
		if strings.HasPrefix(path, "/replay/") {
			return replay
		}
		return room
	}), nil
}

func policy(calls, pictures []string, videos string) string {
	calls = append([]string{"connect-src 'self'"}, calls...)
	images := append([]string{"img-src 'self' https: data:"}, pictures...)
	return strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", strings.Join(calls, " "), strings.Join(images, " "),
		"media-src 'self' blob: " + videos, "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
	}, "; ")
}

func guard(next http.Handler, policy func(path string) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy(r.URL.Path))
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

// fingerprint is a strong ETag over every file of the page.
func fingerprint() (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := FS.ReadFile(name)
		if err != nil {
			return err
		}
		sum.Write([]byte(name))
		sum.Write(body)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("read the page's files: %w", err)
	}
	return `"` + hex.EncodeToString(sum.Sum(nil)[:12]) + `"`, nil
}
