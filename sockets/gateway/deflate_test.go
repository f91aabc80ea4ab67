package gateway

import (
	"net/http"
	"strings"
	"testing"

	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/live"
)

// TestDeflate: who offers permessage-deflate reads the same as who does not, on a pod that allows it; on others the
// offer is declined.
func TestDeflate(t *testing.T) {
	w := newWorld(t)
	w.filler = strings.Repeat("f", 200)
	allows := w.start(t, func(c *Config, _ *intake.Config) { c.Deflate = true })
	declines := w.start(t, nil)
	for name, tc := range map[string]struct {
		p      *pod
		packed bool
		want   string
	}{
		"offered":      {allows, true, "permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
		"not offered":  {allows, false, ""},
		"switched off": {declines, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			header := http.Header{"Authorization": {"Bearer " + w.token(t, 7)}}
			ws, res, err := tc.p.try(t, dialing{packed: tc.packed, header: header})
			if err != nil {
				t.Fatal(err)
			}
			if got := res.Header.Get("Sec-WebSocket-Extensions"); got != tc.want {
				t.Errorf("got extensions %q, want %q", got, tc.want)
			}
			v := newViewer(t, ws)
			v.send(`{"type":"danmu","id":"d-%s","content":"compressed both ways"}`, strings.ReplaceAll(name, " ", "-"))
			m := v.next(live.Danmu)
			if m.Content != "compressed both ways" || m.UserID != 7 {
				t.Errorf("got %+v", m)
			}
		})
	}
}
