package gateway

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/limit"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/token"
)

func bearer(raw string) http.Header { return http.Header{"Authorization": {"Bearer " + raw}} }

func TestRefusedHandshakes(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	ended := w.liveRoom()
	ended.ID, ended.Status = w.room+1, live.RoomEnded
	w.putRoom(t, ended)
	if err := w.state(t).Apply(t.Context(), w.room, 0, roomstate.Ban(66, roomstate.Sanction{Until: roomstate.Forever()})); err != nil {
		t.Fatal(err)
	}
	good := w.token(t, 7)
	for _, c := range []struct {
		name   string
		d      dialing
		status int
		code   string
	}{
		{"no room", dialing{room: -1}, 400, codeBadRequest},
		{"resume without seq", dialing{query: "&resume=abc"}, 400, codeBadRequest},
		{"resume without epoch", dialing{query: "&resume=:7"}, 400, codeBadRequest},
		{"resume before the start", dialing{query: "&resume=e:-1"}, 400, codeBadRequest},
		{"too much history", dialing{query: "&history=101"}, 400, codeBadRequest},
		{"no history", dialing{query: "&history=x"}, 400, codeBadRequest},
		{"token in the query", dialing{query: "&token=" + good}, 400, codeBadRequest},
		{"other scheme", dialing{header: http.Header{"Authorization": {"Basic eDp5"}}}, 400, codeBadRequest},
		{"other subprotocol", dialing{proto: []string{"graphql-ws"}}, 400, codeBadRequest},
		{"two tokens", dialing{header: bearer(good), proto: []string{"barrage.v1", "bearer." + good}}, 400, codeBadRequest},
		{"forged", dialing{header: bearer(good[:len(good)-4] + "AAAA")}, 401, "invalid_token"},
		{"empty", dialing{proto: []string{"barrage.v1", "bearer."}}, 401, "invalid_token"},
		{"too long", dialing{header: bearer(strings.Repeat("a", token.MaxLength+1))}, 401, "invalid_token"},
		{"other origin", dialing{header: http.Header{"Origin": {"https://evil.example"}}}, 403, codeForbidden},
		{"origin in another case", dialing{header: http.Header{"Origin": {"https://GOOD.example"}}}, 403, codeForbidden},
		{"origin with a port", dialing{header: http.Header{"Origin": {"https://good.example:8443"}}}, 403, codeForbidden},
		{"null origin", dialing{header: http.Header{"Origin": {"null"}}}, 403, codeForbidden},
		{"banned", dialing{header: bearer(w.token(t, 66))}, 403, intake.CodeBanned},
		{"unknown room", dialing{room: w.room + 2}, 404, codeUnknownRoom},
		{"ended room", dialing{room: w.room + 1}, 409, codeRoomEnded},
	} {
		ws, res, err := p.try(t, c.d)
		if err == nil {
			_ = ws.Close() // the test has failed already
			t.Errorf("%s: got a connection", c.name)
			continue
		}
		if res == nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if code := problemCode(res); res.StatusCode != c.status || code != c.code {
			t.Errorf("%s: got %d %s, want %d %s", c.name, res.StatusCode, code, c.status, c.code)
		}
		if got := res.Header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s: got content type %s", c.name, got)
		}
	}
	await(t, "all seats to be given back", func() bool { return p.Len() == 0 })
}

func TestPlainRequestIsRefused(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	res, err := http.Get("http" + strings.TrimPrefix(p.url, "ws") + "?room_id=1")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 400 || problemCode(res) != codeBadRequest {
		t.Errorf("got %d", res.StatusCode)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestGuestsNeedPermission(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, func(c *Config, _ *intake.Config) { c.AllowGuests = false })
	_, res, err := p.try(t, dialing{})
	if err == nil || res == nil || res.StatusCode != 401 || problemCode(res) != codeTokenRequired {
		t.Fatalf("got %v %v, want 401", res, err)
	}
	p.join(t, 7, "")
}

func TestWaysToBringAToken(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, func(c *Config, _ *intake.Config) { c.AllowQueryToken, c.AllowGuests = true, false })
	raw := w.token(t, 7)
	for name, d := range map[string]dialing{
		"header":      {header: bearer(raw)},
		"subprotocol": {proto: []string{"barrage.v1", "bearer." + raw}},
		"query":       {query: "&token=" + raw},
		"good origin": {header: http.Header{"Authorization": {"Bearer " + raw}, "Origin": {"https://good.example"}}},
	} {
		ws, res, err := p.try(t, d)
		if err != nil {
			t.Fatalf("%s: %v %s", name, err, problemCode(res))
		}
		want := ""
		if d.proto != nil {
			want = "barrage.v1"
		}
		if got := ws.Subprotocol(); got != want {
			t.Errorf("%s: got subprotocol %q, want %q", name, got, want)
		}
		newViewer(t, ws).send(`{"type":"danmu","id":%q,"content":"hi"}`, strings.ReplaceAll(name, " ", "-"))
	}
}

func TestLimits(t *testing.T) {
	w := newWorld(t)
	refused := func(p *pod, d dialing, status int, code string) {
		t.Helper()
		_, res, err := p.try(t, d)
		if err == nil || res == nil || res.StatusCode != status {
			t.Fatalf("got %v %v, want %d", res, err, status)
		}
		if got := problemCode(res); got != code {
			t.Errorf("got %s, want %s", got, code)
		}
		if res.Header.Get("Retry-After") == "" {
			t.Errorf("%s: got no Retry-After", code)
		}
	}
	t.Run("connections", func(t *testing.T) {
		p := w.start(t, func(c *Config, _ *intake.Config) { c.MaxConnections = 2 })
		first := p.join(t, 0, "")
		p.join(t, 0, "")
		refused(p, dialing{}, 503, codeFull)
		if err := first.ws.Close(); err != nil {
			t.Fatal(err)
		}
		await(t, "the seat to be free", func() bool { return p.Len() == 1 })
		p.join(t, 0, "")
	})
	t.Run("user", func(t *testing.T) {
		p := w.start(t, func(c *Config, _ *intake.Config) { c.MaxPerUser = 1 })
		p.join(t, 7, "")
		p.join(t, 8, "")
		refused(p, dialing{header: bearer(w.token(t, 7))}, 429, codeTooMany)
	})
	t.Run("address", func(t *testing.T) {
		p := w.start(t, func(c *Config, _ *intake.Config) {
			c.MaxPerAddress, c.TrustedProxies = 1, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		})
		from := func(addr string) dialing {
			return dialing{header: http.Header{"X-Forwarded-For": {"6.6.6.6, " + addr}}}
		}
		for _, addr := range []string{"1.2.3.4", "1.2.3.5", "2001:db8::1"} {
			ws, res, err := p.try(t, from(addr))
			if err != nil {
				t.Fatalf("%s: %v %s", addr, err, problemCode(res))
			}
			newViewer(t, ws)
		}
		refused(p, from("1.2.3.4"), 429, codeTooMany)
		refused(p, from("2001:db8::2"), 429, codeTooMany) // of the same customer
	})
	t.Run("untrusted proxy", func(t *testing.T) {
		p := w.start(t, func(c *Config, _ *intake.Config) { c.MaxPerAddress = 1 })
		p.join(t, 0, "")
		refused(p, dialing{header: http.Header{"X-Forwarded-For": {"1.2.3.4"}}}, 429, codeTooMany)
	})
	t.Run("handshakes", func(t *testing.T) {
		p := w.start(t, func(c *Config, _ *intake.Config) { c.HandshakeRate = limit.Rate{Events: 0.01, Burst: 1} })
		p.join(t, 0, "")
		refused(p, dialing{}, 429, codeTooFast)
	})
}

func TestExpiredToken(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	key, err := token.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	if w.signer, err = token.NewSigner([]token.Key{key}, "test", "barrage", 3*time.Second); err != nil {
		t.Fatal(err)
	}
	p2 := w.start(t, nil)
	raw := w.token(t, 7)
	v := p2.join(t, 7, "")
	if code, _ := v.closed(); code != 4001 {
		t.Errorf("got close code %d, want 4001", code)
	}
	await(t, "the token to be refused", func() bool { // the hub's clock ticks in seconds
		ws, res, err := p2.try(t, dialing{header: bearer(raw)})
		if err == nil {
			newViewer(t, ws)
			return false
		}
		return res != nil && res.StatusCode == 401 && problemCode(res) == "token_expired"
	})
	_, res, err := p.try(t, dialing{header: bearer(raw)})
	if err == nil || res == nil || res.StatusCode != 401 {
		t.Errorf("got %v %v for a key that is not known, want 401", res, err)
	}
}
