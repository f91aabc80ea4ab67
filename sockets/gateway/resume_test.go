package gateway

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
	"github.com/barrage-live/barrage/shared/wire"
)

// follow reads danmaku from after on, each once and in order, until last, and returns it.
func (v *viewer) follow(after, last live.Seq) live.Seq {
	v.t.Helper()
	for after < last {
		m := v.next(live.Danmu)
		if m.Seq != after+1 {
			v.t.Fatalf("got seq %d after %d", m.Seq, after)
		}
		after = m.Seq
	}
	return after
}

func resumeAt(epoch live.Epoch, seq live.Seq) string { return fmt.Sprintf("&resume=%s:%d", epoch, seq) }

func TestResume(t *testing.T) {
	onWorlds(t, func(t *testing.T, w *world) {
		first := w.start(t, nil)
		v := first.join(t, 7, "")
		epoch := v.Epoch
		w.say(t, 0, 20)
		v.follow(0, 20)
		t.Run("from the pod's log", func(t *testing.T) {
			again := first.join(t, 7, resumeAt(epoch, 5))
			if !again.Recovered || again.Missed != 15 || again.Seq != 5 && again.Seq != 20 {
				t.Errorf("got %+v", again.WelcomeData)
			}
			again.follow(5, 20)
		})
		first.stop()
		w.say(t, 20, 20)
		second := w.start(t, nil)
		t.Run("on another pod, from Redis", func(t *testing.T) {
			again := second.join(t, 7, resumeAt(epoch, 15))
			if !again.Recovered || again.Missed != 25 || again.Epoch != epoch {
				t.Errorf("got %+v", again.WelcomeData)
			}
			w.say(t, 40, 5)
			again.follow(15, 45)
		})
		t.Run("with nothing missed", func(t *testing.T) {
			again := second.join(t, 7, resumeAt(epoch, 45))
			if !again.Recovered || again.Missed != 0 {
				t.Errorf("got %+v", again.WelcomeData)
			}
		})
		t.Run("not across epochs", func(t *testing.T) {
			again := second.join(t, 7, resumeAt("0-other", 45)+"&history=3")
			if again.Recovered || again.Missed != 0 {
				t.Errorf("got %+v", again.WelcomeData)
			}
			again.follow(42, 45)
		})
		t.Run("not from the future", func(t *testing.T) {
			if again := second.join(t, 7, resumeAt(epoch, 1<<40)); again.Recovered {
				t.Errorf("got %+v", again.WelcomeData)
			}
		})
		t.Run("never in part", func(t *testing.T) {
			if err := w.rdb.XTrimMinID(t.Context(), roomstate.HistoryKey(w.room), "30-0").Err(); err != nil {
				t.Fatal(err)
			}
			second.stop()
			third := w.start(t, nil)
			again := third.join(t, 7, resumeAt(epoch, 15)+"&history=2")
			if again.Recovered {
				t.Errorf("got %+v though messages are gone", again.WelcomeData)
			}
			again.follow(43, 45)
		})
	})
}

func TestHistory(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	w.say(t, 0, 30)
	v := p.join(t, 0, "&history=10")
	w.say(t, 30, 2)
	v.follow(20, 32)
	fresh := p.join(t, 0, "")
	w.say(t, 32, 1)
	fresh.follow(32, 33)
}

// TestResumeUnderTraffic resumes again and again, on two pods in turn, while messages flow.
func TestResumeUnderTraffic(t *testing.T) {
	onWorlds(t, func(t *testing.T, w *world) {
		pods := []*pod{w.start(t, nil), w.start(t, nil)}
		const batches, each, viewers = 60, 5, 8
		const last = live.Seq(batches * each)
		var all sync.WaitGroup
		start := pods[0].join(t, 0, "")
		for n := range viewers {
			all.Go(func() {
				epoch, at := start.Epoch, live.Seq(0)
				for turn := n; at < last; turn++ {
					ws, _, err := pods[turn%2].try(t, dialing{query: resumeAt(epoch, at)})
					if err != nil {
						t.Errorf("viewer %d: %v", n, err)
						return
					}
					if at, err = readSome(ws, at, at+7, last); err != nil {
						t.Errorf("viewer %d: %v", n, err)
						return
					}
				}
			})
		}
		for i := range batches {
			w.say(t, i*each, each)
		}
		all.Wait()
	})
}

// readSome reads until the seq some or last, then hangs up without a word.
func readSome(ws *websocket.Conn, at, some, last live.Seq) (live.Seq, error) {
	defer func() { _ = ws.Close() }() // what was read counts
	for at < min(some, last) {
		if err := ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return at, err
		}
		_, frame, err := ws.ReadMessage()
		if err != nil {
			return at, fmt.Errorf("after %d: %w", at, err)
		}
		m, err := wire.Unmarshal(frame)
		if err != nil {
			return at, err
		}
		switch {
		case m.Type == live.Gap:
			return at, fmt.Errorf("after %d: got a gap %s", at, m.Data)
		case m.Type == live.Danmu && m.Seq != at+1:
			return at, fmt.Errorf("got seq %d after %d", m.Seq, at)
		case m.Type == live.Danmu:
			at = m.Seq
		}
	}
	return at, nil
}

// TestPodIsKilled cuts all of a pod's viewers off without a word; they resume on the other pod.
func TestPodIsKilled(t *testing.T) {
	onWorlds(t, func(t *testing.T, w *world) {
		pods := []*pod{w.start(t, nil), w.start(t, nil)}
		const viewers, last = 20, live.Seq(200)
		var all sync.WaitGroup
		joined := make(chan struct{}, viewers)
		for n := range viewers {
			v := pods[0].join(t, 0, "")
			all.Go(func() {
				at, err := readAll(v, last, joined)
				if err == nil {
					return // it had everything before the end
				}
				var closing *websocket.CloseError
				if !errors.As(err, &closing) {
					t.Errorf("viewer %d: %v", n, err)
					return
				}
				again := pods[1].join(t, 0, resumeAt(v.Epoch, at))
				if !again.Recovered {
					t.Errorf("viewer %d: got %+v", n, again.WelcomeData)
				}
				again.follow(at, last)
			})
		}
		for i := range 20 {
			w.say(t, i*10, 10)
			if i == 10 {
				for range viewers {
					<-joined // everybody has seen something
				}
				pods[0].stop()
			}
		}
		all.Wait()
	})
}

// readAll reads until last or an error, and says when it has seen the first message.
func readAll(v *viewer, last live.Seq, seen chan<- struct{}) (at live.Seq, err error) {
	for at < last {
		m, err := v.tryRead()
		if err != nil {
			return at, err
		}
		if m.Type != live.Danmu {
			continue
		}
		if m.Seq != at+1 {
			return at, fmt.Errorf("got seq %d after %d", m.Seq, at)
		}
		if at = m.Seq; at == 1 {
			seen <- struct{}{}
		}
	}
	return at, nil
}

func TestRedisHangsAndComesBack(t *testing.T) {
	if !redistest.Installed() {
		t.Log("redis-server is not installed: nothing to pause")
		return
	}
	server := redistest.StartServer(t)
	embedded := newWorld(t)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr, ContextTimeoutEnabled: true}) // as the fleet has it
	t.Cleanup(func() {
		if err := rdb.Close(); err != nil {
			t.Error(err)
		}
	})
	w := newWorldOn(t, rdb, embedded.brokers)
	p := w.start(t, nil)
	v := p.join(t, 7, "")
	w.say(t, 0, 5)
	v.follow(0, 5)
	epoch := v.Epoch
	if err := w.rdb.Do(t.Context(), "CLIENT", "PAUSE", "4000").Err(); err != nil {
		t.Fatal(err)
	}
	v.send(`{"type":"danmu","id":"a","content":"x"}`)
	if got := v.errorCode(); got != "unavailable" {
		t.Errorf("got %s while Redis hangs, want unavailable", got)
	}
	v.send(`{"type":"ping"}`)
	v.next(live.Pong) // the connection stays
	await(t, "messages to be taken again", func() bool {
		v.send(`{"type":"danmu","id":"a","content":"x"}`)
		for {
			if m := v.read(); m.Type == live.Ack || m.Type == live.ErrorReply {
				return m.Type == live.Ack
			}
		}
	})
	again := p.join(t, 7, resumeAt(epoch, 5))
	if !again.Recovered {
		t.Errorf("got %+v", again.WelcomeData)
	}
	again.follow(5, 6)
}
