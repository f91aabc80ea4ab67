package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// moves are the viewers of a worker on their way from a pod that drains to the next one. Each moves once, so the queues
// hold all of them and nobody waits.
type moves struct {
	due   chan *viewer // its time has come: the event loop closes the old connection
	ready chan *viewer // closed: the new one is to be opened
	done  int64
	last  int64 // Unix µs of the last arrival
}

func newMoves(s spec) moves {
	if !s.Follow {
		return moves{}
	}
	return moves{due: make(chan *viewer, s.Count), ready: make(chan *viewer, s.Count)}
}

var errNotRecovered = errors.New("the next pod did not recover what was missed")

// reconnect obeys a pod that drains, at the time that it gave.
func (w *worker) reconnect(v *viewer, payload []byte) {
	var m struct {
		Data struct {
			AfterMS int64 `json:"after_ms"`
		}
	}
	if err := json.Unmarshal(payload, &m); err != nil {
		w.fail(err)
		return
	}
	if !w.spec.Follow || v.moved {
		return
	}
	v.moved = true
	time.AfterFunc(time.Duration(m.Data.AfterMS)*time.Millisecond, func() { w.moves.due <- v })
}

// follow opens the new connections until ctx ends.
func (w *worker) follow(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case v := <-w.moves.ready:
			w.dial(ctx, v, w.targets[1])
		}
	}
}

// arrived is called by the event loop.
func (m *moves) arrived(at time.Time) {
	m.done++
	m.last = at.UnixMicro()
}
