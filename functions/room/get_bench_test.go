package room_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/storetest"
)

// BenchmarkGetRoom is GET /rooms/{id} without the network: routing, checks, caches, encoding.
func BenchmarkGetRoom(b *testing.B) {
	f := newFixture(b, storetest.Open(b, storetest.SQLite(b)), embeddedRedis(b), embeddedKafka(b))
	api := httpapi.New(httpapi.Config{Title: "bench", Telemetry: f.telemetry})
	f.Routes(api)
	h := api.Handler()
	r := httptest.NewRequest(http.MethodGet, fmt.Sprintf("/api/v1/rooms/%d", f.started(b).ID), nil)
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatalf("got %d %s", w.Code, w.Body)
		}
	}
}
