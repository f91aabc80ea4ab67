package stats

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/gifters"
	"github.com/barrage-live/barrage/shared/httpapi"
)

func TestGiftersOfADay(t *testing.T) {
	onEachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		s := service(t, Deps{Redis: rdb})
		const room = 987_654_321_012
		day := time.Date(2026, 2, 28, 12, 0, 0, 0, time.UTC)
		if err := gifters.New(rdb).Put(t.Context(), []gifters.Total{
			{Room: room, Day: day, User: 7, Coins: 9, Version: 1, Nickname: "a"}, {Room: room, Day: day, User: 8, Coins: 40, Version: 1},
		}); err != nil {
			t.Fatal(err)
		}
		api := httpapi.New(httpapi.Config{Title: "stats"})
		s.Routes(api)
		server := httptest.NewServer(api.Handler())
		defer server.Close()
		for query, want := range map[string]struct {
			status int
			body   string
		}{
			"?day=2026-02-28":         {200, `{"items":[{"rank":1,"user_id":8,"score":40},{"rank":2,"user_id":7,"nickname":"a","score":9}],"next_cursor":""}` + "\n"},
			"?day=2026-02-28&limit=1": {200, `{"items":[{"rank":1,"user_id":8,"score":40}],"next_cursor":""}` + "\n"},
			"":                        {200, `{"items":[],"next_cursor":""}` + "\n"},
			"?day=2026-02-31":         {422, ""},
			"?limit=0":                {422, ""},
		} {
			res, err := http.Get(server.URL + "/api/v1/stats/rooms/987654321012/gifters" + query)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			if err := res.Body.Close(); err != nil {
				t.Fatal(err)
			}
			if err != nil || res.StatusCode != want.status || want.body != "" && string(body) != want.body {
				t.Errorf("%q: %d %s (%v), want %d %s", query, res.StatusCode, body, err, want.status, want.body)
			}
		}
	})
}
