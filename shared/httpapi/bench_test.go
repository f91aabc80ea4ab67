package httpapi_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// BenchmarkRequest compares reading a room through the API with an empty net/http handler, over TCP, in one run: the
// budget is half of its requests/s.
//
//	go test -run '^$' -bench Request -benchmem -count 10 ./shared/httpapi
func BenchmarkRequest(b *testing.B) {
	empty := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	b.Run("empty", func(b *testing.B) { benchTCP(b, empty, "/api/v1/rooms/42", "") })
	b.Run("room", func(b *testing.B) { benchTCP(b, benchAPI(b), "/api/v1/rooms/42", "") })
	b.Run("room+token", func(b *testing.B) { benchTCP(b, benchAPI(b), "/api/v1/rooms/42", "Bearer viewer") })
}

// BenchmarkHandler is the same without the network: what the API itself costs.
func BenchmarkHandler(b *testing.B) {
	for name, header := range map[string]string{"guest": "", "token": "Bearer viewer"} {
		b.Run(name, func(b *testing.B) {
			h := benchAPI(b)
			r := httptest.NewRequest("GET", "/api/v1/rooms/42", nil)
			if header != "" {
				r.Header.Set("Authorization", header)
			}
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(discard{http.Header{}}, r)
			}
		})
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

func benchAPI(b *testing.B) http.Handler {
	b.Helper()
	tel, err := telemetry.Start(b.Context(), telemetry.Config{Service: "bench", Log: io.Discard, Getenv: func(string) string { return "" }})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = tel.Shutdown(context.Background()) })
	api := httpapi.New(httpapi.Config{Title: "bench", Verifier: people(), Telemetry: tel, AllowedOrigins: []string{"https://web.example"}})
	started := time.Now().UTC()
	room := live.Room{AnchorID: 7, Title: "A room with a title", Cover: "https://cdn.example/c/42.jpg", Status: live.RoomLive,
		ViewerCount: 1234, CreatedAt: started, UpdatedAt: started, StartedAt: &started, PlaybackURL: "https://cdn.example/42.m3u8"}
	httpapi.Route(api, httpapi.Op{Method: "GET", Path: "/api/v1/rooms/{id}", Summary: "Read a room", Action: right.Look},
		func(_ context.Context, in *roomInput) (*httpapi.Body[live.Room], error) {
			r := room
			r.ID = in.ID
			return &httpapi.Body[live.Room]{Body: r}, nil
		})
	return api.Handler()
}

func benchTCP(b *testing.B, h http.Handler, path, authorization string) {
	server := httptest.NewServer(h)
	defer server.Close()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		req, err := http.NewRequest("GET", server.URL+path, nil)
		if err != nil {
			b.Error(err)
			return
		}
		if authorization != "" {
			req.Header.Set("Authorization", authorization)
		}
		for pb.Next() {
			resp, err := client.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != 200 {
				b.Errorf("got %d, %v", resp.StatusCode, err)
				return
			}
		}
	})
}
