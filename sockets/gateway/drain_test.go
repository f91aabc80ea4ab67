package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

func TestPlanFitsTheTime(t *testing.T) {
	for _, timeout := range []time.Duration{time.Second, 10 * time.Second, 30 * time.Second, 5 * time.Minute} {
		p := PlanDrain(timeout)
		if total := p.Wait + p.Spread + 2*p.Wave; total > timeout*8/10 || p.Wave <= 0 {
			t.Errorf("%v: got %+v, which takes %v", timeout, p, total)
		}
	}
}

// mover is a viewer that does what a good client does: it comes back when it is told to, and resumes.
type mover struct {
	v     *viewer
	at    live.Seq
	moved bool
}

// watch reads until last, moving to the pod next when this one sends it away.
func (m *mover) watch(next *pod, last live.Seq) error {
	for m.at < last {
		got, err := m.v.tryRead()
		var closing *websocket.CloseError
		switch {
		case errors.As(err, &closing) && closing.Code == 1012 && !m.moved:
			err = m.move(next)
		case err == nil && got.Type == live.Reconnect && rand.N(2) == 0: // half of them wait for the close
			var data wire.ReconnectData
			if err = json.Unmarshal(got.Data, &data); err == nil && !m.moved {
				err = m.move(next)
			}
		case err == nil && got.Type == live.Gap:
			err = fmt.Errorf("got a gap %s", got.Data)
		case err == nil && got.Type == live.Danmu && got.Seq != m.at+1:
			err = fmt.Errorf("got seq %d after %d", got.Seq, m.at)
		case err == nil && got.Type == live.Danmu:
			m.at = got.Seq
		}
		if err != nil {
			return fmt.Errorf("after %d: %w", m.at, err)
		}
	}
	return nil
}

func (m *mover) move(next *pod) error {
	m.moved = true
	ws, _, err := next.try(m.v.t, dialing{query: resumeAt(m.v.Epoch, m.at)})
	if err != nil {
		return err
	}
	old := m.v
	m.v = &viewer{t: old.t, ws: ws}
	first, err := m.v.tryRead()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(first.Data, &m.v.WelcomeData); err != nil {
		return err
	}
	if !m.v.Recovered {
		return fmt.Errorf("not recovered: %+v", m.v.WelcomeData)
	}
	return old.ws.Close()
}

func TestDrainLosesNothing(t *testing.T) {
	onWorlds(t, func(t *testing.T, w *world) {
		from, to := w.start(t, nil), w.start(t, nil)
		const viewers, batches, each = 60, 100, 5
		const last = live.Seq(batches * each)
		movers := make([]*mover, viewers)
		for i := range movers {
			movers[i] = &mover{v: from.join(t, 0, "")}
		}
		var all sync.WaitGroup
		for i, m := range movers {
			all.Go(func() {
				if err := m.watch(to, last); err != nil {
					t.Errorf("viewer %d: %v", i, err)
				}
				_ = m.v.ws.Close() // it has what it came for
			})
		}
		drained := make(chan error, 1)
		for i := range batches {
			if i == batches/4 {
				go func() {
					ctx, cancel := context.WithTimeout(context.Background(), patience)
					defer cancel()
					drained <- from.Drain(ctx, DrainPlan{Wait: 50 * time.Millisecond, Spread: 500 * time.Millisecond, Wave: 100 * time.Millisecond})
				}()
			}
			if i == batches/2 {
				await(t, "the first viewers to have moved", func() bool { return to.Len() > viewers/4 })
			}
			if i == batches-1 { // who has the last message leaves, and would not be seen to have been sent away
				await(t, "all viewers to have moved", func() bool { return to.Len() == viewers })
			}
			w.say(t, i*each, each)
		}
		all.Wait()
		if err := <-drained; err != nil {
			t.Error(err)
		}
		if from.Len() != 0 || from.Ready(t.Context()) == nil {
			t.Errorf("got %d connections left, ready %v", from.Len(), from.Ready(t.Context()))
		}
		_, res, err := from.try(t, dialing{})
		if err == nil || res == nil || res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
			t.Errorf("got %v %v of a drained pod, want 503", res, err)
		}
		for i, m := range movers {
			if !m.moved {
				t.Errorf("viewer %d was not sent away", i)
			}
		}
	})
}

func TestDrainEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	p.join(t, 0, "")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Drain(ctx, DrainPlan{Wait: time.Hour}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
