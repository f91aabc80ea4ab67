package httpapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/token"
)

func TestAccess(t *testing.T) {
	f := newFixture(t, nil)
	const (
		bare  = `Bearer realm="barrage"`
		wrong = `Bearer realm="barrage", error="invalid_token"`
	)
	for _, tc := range []struct {
		path, header string
		status       int
		code         string      // of the problem
		user         live.UserID // of the answer
	}{
		{"open", "", 200, "", 0},
		{"open", "Bearer viewer", 200, "", 0}, // not looked at
		{"open", "Bearer nonsense", 200, "", 0},
		{"anyone", "", 200, "", 0},
		{"anyone", "Bearer viewer", 200, "", 7},
		{"anyone", "bEaReR  viewer", 200, "", 7},
		{"anyone", "Bearer nonsense", 401, "invalid_token", 0},
		{"anyone", "Bearer expired", 401, "token_expired", 0},
		{"anyone", "Bearer broken", 401, "invalid_token", 0},
		{"anyone", "Bearer", 401, "invalid_token", 0},
		{"anyone", "Bearer ", 401, "invalid_token", 0},
		{"anyone", "Basic dmlld2VyOng=", 401, "invalid_token", 0},
		{"anyone", "viewer", 401, "invalid_token", 0},
		{"user", "", 401, "unauthenticated", 0},
		{"user", "Bearer nonsense", 401, "invalid_token", 0},
		{"user", "Bearer viewer", 200, "", 7},
		{"user", "Bearer admin", 200, "", 1},
		{"admin", "", 401, "unauthenticated", 0},
		{"admin", "Bearer expired", 401, "token_expired", 0},
		{"admin", "Bearer viewer", 403, "forbidden", 0},
		{"admin", "Bearer admin", 200, "", 1},
	} {
		t.Run(tc.path+" "+tc.header, func(t *testing.T) {
			var headers []string
			if tc.header != "" {
				headers = []string{"Authorization", tc.header}
			}
			got := f.do(t, "GET", "/api/v1/who/"+tc.path, "", headers...)
			if tc.code != "" {
				got.wantProblem(t, tc.status, tc.code)
				challenge := got.Header.Get("Www-Authenticate")
				want := map[string]string{"unauthenticated": bare, "forbidden": ""}[tc.code]
				if tc.status == 401 && tc.code != "unauthenticated" {
					want = wrong
				}
				if challenge != want {
					t.Errorf("got challenge %q, want %q", challenge, want)
				}
				return
			}
			var who whoAnswer
			if err := json.Unmarshal(got.body, &who); err != nil {
				t.Fatalf("decode %s: %v", got.body, err)
			}
			if got.StatusCode != tc.status || who.User != tc.user || who.Known != (tc.user != 0) || !who.HasRID {
				t.Errorf("got %d %+v, want user %d", got.StatusCode, who, tc.user)
			}
		})
	}
}

func TestTwoTokensAreRefused(t *testing.T) {
	f := newFixture(t, nil)
	f.do(t, "GET", "/api/v1/who/anyone", "", "Authorization", "Bearer viewer", "Authorization", "Bearer admin").
		wantProblem(t, 401, "invalid_token")
}

func TestAccessIsCheckedBeforeTheBody(t *testing.T) {
	f := newFixture(t, nil)
	f.do(t, "POST", "/api/v1/rooms", strings.Repeat("[", 60000)).wantProblem(t, 401, "unauthenticated")
}

func TestWithoutAVerifierEveryTokenIsRefused(t *testing.T) {
	f := newFixture(t, func(cfg *httpapi.Config) { cfg.Verifier = nil })
	f.do(t, "GET", "/api/v1/who/user", "", "Authorization", "Bearer admin").wantProblem(t, 401, "invalid_token")
}

func TestWithCaller(t *testing.T) {
	ctx := httpapi.WithCaller(t.Context(), token.Identity{User: 9})
	if got, ok := httpapi.Caller(ctx); !ok || got.User != 9 {
		t.Errorf("got %v %v, want user 9", got, ok)
	}
	if got, ok := httpapi.Caller(t.Context()); ok || httpapi.RequestID(t.Context()) != "" {
		t.Errorf("got %v, want nobody outside of a request", got)
	}
}
