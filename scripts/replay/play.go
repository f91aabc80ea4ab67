package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/token"
)

// A report is what became of a run.
type report struct {
	Lines       int              `json:"lines"`   // to play
	Skipped     int              `json:"skipped"` // that say nothing
	Sent        int64            `json:"sent"`
	Acked       int64            `json:"acked"`             // kept for good
	NotShown    int64            `json:"not_shown"`         // of these, shed by the room's display budget
	Refused     map[string]int64 `json:"refused,omitempty"` // by error code
	Unanswered  int64            `json:"unanswered"`
	Reconnected int64            `json:"reconnected,omitempty"`
	Seconds     float64          `json:"seconds"`
	LateMS      int64            `json:"late_ms"` // the most that a line was behind its time when it was due to be sent
}

// A tally counts for all senders.
type tally struct {
	mu sync.Mutex
	report
}

func (t *tally) sent()        { t.mu.Lock(); t.Sent++; t.mu.Unlock() }
func (t *tally) reconnected() { t.mu.Lock(); t.Reconnected++; t.mu.Unlock() }

func (t *tally) acked(shown bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Acked++
	if !shown {
		t.NotShown++
	}
}

func (t *tally) refused(code string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.Refused == nil {
		t.Refused = map[string]int64{}
	}
	t.Refused[code]++
}

func (t *tally) late(by time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.LateMS = max(t.LateMS, by.Milliseconds())
}

// snapshot is the report so far.
func (t *tally) snapshot() report {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.report
	var refused int64
	for _, n := range r.Refused {
		refused += n
	}
	r.Unanswered = r.Sent - r.Acked - refused
	return r
}

// play says every line at its time, and waits for the answers.
func play(ctx context.Context, o options, lines []line, log io.Writer) (report, error) {
	text, err := os.ReadFile(o.tokenKey) // never made here: the platform would not know a new one
	if err != nil {
		return report{}, fmt.Errorf("read the signing key: %w", err)
	}
	keys, err := token.ParseKeys(string(text))
	if err != nil {
		return report{}, err
	}
	signer, err := token.NewSigner(keys, o.issuer, o.audience, tokenLife)
	if err != nil {
		return report{}, err
	}
	t := &tally{report: report{Lines: len(lines)}}
	of, size := castOf(lines, o.senders)
	cast := make([]*sender, size)
	errs := make(chan error, len(cast))
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for i := range cast {
		if cast[i], err = newSender(o, signer, i, t); err != nil {
			return report{}, err
		}
	}
	for _, s := range cast {
		go func() {
			err := s.run(ctx)
			if err != nil {
				stop() // the others, too: a part of the room would be a lie
			}
			errs <- err
		}()
	}
	began := time.Now()
	err = pace(ctx, o, lines, func(user string) *sender { return cast[of[user]] }, t, log)
	for _, s := range cast {
		close(s.lines)
	}
	for range cast {
		if one := <-errs; one != nil && (err == nil || errors.Is(err, context.Canceled)) {
			err = one
		}
	}
	rep := t.snapshot()
	rep.Seconds = time.Since(began).Seconds()
	fmt.Fprintln(log)
	return rep, err
}

// pace hands each line to its sender when its time has come.
func pace(ctx context.Context, o options, lines []line, playedBy func(user string) *sender, t *tally, log io.Writer) error {
	began, painted := time.Now(), time.Time{}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i, l := range lines {
		due := began.Add(time.Duration(float64(l.at) / o.speed))
		if wait := time.Until(due); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		m, err := l.message()
		if err != nil {
			return err
		}
		select {
		case playedBy(l.user).lines <- m:
		case <-ctx.Done():
			return ctx.Err()
		}
		now := time.Now()
		t.late(now.Sub(due))
		if now.Sub(painted) >= 200*time.Millisecond || i == len(lines)-1 {
			painted = now
			r := t.snapshot()
			fmt.Fprintf(log, "\r%s of the recording  %d of %d lines  acked %d  not shown %d  refused %d  ", l.at.Round(time.Second), i+1, len(lines),
				r.Acked, r.NotShown, r.Sent-r.Acked-r.Unanswered)
		}
	}
	return nil
}

func (l line) message() (live.Message, error) {
	data, err := json.Marshal(l.data)
	return live.Message{Type: live.Danmu, ID: ulid.Make().String(), Content: l.content, Data: data}, err
}
