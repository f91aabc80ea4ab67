package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/history"
	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
)

// What is said in a room is seen when one looks back, in SQL and in ClickHouse; and the overview counts it.
func TestLookBack(t *testing.T) {
	eachStack(t, lookBack)
	if server := os.Getenv("BARRAGE_TEST_CLICKHOUSE"); server != "" {
		t.Run("clickhouse", func(t *testing.T) {
			database := fmt.Sprintf("look_back_%016x", rand.Uint64()) // goes with the server
			lookBack(t, startStack(t, env(append(unlimited(), "CLICKHOUSE_URL="+server+"/"+database)...)))
		})
	}
}

func lookBack(t *testing.T, s *Stack) {
	anchor := register(t, s, "history-anchor")
	room := anchor.liveRoom("looked back at")
	conn, _ := dial(t, s, clientOptions(room.ID, anchor.token))
	const n = 5
	for i := range n {
		if err := conn.Send(live.Message{Type: live.Danmu, ID: fmt.Sprint("look-", i), Content: "remember me"}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, 60*time.Second, func() (bool, string) {
		var line httpapi.Page[history.Point]
		anchor.must(http.StatusOK, "GET", fmt.Sprintf("/api/v1/stats/rooms/%d/timeline", room.ID), nil, &line)
		sum := int64(0)
		for _, p := range line.Items {
			sum += p.Danmu
		}
		return sum == n, fmt.Sprintf("got %d danmu in the timeline, want %d", sum, n)
	})
	eventually(t, 60*time.Second, func() (bool, string) {
		var all struct {
			Danmu int64 `json:"danmu"`
			Lag   []struct {
				Group string `json:"group"`
			} `json:"lag"`
		}
		anchor.must(http.StatusOK, "GET", "/api/v1/stats/overview", nil, &all)
		return all.Danmu >= n && len(all.Lag) >= 4, fmt.Sprintf("got %+v, want at least %d danmu and four readers", all, n)
	})
}
