package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/token"
	"github.com/barrage-live/barrage/shared/wire"
	"github.com/barrage-live/barrage/sockets/client"
)

const (
	firstUser  = 2_000_000 // of the senders; far above what registration gives in a trial
	tokenLife  = 12 * time.Hour
	redials    = 5
	redialWait = 500 * time.Millisecond // doubles
	maxWaiting = 200                    // unanswered danmu a sender: then it waits
)

// A sender is one viewer who speaks for some of those in the recording. A connection that breaks is made again, and what
// was not answered is sent again under its own id: nothing is lost, and nothing is shown twice.
type sender struct {
	o     options
	token string
	tally *tally
	lines chan live.Message // what is due

	mu      sync.Mutex
	waiting map[string]live.Message
	freed   chan struct{} // holds one token when something was answered
}

// castOf says who plays each user: in the order in which they first speak, and then from the first one again.
func castOf(lines []line, senders int) (of map[string]int, size int) {
	of = make(map[string]int)
	for _, l := range lines {
		if _, known := of[l.user]; !known {
			of[l.user] = len(of) % senders
		}
	}
	return of, min(len(of), senders)
}

func newSender(o options, signer *token.Signer, i int, t *tally) (*sender, error) {
	raw, _, err := signer.Sign(token.Identity{User: live.UserID(firstUser + i), Nickname: fmt.Sprintf("replay %d", i+1), Role: live.RoleViewer})
	if err != nil {
		return nil, err
	}
	return &sender{
		o: o, token: raw, tally: t, lines: make(chan live.Message, maxWaiting),
		waiting: map[string]live.Message{}, freed: make(chan struct{}, 1),
	}, nil
}

// run ends when lines is closed and everything is answered, or answers have stopped coming.
func (s *sender) run(ctx context.Context) error {
	for try := 0; ; try++ {
		progressed, err := s.connection(ctx)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		var refused *client.Refused
		if errors.As(err, &refused) && refused.Status < 500 && refused.Status != 429 || client.CloseCode(err) == int(wire.CloseBanned) {
			return err
		}
		if progressed {
			try = 0
		}
		if try == redials {
			return fmt.Errorf("gave up after %d tries: %w", try+1, err)
		}
		s.tally.reconnected()
		select {
		case <-time.After(redialWait << try):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// connection speaks over one connection. It returns nil when there is nothing more to say.
func (s *sender) connection(ctx context.Context) (progressed bool, err error) {
	conn, err := client.Dial(ctx, client.Options{URL: s.o.socket, Room: s.o.room, Token: s.token})
	if err != nil {
		return false, err
	}
	broken := make(chan error, 1)
	var reading sync.WaitGroup
	reading.Go(func() { broken <- s.answers(conn) })
	defer reading.Wait()
	defer conn.Close()
	for _, m := range s.unanswered() {
		if err := conn.Send(m); err != nil {
			return false, err
		}
	}
	for {
		due := s.lines
		if len(s.unanswered()) >= maxWaiting {
			due = nil
		}
		select {
		case m, more := <-due:
			if !more {
				return true, s.settle(ctx, broken)
			}
			s.wait(m)
			if err := conn.Send(m); err != nil {
				return progressed, err
			}
			progressed = true
		case <-s.freed:
		case err := <-broken:
			return progressed, err
		case <-ctx.Done():
			return progressed, ctx.Err()
		}
	}
}

// settle waits for the last answers, but not for ever: those that do not come are in the report.
func (s *sender) settle(ctx context.Context, broken <-chan error) error {
	deadline := time.NewTimer(lastAnswers)
	defer deadline.Stop()
	for len(s.unanswered()) > 0 {
		select {
		case <-s.freed:
		case err := <-broken:
			return err
		case <-deadline.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

const lastAnswers = 10 * time.Second

func (s *sender) wait(m live.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting[m.ID] = m
	s.tally.sent()
}

// unanswered is what waits, in the order in which it was said.
func (s *sender) unanswered() []live.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.Collect(maps.Values(s.waiting))
	slices.SortFunc(all, func(a, b live.Message) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// answers reads until the connection ends.
func (s *sender) answers(conn *client.Conn) error {
	for {
		m, err := conn.Read()
		if err != nil {
			return err
		}
		switch m.Type {
		case live.Ack:
			data := wire.AckData{Shown: true}
			if len(m.Data) > 0 {
				if err := json.Unmarshal(m.Data, &data); err != nil {
					return fmt.Errorf("ack %s: %w", m.ID, err)
				}
			}
			if s.answered(m.ID) {
				s.tally.acked(data.Shown)
			}
		case live.ErrorReply:
			var data wire.ErrorData
			if err := json.Unmarshal(m.Data, &data); err != nil {
				return fmt.Errorf("error of %s: %w", m.ID, err)
			}
			if s.answered(m.ID) {
				s.tally.refused(data.Code)
			}
		}
	}
}

// answered says whether the message waited for its answer.
func (s *sender) answered(id string) bool {
	s.mu.Lock()
	_, waited := s.waiting[id]
	delete(s.waiting, id)
	s.mu.Unlock()
	select {
	case s.freed <- struct{}{}:
	default:
	}
	return waited
}
