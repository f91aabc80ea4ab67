package auth

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/limit"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/storetest"
)

func TestLoginsAreThrottledByNameAndAddress(t *testing.T) {
	rate := func(burst int) limit.Rate { return limit.Rate{Events: 1, Per: time.Hour, Burst: burst} }
	guest, _ := serve(t, storetest.Open(t, storetest.SQLite(t)), Limits{
		LoginByName: rate(2), LoginByAddress: rate(5), RegisterByAddress: rate(1),
	})
	login := func(status int, code, name string) map[string]any {
		t.Helper()
		return guest.want(status, code, "POST", "/api/v1/auth/login", fmt.Sprintf(`{"username":%q,"password":"wrong horse"}`, name))
	}
	guest.want(201, "", "POST", "/api/v1/auth/register", `{"username":"anna","password":"correct horse"}`)
	guest.want(429, "rate_limited", "POST", "/api/v1/auth/register", `{"username":"bella","password":"correct horse"}`)
	login(401, "bad_credentials", "anna")
	login(401, "bad_credentials", "ANNA")
	refused := login(429, "rate_limited", "ａｎｎａ")
	if after, ok := refused["retry_after_ms"].(float64); !ok || after <= 0 {
		t.Errorf("got %v, want retry_after_ms", refused)
	}
	login(401, "bad_credentials", "nobody")
	login(401, "bad_credentials", "nobody")
	login(429, "rate_limited", "somebody else")
}

func TestWithoutRedisEachProcessCountsAlone(t *testing.T) {
	rate := limit.Rate{Events: 1, Per: time.Hour, Burst: 2}
	f := newFixture(t, storetest.Open(t, storetest.SQLite(t)), Limits{LoginByName: rate})
	f.stopRedis()
	for i, want := range []string{"bad_credentials", "bad_credentials", "rate_limited"} {
		if _, err := f.Login(t.Context(), home(), "anna", "wrong horse"); code(err) != want {
			t.Errorf("login %d: got %v, want %s", i+1, err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Login(ctx, home(), "anna", "wrong horse"); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that left: got %v", err)
	}
}

// Two processes on one Redis: who guesses at both gets no more tries, and a name that nobody has is refused alike.
func TestLoginsAreThrottledOverProcesses(t *testing.T) {
	rate := limit.Rate{Events: 1, Per: time.Hour, Burst: 3}
	one := newFixture(t, storetest.Open(t, storetest.SQLite(t)), Limits{LoginByName: rate})
	two := one.another(t, Limits{LoginByName: rate})
	for _, name := range []string{"anna", "nobody"} {
		for i, want := range []string{"bad_credentials", "bad_credentials", "bad_credentials", "rate_limited", "rate_limited"} {
			process := []*Service{one.Service, two}[i%2]
			_, err := process.Login(t.Context(), home(), name, "wrong horse")
			if code(err) != want {
				t.Errorf("%s, login %d: got %v, want %s", name, i+1, err, want)
			}
			if refused, ok := live.AsError(err); ok && want == "rate_limited" && (refused.RetryAfter <= 0 || refused.RetryAfter > time.Hour) {
				t.Errorf("%s: got retry after %v", name, refused.RetryAfter)
			}
		}
	}
}
