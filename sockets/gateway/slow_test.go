package gateway

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

// TestSlowReaderHoldsNobody has viewers that do not read, and viewers that send half frames, beside a good one.
func TestSlowReaderHoldsNobody(t *testing.T) {
	w := newWorld(t)
	tel, _, metrics := startTelemetry(t)
	p := w.start(t, func(c *Config, _ *intake.Config) {
		c.Telemetry = tel
		c.Hub.FrameTimeout, c.Hub.LogBytes, c.Hub.WriteTimeout = time.Second, 256<<10, patience
		c.Loop.Workers = 2
	})
	good := p.join(t, 7, "")
	var slow, half []*viewer
	for range 5 {
		v := p.join(t, 0, "")
		slow = append(slow, v)
		v = p.join(t, 0, "")
		if _, err := v.ws.NetConn().Write([]byte{0x81, 0xfe, 0x01}); err != nil {
			t.Fatal(err)
		}
		half = append(half, v)
	}
	w.filler = strings.Repeat("x", 2000)
	const last = live.Seq(1000)
	for seq := live.Seq(0); seq < last; seq += 20 {
		w.say(t, int(seq), 20)
		good.follow(seq, seq+20)
	}
	good.send(`{"type":"ping","id":"p"}`)
	good.next(live.Pong)
	for _, v := range half {
		if code, _ := v.closed(); code != 1001 {
			t.Errorf("got %d for half a frame, want 1001", code)
		}
	}
	for _, v := range slow {
		v.catchUp(last)
	}
	if got := sum(t, metrics, "message.shed"); got == 0 {
		t.Error("got nothing counted as shed")
	}
}

// catchUp reads until last, and wants every message that is missing declared by a gap.
func (v *viewer) catchUp(last live.Seq) {
	v.t.Helper()
	gaps := 0
	for at := live.Seq(0); at < last; {
		switch m := v.read(); m.Type {
		case live.Gap:
			var data wire.GapData
			if err := json.Unmarshal(m.Data, &data); err != nil || data.FromSeq != at+1 || data.ToSeq < data.FromSeq || data.Reason != wire.GapSlow {
				v.t.Fatalf("got gap %s after %d, %v", m.Data, at, err)
			}
			at = data.ToSeq
			gaps++
		case live.Danmu:
			if m.Seq != at+1 {
				v.t.Fatalf("got seq %d after %d", m.Seq, at)
			}
			at = m.Seq
		}
	}
	if gaps == 0 {
		v.t.Error("got no gap: the viewer was not slow")
	}
}
