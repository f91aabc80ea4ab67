package auth

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/storetest"
)

type client struct {
	t     *testing.T
	url   string
	token string
}

// call sends body as JSON unless it is "", and returns the status and the answer's object.
func (c client) call(method, path, body string) (int, map[string]any) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	answer := map[string]any{}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &answer); err != nil {
			c.t.Fatalf("%s %s: %d %q: %v", method, path, res.StatusCode, text, err)
		}
	}
	return res.StatusCode, answer
}

// want calls and compares the status and, if code is not "", the problem's code.
func (c client) want(status int, code, method, path, body string) map[string]any {
	c.t.Helper()
	got, answer := c.call(method, path, body)
	if got != status || (code != "" && answer["code"] != code) {
		c.t.Errorf("%s %s %.80s: got %d %v, want %d %s", method, path, body, got, answer, status, code)
	}
	return answer
}

func serve(t *testing.T, s *store.Store, limits Limits) (client, fixture) {
	t.Helper()
	f := newFixture(t, s, limits)
	api := httpapi.New(httpapi.Config{Title: "test", Verifier: f.verifier})
	f.Routes(api)
	server := httptest.NewServer(api.Handler())
	t.Cleanup(server.Close)
	return client{t: t, url: server.URL}, f
}

func TestAccountOverHTTP(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		guest, _ := serve(t, s, Limits{})
		made := guest.want(201, "", "POST", "/api/v1/auth/register", `{"username":"Anna","password":"correct horse","nickname":"夜猫"}`)
		if made["username"] != "anna" || made["nickname"] != "夜猫" || made["role"] != "viewer" || made["bio"] != "" || made["avatar_url"] != "" {
			t.Errorf("registered %v", made)
		}
		if _, err := time.Parse(time.RFC3339, fmt.Sprint(made["created_at"])); err != nil || !strings.HasSuffix(fmt.Sprint(made["created_at"]), "Z") {
			t.Errorf("created_at %v is not RFC 3339 in UTC", made["created_at"])
		}
		guest.want(409, "username_taken", "POST", "/api/v1/auth/register", `{"username":"ANNA","password":"correct horse"}`)

		login := guest.want(200, "", "POST", "/api/v1/auth/login", `{"username":"anna","password":"correct horse"}`)
		if login["token_type"] != "Bearer" || login["expires_in"].(float64) < 890 || login["expires_in"].(float64) > 900 {
			t.Errorf("login: got %v", login)
		}
		anna := guest
		anna.token = login["access_token"].(string)
		if me := anna.want(200, "", "GET", "/api/v1/users/me", ""); fmt.Sprint(me) != fmt.Sprint(made) || fmt.Sprint(login["user"]) != fmt.Sprint(made) {
			t.Errorf("me: got %v, want %v", me, made)
		}
		changed := anna.want(200, "", "PATCH", "/api/v1/users/me", `{"bio":"two\nlines","avatar_url":"https://cdn.test/a.png"}`)
		if changed["bio"] != "two\nlines" || changed["nickname"] != "夜猫" || changed["avatar_url"] != "https://cdn.test/a.png" {
			t.Errorf("changed to %v", changed)
		}
		path := fmt.Sprintf("/api/v1/users/%.0f", made["id"])
		if public := guest.want(200, "", "GET", path, ""); public["username"] != nil || public["nickname"] != "夜猫" {
			t.Errorf("guests see %v", public)
		}
		if own := anna.want(200, "", "GET", path, ""); own["username"] != "anna" {
			t.Errorf("the owner sees %v", own)
		}

		first := fmt.Sprintf(`{"refresh_token":%q}`, login["refresh_token"])
		next := guest.want(200, "", "POST", "/api/v1/auth/refresh", first)
		guest.want(401, "token_reused", "POST", "/api/v1/auth/refresh", first)
		second := fmt.Sprintf(`{"refresh_token":%q}`, next["refresh_token"])
		guest.want(401, "token_reused", "POST", "/api/v1/auth/refresh", second)
		guest.want(204, "", "POST", "/api/v1/auth/logout", second)
		guest.want(401, "invalid_token", "POST", "/api/v1/auth/refresh", second)
		guest.want(204, "", "POST", "/api/v1/auth/logout", `{"refresh_token":"nonsense"}`)
	})
}

func TestRefusalsOverHTTP(t *testing.T) {
	guest, f := serve(t, storetest.Open(t, storetest.SQLite(t)), Limits{})
	if _, err := f.Register(t.Context(), home(), Account{Username: "anna", Password: password}); err != nil {
		t.Fatal(err)
	}
	anna := guest
	anna.token = f.login(t).Access
	forged := guest
	forged.token = "eyJhbGciOiJub25lIn0.e30."
	long := strings.Repeat("x", 70_000)
	for _, c := range []struct {
		as                 client
		status             int
		code, method, path string
		body               string
	}{
		{guest, 422, "weak_password", "POST", "/api/v1/auth/register", `{"username":"bella","password":"seven77"}`},
		{guest, 422, "invalid_username", "POST", "/api/v1/auth/register", `{"username":"b","password":"correct horse"}`},
		{guest, 422, "invalid_nickname", "POST", "/api/v1/auth/register", `{"username":"bella","password":"correct horse","nickname":" "}`},
		{guest, 422, "invalid", "POST", "/api/v1/auth/register", `{"username":"bella","password":"correct horse","role":"admin"}`},
		{guest, 422, "invalid", "POST", "/api/v1/auth/register", `{"username":"bella"}`},
		{guest, 422, "invalid", "POST", "/api/v1/auth/register", `{"username":["bella"],"password":"correct horse"}`},
		{guest, 413, "too_large", "POST", "/api/v1/auth/register", `{"username":"` + long + `","password":"correct horse"}`},
		{guest, 400, "", "POST", "/api/v1/auth/login", `{"username":`},
		{guest, 401, "bad_credentials", "POST", "/api/v1/auth/login", `{"username":"anna","password":"wrong horse"}`},
		{guest, 401, "bad_credentials", "POST", "/api/v1/auth/login", `{"username":"bella","password":"wrong horse"}`},
		{guest, 401, "bad_credentials", "POST", "/api/v1/auth/login", `{"username":"anna' OR '1'='1","password":"' OR '1'='1"}`},
		{guest, 401, "invalid_token", "POST", "/api/v1/auth/refresh", `{"refresh_token":""}`},
		{guest, 401, "unauthenticated", "GET", "/api/v1/users/me", ""},
		{forged, 401, "invalid_token", "GET", "/api/v1/users/me", ""},
		{guest, 401, "unauthenticated", "PATCH", "/api/v1/users/me", `{"bio":"x"}`},
		{anna, 422, "invalid", "PATCH", "/api/v1/users/me", `{"role":"admin"}`},
		{anna, 422, "invalid", "PATCH", "/api/v1/users/me", `{"username":"root"}`},
		{anna, 422, "invalid_avatar_url", "PATCH", "/api/v1/users/me", `{"avatar_url":"javascript:alert(1)"}`},
		{guest, 404, "user_not_found", "GET", "/api/v1/users/999", ""},
		{guest, 422, "", "GET", "/api/v1/users/0", ""},
		{guest, 422, "", "GET", "/api/v1/users/anna", ""},
		{guest, 422, "", "GET", "/api/v1/users/99999999999999999999", ""},
	} {
		c.as.t = t
		c.as.want(c.status, c.code, c.method, c.path, c.body)
	}
}

func TestKeysArePublished(t *testing.T) {
	guest, f := serve(t, storetest.Open(t, storetest.SQLite(t)), Limits{})
	got := guest.want(200, "", "GET", "/.well-known/jwks.json", "")
	var want map[string]any
	if err := json.Unmarshal(f.signer.JWKS(), &want); err != nil || fmt.Sprint(got["keys"]) != fmt.Sprint(want["keys"]) {
		t.Errorf("got %v, want %v (%v)", got, want, err)
	}
}

func TestRoutesAreDescribed(t *testing.T) {
	guest, _ := serve(t, storetest.Open(t, storetest.SQLite(t)), Limits{})
	paths, _ := guest.want(200, "", "GET", "/openapi.json", "")["paths"].(map[string]any)
	for path, methods := range map[string]string{
		"/api/v1/auth/register": "post", "/api/v1/auth/login": "post", "/api/v1/auth/refresh": "post", "/api/v1/auth/logout": "post",
		"/.well-known/jwks.json": "get", "/api/v1/users/me": "get patch", "/api/v1/users/{user_id}": "get",
	} {
		described, _ := paths[path].(map[string]any)
		for _, method := range strings.Fields(methods) {
			if described[method] == nil {
				t.Errorf("%s %s is not described", method, path)
			}
		}
	}
}
