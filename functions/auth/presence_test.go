package auth

import (
	"fmt"
	"strings"
	"testing"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/storetest"
	"github.com/barrage-live/barrage/shared/token"
)

func TestPresenceOverHTTP(t *testing.T) {
	guest, f := serve(t, storetest.Open(t, storetest.SQLite(t)), Limits{})
	as := func(id token.Identity) client {
		t.Helper()
		raw, _, err := f.signer.Sign(id)
		if err != nil {
			t.Fatal(err)
		}
		return client{t: t, url: guest.url, token: raw}
	}
	anna := as(token.Identity{User: 7, Role: live.RoleViewer})
	lease := []roomstate.RoomLease{{Room: 42, Users: []live.UserID{8, 9}}, {Room: 43, Users: []live.UserID{8}}}
	if _, err := f.state.Renew(t.Context(), "pod", lease); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(anna.want(200, "", "GET", "/api/v1/users/8/presence", "")["rooms"]); got != "[42 43]" {
		t.Errorf("got rooms %s", got)
	}
	away := anna.want(200, "", "GET", "/api/v1/users/10/presence", "")
	if away["online"] != false || away["last_seen_at"] != nil || fmt.Sprint(away["rooms"]) != "[]" {
		t.Errorf("got %v for who was never seen", away)
	}
	items := anna.want(200, "", "POST", "/api/v1/users/presence", `{"user_ids":[10,9,8,9]}`)["items"].([]any)
	for i, want := range []string{"10 false", "9 true", "8 true", "9 true"} {
		one := items[i].(map[string]any)
		if got := fmt.Sprint(one["user_id"], " ", one["online"]); got != want {
			t.Errorf("place %d: got %s, want %s", i, got, want)
		}
		if (one["last_seen_at"] != nil) != one["online"].(bool) {
			t.Errorf("got %v", one)
		}
	}
	many := func(n int) string { return `{"user_ids":[1` + strings.Repeat(",1", n-1) + `]}` }
	anna.want(200, "", "POST", "/api/v1/users/presence", many(200))
	anna.want(422, "", "POST", "/api/v1/users/presence", many(201))
	anna.want(422, "", "POST", "/api/v1/users/presence", `{"user_ids":[]}`)
	guest.want(401, "unauthenticated", "GET", "/api/v1/users/8/presence", "")
	shop := token.Identity{Nickname: "shop", Role: live.RoleService, Scopes: right.Scopes(right.TopUpWallets)}
	as(shop).want(403, "forbidden", "GET", "/api/v1/users/8/presence", "")
	shop.Scopes = right.Scopes(right.ReadPresence)
	as(shop).want(200, "", "GET", "/api/v1/users/8/presence", "")
}
