package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inBubble runs a hub on fake time.
func inBubble(t *testing.T, c Config, f func(t *testing.T, h *Hub, r *Room)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := New(c)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- h.Run(ctx) }()
		r := h.Open(1)
		r.Begin("e", 0)
		f(t, h, r)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if n := h.Len(); n != 0 {
			t.Errorf("got %d members at the end, want 0", n)
		}
	})
}

func join(r *Room, j Joining) (*Member, *pipe) {
	p := &pipe{room: 1 << 20}
	m, _ := r.Join(p, j)
	m.Start(nil)
	synctest.Wait()
	return m, p
}

// after lets d pass, keeping the clients of alive talking.
func after(d time.Duration, alive ...*Member) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(min(time.Second, time.Until(end))) // fake time
		for _, m := range alive {
			m.Heard(false)
		}
		synctest.Wait()
	}
}

func (p *pipe) bytes() []byte {
	got, _, _ := p.state()
	return got
}

func (p *pipe) isEnded() bool {
	_, ended, _ := p.state()
	return ended
}

func (p *pipe) isReleased() bool {
	_, _, released := p.state()
	return released
}

// closeCode is that of the last frame, 0 if it closes nothing.
func (p *pipe) closeCode() wire.CloseCode {
	ops, payloads, _ := frames(p.bytes())
	if len(ops) == 0 || ops[len(ops)-1] != wire.OpClose {
		return 0
	}
	b := payloads[len(payloads)-1]
	return wire.CloseCode(b[0])<<8 | wire.CloseCode(b[1])
}

func (p *pipe) count(op wire.Opcode) int {
	n := 0
	ops, _, _ := frames(p.bytes())
	for _, o := range ops {
		if o == op {
			n++
		}
	}
	return n
}

func TestPingsAndSilence(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, _ *Hub, r *Room) {
		talks, heard := join(r, Joining{})
		_, silent := join(r, Joining{})
		after(10*time.Minute, talks)
		if got := heard.count(wire.OpPing); got < 23 || got > 25 {
			t.Errorf("got %d pings in 10 minutes, want one every 25 s", got)
		}
		if heard.isReleased() {
			t.Error("a talking connection was released")
		}
		if got := silent.count(wire.OpPing); got < 2 || got > 3 {
			t.Errorf("got %d pings before the end, want 2 or 3", got)
		}
		if got := silent.closeCode(); got != wire.CloseGoingAway || !silent.isReleased() {
			t.Errorf("got close code %d, released %t, want %d", got, silent.isReleased(), wire.CloseGoingAway)
		}
	})
}

func TestSilenceIsSixtySeconds(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, _ *Hub, r *Room) {
		_, p := join(r, Joining{})
		after(58 * time.Second)
		if p.closeCode() != 0 {
			t.Error("closed before 60 s")
		}
		after(5 * time.Second)
		if p.closeCode() == 0 {
			t.Error("still open after 63 s")
		}
	})
}

func TestTokenExpires(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, _ *Hub, r *Room) {
		_, p := join(r, Joining{User: 7, Expires: time.Now().Add(30 * time.Second)})
		renewed, q := join(r, Joining{User: 8, Expires: time.Now().Add(30 * time.Second)})
		renewed.Expire(time.Now().Add(time.Hour))
		after(29*time.Second, renewed)
		if p.closeCode() != 0 {
			t.Error("closed before the token expired")
		}
		after(3*time.Second, renewed)
		if got := p.closeCode(); got != wire.CloseTokenExpired {
			t.Errorf("got close code %d, want %d", got, wire.CloseTokenExpired)
		}
		if q.closeCode() != 0 {
			t.Error("a renewed token expired")
		}
	})
}

func TestHalfAFrameIsCut(t *testing.T) {
	inBubble(t, Config{FrameTimeout: 10 * time.Second}, func(t *testing.T, _ *Hub, r *Room) {
		m, p := join(r, Joining{})
		for range 12 { // a byte a second is no progress
			m.Heard(true)
			after(time.Second)
		}
		if p.closeCode() == 0 {
			t.Error("half a frame is still waited for")
		}
	})
}

// TestSlowViewer: who does not read costs nobody anything, and learns what was missed when it reads again.
func TestSlowViewer(t *testing.T) {
	inBubble(t, Config{LogBytes: 4000}, func(t *testing.T, _ *Hub, r *Room) {
		fast, quick := join(r, Joining{})
		slow, p := join(r, Joining{})
		p.allow(10)
		for seq := live.Seq(1); seq <= 100; seq++ {
			typ := live.Danmu
			if seq == 50 {
				typ = live.Gift
			}
			r.Append("e", seq, [][]byte{fmt.Appendf(nil, `{"type":%q,"content":%q}`, typ, strings.Repeat("x", 100))})
			after(100*time.Millisecond, fast, slow)
		}
		if got := quick.count(wire.OpText); got != 100 {
			t.Errorf("the fast one got %d messages, want 100", got)
		}
		p.allow(1 << 20)
		slow.Writable()
		synctest.Wait()
		_, payloads, _ := frames(p.bytes())
		want := []string{
			fmt.Sprintf(`{"type":"danmu","content":%q,"seq":1}`, strings.Repeat("x", 100)),
			`{"type":"gap","room_id":1,"data":{"from_seq":2,"to_seq":100,"reason":"slow"}}`,
			fmt.Sprintf(`{"type":"gift","content":%q,"seq":50}`, strings.Repeat("x", 100)),
		}
		if !slices.Equal(payloads, want) {
			t.Errorf("got %q, want %q", payloads, want)
		}
	})
}

func TestStuckViewerIsClosed(t *testing.T) {
	inBubble(t, Config{WriteTimeout: 20 * time.Second}, func(t *testing.T, _ *Hub, r *Room) {
		m, p := join(r, Joining{})
		p.allow(10)
		r.Append("e", 1, [][]byte{[]byte(`{"type":"danmu"}`)})
		after(19*time.Second, m)
		if m.Closing() {
			t.Error("closed before 20 s")
		}
		after(10*time.Second, m)
		if !p.isReleased() {
			t.Error("still there after 29 s")
		}
	})
}

func TestPrivateQueueIsBounded(t *testing.T) {
	inBubble(t, Config{PrivateBytes: 1000}, func(t *testing.T, _ *Hub, r *Room) {
		m, p := join(r, Joining{})
		p.allow(10)
		var err error
		for i := 0; i < 100 && err == nil; i++ {
			err = m.Send([]byte(`{"type":"ack","id":"0123456789"}`))
			synctest.Wait()
		}
		if !errors.Is(err, ErrClosed) && !errors.Is(err, ErrTooSlow) {
			t.Fatalf("got %v after 100 messages", err)
		}
		p.allow(1 << 20)
		m.Writable()
		synctest.Wait()
		if got := p.closeCode(); got != wire.CloseTooSlow {
			t.Errorf("got close code %d, want %d", got, wire.CloseTooSlow)
		}
		if len(p.bytes()) > 1200 {
			t.Errorf("got %d bytes of a queue of 1000", len(p.bytes()))
		}
	})
}

func TestWelcomeIsFirst(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, _ *Hub, r *Room) {
		p := &pipe{room: 1 << 20}
		m, _ := r.Join(p, Joining{User: 7})
		r.Append("e", 1, [][]byte{[]byte(`{"type":"danmu"}`)})
		if got := r.SendUser(7, []byte(`{"type":"gift_result"}`)); got != 1 {
			t.Errorf("got %d connections of the user, want 1", got)
		}
		synctest.Wait()
		m.Start(nil, []byte(`{"type":"welcome"}`))
		synctest.Wait()
		_, payloads, _ := frames(p.bytes())
		if want := []string{`{"type":"welcome"}`, `{"type":"gift_result"}`, `{"type":"danmu","seq":1}`}; !slices.Equal(payloads, want) {
			t.Errorf("got %q, want %q", payloads, want)
		}
	})
}

func TestResume(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, _ *Hub, r *Room) {
		for seq := live.Seq(1); seq <= 10; seq++ {
			r.Append("e", seq, [][]byte{[]byte(`{"type":"danmu"}`)})
		}
		for name, tc := range map[string]struct {
			j    Joining
			want Position
		}{
			"new":           {Joining{}, Position{Epoch: "e", Seq: 10}},
			"in the log":    {Joining{Epoch: "e", Seq: 7}, Position{Epoch: "e", Seq: 7, Recovered: true, Missed: 3}},
			"up to date":    {Joining{Epoch: "e", Seq: 10}, Position{Epoch: "e", Seq: 10, Recovered: true}},
			"ahead":         {Joining{Epoch: "e", Seq: 12}, Position{Epoch: "e", Seq: 12, Recovered: true}},
			"another epoch": {Joining{Epoch: "d", Seq: 7}, Position{Epoch: "e", Seq: 10}},
			"absurd":        {Joining{Epoch: "e", Seq: 1 << 40}, Position{Epoch: "e", Seq: 10}},
		} {
			p := &pipe{room: 1 << 20}
			m, got := r.Join(p, tc.j)
			m.Start(nil)
			synctest.Wait()
			if got != tc.want {
				t.Errorf("%s: got %+v, want %+v", name, got, tc.want)
			}
			if n := p.count(wire.OpText); int64(n) != tc.want.Missed {
				t.Errorf("%s: got %d messages, want %d", name, n, tc.want.Missed)
			}
		}
	})
}

func TestUsers(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *Hub, r *Room) {
		one, _ := join(r, Joining{User: 7})
		_, tab := join(r, Joining{User: 7})
		join(r, Joining{User: 8})
		join(r, Joining{})
		one.Gone(errors.New("cut"))
		synctest.Wait()
		users, guests := r.Users()
		slices.Sort(users)
		if !slices.Equal(users, []live.UserID{7, 8}) || guests != 1 {
			t.Errorf("got users %v and %d guests, want 7, 8 and 1", users, guests)
		}
		if got := h.CloseUser(7, wire.CloseBanned, "banned"); got != 1 {
			t.Errorf("got %d connections closed, want 1", got)
		}
		synctest.Wait()
		if got := tab.closeCode(); got != wire.CloseBanned {
			t.Errorf("got close code %d, want %d", got, wire.CloseBanned)
		}
		members, err := h.Members(t.Context())
		if err != nil || len(members) != 3 {
			t.Errorf("got %d members, %v, want 3", len(members), err)
		}
	})
}

func TestRoomCloses(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *Hub, r *Room) {
		_, p := join(r, Joining{})
		_, other := join(h.Open(2), Joining{})
		r.Append("e", 1, [][]byte{[]byte(`{"type":"room"}`)})
		r.Close(wire.CloseRoomEnded, "ended")
		synctest.Wait()
		ops, _, _ := frames(p.bytes())
		if !slices.Equal(ops, []wire.Opcode{wire.OpText, wire.OpClose}) || !p.isEnded() {
			t.Errorf("got frames %v, ended %t, want the message, the close and the end", ops, p.isEnded())
		}
		after(6 * time.Second)
		if !p.isReleased() || other.isReleased() {
			t.Errorf("got released %t and %t, want the room's alone", p.isReleased(), other.isReleased())
		}
	})
}

func TestStopReleasesLateJoins(t *testing.T) {
	h := New(Config{})
	r := h.Open(1)
	p := &pipe{room: 1 << 20}
	m, _ := r.Join(p, Joining{})
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := h.Run(ctx); err != nil {
		t.Fatal(err)
	}
	m.Start(nil)
	if !p.isReleased() || h.Len() != 0 {
		t.Errorf("got released %t and %d members, want true and 0", p.isReleased(), h.Len())
	}
}

func TestLogForgets(t *testing.T) {
	inBubble(t, Config{LogAge: 30 * time.Second}, func(t *testing.T, _ *Hub, r *Room) {
		r.Append("e", 1, [][]byte{[]byte(`{"type":"gift"}`)})
		after(time.Minute)
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.log.bytes != 0 || len(r.log.segments) != 0 || r.keep.bytes != 0 {
			t.Errorf("got %d bytes in %d segments and %d kept, want none", r.log.bytes, len(r.log.segments), r.keep.bytes)
		}
	})
}
