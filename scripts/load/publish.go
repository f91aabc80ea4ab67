package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"
)

// A publisher sends danmaku into one room over its own connection and counts the answers.
type publisher struct {
	client *client
	window chan struct{} // one token for each danmu that is not answered yet

	mu      sync.Mutex
	pending map[string]time.Time // by message id
	acks    histogram
	errors  map[string]int64

	sent, acked atomic.Int64
}

func newPublisher(t target, room int64, token string, window int) (*publisher, error) {
	c, err := dialClient(t, room, token)
	if err != nil {
		return nil, err
	}
	return &publisher{client: c, window: make(chan struct{}, window),
		pending: map[string]time.Time{}, errors: map[string]int64{}}, nil
}

// maxPending bounds what a publisher remembers of unanswered danmaku when a rate is given.
const maxPending = 1 << 16

// publish sends until ctx ends: rate a second, or with rate < 0 as fast as the window allows.
func (p *publisher) publish(ctx context.Context, rate float64) error {
	if rate < 0 {
		for {
			select {
			case <-ctx.Done():
				return nil
			case p.window <- struct{}{}:
			}
			if err := p.send(); err != nil {
				return err
			}
		}
	}
	pause := time.Duration(float64(time.Second) / rate)
	next := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		for now := time.Now(); !next.After(now); next = next.Add(pause) {
			if err := p.send(); err != nil {
				return err
			}
		}
		timer.Reset(time.Until(next))
	}
}

func (p *publisher) send() error {
	id := ulid.Make().String()
	now := time.Now()
	p.mu.Lock()
	if len(p.pending) >= maxPending {
		p.mu.Unlock()
		return fmt.Errorf("publish: %d danmaku are unanswered", maxPending)
	}
	p.pending[id] = now
	p.mu.Unlock()
	n := p.sent.Add(1)
	msg := fmt.Sprintf(`{"type":"danmu","id":%q,"content":"load %d %d"}`, id, now.UnixMicro(), n)
	if err := p.client.write(opText, []byte(msg)); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

// listen reads answers until the connection ends.
func (p *publisher) listen() error {
	for {
		f, err := p.client.next()
		if err != nil {
			return err
		}
		switch f.opcode {
		case opPing:
			if err := p.client.write(opPong, f.payload); err != nil {
				return err
			}
		case opText:
			if kind := typeOf(f.payload); kind == "ack" || kind == "error" {
				if err := p.answer(f.payload); err != nil {
					return err
				}
			}
		}
	}
}

func (p *publisher) answer(payload []byte) error {
	var m struct {
		Type, ID string
		Data     struct{ Code string }
	}
	if err := json.Unmarshal(payload, &m); err != nil {
		return fmt.Errorf("read an answer: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	at, known := p.pending[m.ID]
	if !known {
		return nil
	}
	delete(p.pending, m.ID)
	select {
	case <-p.window:
	default:
	}
	if m.Type == "error" {
		p.errors[m.Data.Code]++
		return nil
	}
	p.acked.Add(1)
	p.acks.add(time.Since(at).Microseconds())
	return nil
}

// unanswered is how many danmaku still wait for their ack or error.
func (p *publisher) unanswered() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pending)
}
