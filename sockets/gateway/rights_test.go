package gateway

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/token"
	"github.com/barrage-live/barrage/shared/wire"
)

// identity joins as whoever it is.
func (p *pod) identity(t *testing.T, id token.Identity) *viewer {
	t.Helper()
	ws, res, err := p.try(t, dialing{header: bearer(p.world.sign(t, id))})
	if err != nil {
		t.Fatalf("dial: %v %s", err, problemCode(res))
	}
	return newViewer(t, ws)
}

func (w *world) sign(t *testing.T, id token.Identity) string {
	t.Helper()
	raw, _, err := w.signer.Sign(id)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (v *viewer) sees() wire.DanmuData {
	v.t.Helper()
	var data wire.DanmuData
	if err := json.Unmarshal(v.next(live.Danmu).Data, &data); err != nil {
		v.t.Fatal(err)
	}
	return data
}

// A message bears the badge that its sender has in this room, and the nickname of the sender's newest token.
func TestMessagesBearNicknameAndBadge(t *testing.T) {
	w := newWorld(t)
	if err := w.state(t).Apply(t.Context(), w.room, 0, roomstate.Moderator(9, true)); err != nil {
		t.Fatal(err)
	}
	p := w.start(t, nil)
	watching := p.join(t, 0, "")
	for _, from := range []struct {
		who   token.Identity
		badge live.Role
	}{
		{token.Identity{User: 7, Nickname: "Vi", Role: live.RoleViewer}, live.RoleViewer},
		{token.Identity{User: 9, Nickname: "Mo", Role: live.RoleViewer}, live.RoleModerator},
		{token.Identity{User: anchor, Nickname: "An", Role: live.RoleViewer}, live.RoleAnchor},
		{token.Identity{User: 11, Nickname: "Ad", Role: live.RoleAdmin}, live.RoleAdmin},
	} {
		v := p.identity(t, from.who)
		v.send(`{"type":"danmu","content":"hi"}`)
		if got := watching.sees(); got.Nickname != from.who.Nickname || got.Role != from.badge {
			t.Errorf("got %+v, want %s with badge %s", got, from.who.Nickname, from.badge)
		}
		renamed := from.who
		renamed.Nickname += "2"
		v.send(`{"type":"auth","id":"r","data":{"token":%q}}`, w.sign(t, renamed))
		v.next(live.Ack)
		v.send(`{"type":"danmu","content":"hi"}`)
		if got := watching.sees(); got.Nickname != renamed.Nickname || got.Role != from.badge {
			t.Errorf("got %+v after the new token, want %s with badge %s", got, renamed.Nickname, from.badge)
		}
	}
}

// A server's token opens no socket, nor does it keep a guest's open: it would get in as a guest where guests may not.
func TestServersAreNoViewers(t *testing.T) {
	w := newWorld(t)
	service := token.Identity{Nickname: "shop", Role: live.RoleService, Scopes: right.Scopes(right.ReadPresence)}
	for _, guests := range []bool{true, false} {
		p := w.start(t, func(c *Config, _ *intake.Config) { c.AllowGuests = guests })
		_, res, err := p.try(t, dialing{header: bearer(w.sign(t, service))})
		if err == nil || res == nil || res.StatusCode != http.StatusForbidden || problemCode(res) != "forbidden" {
			t.Errorf("guests %v: got %v %v, want 403", guests, res, err)
		}
		if guests {
			v := p.join(t, 0, "")
			v.send(`{"type":"auth","id":"r","data":{"token":%q}}`, w.sign(t, service))
			if code := v.errorCode(); code != "other_user" {
				t.Errorf("a guest shows a server's token: got %q", code)
			}
		}
	}
}
