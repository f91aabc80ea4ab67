package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/barrage-live/barrage/shared/live"
)

// roomTable is Redis without Redis.
type roomTable struct {
	mu    sync.Mutex
	rooms map[live.RoomID]live.Room
}

func (r *roomTable) Room(_ context.Context, id live.RoomID) (live.Room, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	info, ok := r.rooms[id]
	return info, ok, nil
}

func (r *roomTable) PutRoom(_ context.Context, info live.Room) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rooms[info.ID] = info
	return nil
}

func TestRoomsAreAskedForOnce(t *testing.T) {
	var asked atomic.Int64
	entered, release := make(chan struct{}, 1), make(chan struct{})
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch r.URL.Path {
		case "/base/api/v1/rooms/1":
			entered <- struct{}{}
			<-release
			if err := json.NewEncoder(w).Encode(live.Room{ID: 1, Title: "one", Status: live.RoomLive}); err != nil {
				t.Error(err)
			}
		case "/base/api/v1/rooms/2":
			http.NotFound(w, r)
		case "/base/api/v1/rooms/3":
			http.Error(w, "no", http.StatusInternalServerError)
		case "/base/api/v1/rooms/4":
			_, err := w.Write([]byte(`{"id":5}`))
			if err != nil {
				t.Error(err)
			}
		}
	}))
	defer api.Close()
	base, err := url.Parse(api.URL + "/base/")
	if err != nil {
		t.Fatal(err)
	}
	rooms := NewRoomAPI(&roomTable{rooms: map[live.RoomID]live.Room{9: {ID: 9}}}, base)
	defer rooms.Close()

	if info, ok, err := rooms.Room(t.Context(), 9); err != nil || !ok || info.ID != 9 || asked.Load() != 0 {
		t.Errorf("got %+v, %t, %v after %d questions", info, ok, err, asked.Load())
	}
	gone, cancel := context.WithCancel(t.Context())
	var leaver, all sync.WaitGroup
	leaver.Go(func() {
		if _, _, err := rooms.Room(gone, 1); err == nil {
			t.Error("got a room for a caller who left")
		}
	})
	<-entered
	for range 10 {
		all.Go(func() {
			if info, ok, err := rooms.Room(t.Context(), 1); err != nil || !ok || info.Title != "one" {
				t.Errorf("got %+v, %t, %v", info, ok, err)
			}
		})
	}
	cancel() // who asked first does not take the answer away from the others
	leaver.Wait()
	close(release)
	all.Wait()
	for range 3 {
		if _, ok, err := rooms.Room(t.Context(), 2); err != nil || ok {
			t.Errorf("got %t, %v for an unknown room", ok, err)
		}
	}
	if got := asked.Load(); got != 2 {
		t.Errorf("got %d questions, want one for each room", got)
	}
	for _, id := range []live.RoomID{3, 4} {
		if _, ok, err := rooms.Room(t.Context(), id); err == nil || ok {
			t.Errorf("room %d: got %t without an error", id, ok)
		}
	}
}
