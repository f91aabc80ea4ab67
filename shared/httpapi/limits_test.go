package httpapi_test

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/limit"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
	"github.com/barrage-live/barrage/shared/token"
)

func guard(rdb redis.UniversalClient, name string, burst int) *limit.Guard {
	return limit.NewGuard(limit.GuardConfig{Name: name, Rate: limit.Rate{Events: 1, Per: time.Hour, Burst: burst}, Redis: rdb})
}

func (f fixture) status(t *testing.T, path string, headers ...string) int {
	t.Helper()
	return f.do(t, "GET", path, "", headers...).StatusCode
}

// Two processes of a function, behind a proxy: an address and a user get what they may have in all.
func TestRequestsAreLimitedOverProcesses(t *testing.T) {
	rdb := redistest.Embedded(t)
	process := func() fixture {
		return newFixture(t, func(c *httpapi.Config) {
			people := people()
			people["server"] = token.Identity{User: 90, Role: live.RoleService}
			c.Verifier, c.PerAddress, c.PerUser = people, guard(rdb, "address", 4), guard(rdb, "user", 2)
			c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
		})
	}
	one, two := process(), process()
	from := func(addr string) []string { return []string{"X-Forwarded-For", addr} }
	for i, f := range []fixture{one, two, one, two} {
		if got := f.status(t, "/api/v1/who/anyone", from("203.0.113.7")...); got != 200 {
			t.Fatalf("request %d: got %d", i, got)
		}
	}
	for _, f := range []fixture{one, two} {
		a := f.do(t, "GET", "/api/v1/who/anyone", "", from("198.51.100.9, 203.0.113.7")...)
		var p httpapi.Problem
		if err := json.Unmarshal(a.body, &p); err != nil || a.StatusCode != 429 || p.Code != "rate_limited" || p.RetryAfterMS <= 0 || a.Header.Get("Retry-After") == "" {
			t.Errorf("got %d %s, Retry-After %q", a.StatusCode, a.body, a.Header.Get("Retry-After"))
		}
	}
	// A household of IPv6 is one; others, and what is no route, are not its concern.
	for i, want := range []int{200, 200, 200, 200, 429} {
		addr := []string{"2001:db8:1:2::1", "2001:db8:1:2:ffff::9"}[i%2]
		if got := one.status(t, "/api/v1/who/anyone", from(addr)...); got != want {
			t.Errorf("%s: got %d, want %d", addr, got, want)
		}
	}
	if got := one.status(t, "/openapi.json", from("203.0.113.7")...); got != 200 {
		t.Errorf("what is not a route: got %d", got)
	}
	for i, want := range []int{200, 200, 429} {
		f := []fixture{one, two}[i%2]
		if got := f.status(t, "/api/v1/who/user", "Authorization", "Bearer viewer", "X-Forwarded-For", "192.0.2."+string(rune('1'+i))); got != want {
			t.Errorf("request %d of a user: got %d, want %d", i, got, want)
		}
	}
	for range 6 {
		if got := one.status(t, "/api/v1/who/anyone", from("10.1.2.3")...); got != 200 {
			t.Fatalf("a server of ours: got %d", got)
		}
		if got := two.status(t, "/api/v1/who/anyone", "Authorization", "Bearer server", "X-Forwarded-For", "10.1.2.4"); got != 200 {
			t.Fatalf("a server with a token: got %d", got)
		}
	}
}

func TestRefusedTokensAreCountedHere(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialerRetries: 1})
	t.Cleanup(func() { _ = rdb.Close() }) // it was never connected
	asked := func(err error) { t.Errorf("a refused token made a call: %v", err) }
	f := newFixture(t, func(c *httpapi.Config) {
		c.PerAddress = limit.NewGuard(limit.GuardConfig{
			Name: "address", Rate: limit.Rate{Events: 1, Per: time.Hour, Burst: 3}, Redis: rdb, Away: asked,
		})
	})
	for i, want := range []int{401, 401, 401, 429, 429} {
		if got := f.status(t, "/api/v1/who/anyone", "Authorization", "Bearer wrong"); got != want {
			t.Errorf("request %d: got %d, want %d", i, got, want)
		}
	}
}
