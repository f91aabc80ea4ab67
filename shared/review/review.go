// Package review asks an endpoint of the operator's what it thinks of danmu before a room sees them. It has a deadline,
// bounds how many questions are open, and when it gets no answer, refuses (or, if the operator wants it so, allows).
package review

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/wire"
)

// Config is the operator's choice. The endpoint is never taken from anything that a user can write.
type Config struct {
	URL         *url.URL           // required
	Secret      string             // required: signs what is sent
	Deadline    time.Duration      // of one question, waiting for a free place included; 0: 300 ms
	Open        bool               // let through what got no answer
	Concurrency int                // questions at once; 0: 32
	Metrics     *telemetry.Metrics // nil: discarded
}

// Text is one danmu in question.
type Text struct {
	ID       string      `json:"id"`
	User     live.UserID `json:"user_id"`
	Nickname string      `json:"nickname"`
	Content  string      `json:"content"`
}

// question is the body of a request: danmu of one room.
type question struct {
	Room     live.RoomID `json:"room_id"`
	Messages []Text      `json:"messages"`
}

// answer has a verdict for each message, in their order.
type answer struct {
	Verdicts []struct {
		Verdict Kind   `json:"verdict"`
		Content string `json:"content"` // of Mask: what is shown instead
	} `json:"verdicts"`
}

const (
	defaultDeadline    = 300 * time.Millisecond
	defaultConcurrency = 32
	maxAnswer          = 512 << 10 // 256 danmu, masked
)

// Hook asks the endpoint. Its methods may be called concurrently.
type Hook struct {
	Config
	client *http.Client
	places chan struct{}
	counts map[string]metric.AddOption
}

// New makes a hook. The caller owes a Close.
func New(c Config) (*Hook, error) {
	if c.URL == nil || c.URL.Host == "" || c.URL.Scheme != "http" && c.URL.Scheme != "https" {
		return nil, errors.New("review: want an http or https address")
	}
	if c.Secret == "" {
		return nil, errors.New("review: want a secret: the endpoint must know who asks")
	}
	if c.Deadline <= 0 {
		c.Deadline = defaultDeadline
	}
	if c.Concurrency <= 0 {
		c.Concurrency = defaultConcurrency
	}
	if c.Metrics == nil {
		c.Metrics = telemetry.Discard().Metrics
	}
	h := &Hook{Config: c, places: make(chan struct{}, c.Concurrency), counts: make(map[string]metric.AddOption)}
	for _, outcome := range []string{string(Allow), string(Mask), string(Hold), string(Refuse), string(Failed)} {
		h.counts[outcome] = telemetry.Labels(telemetry.LabelOutcome, outcome)
	}
	h.client = &http.Client{
		Transport: &http.Transport{MaxConnsPerHost: c.Concurrency, MaxIdleConnsPerHost: c.Concurrency, IdleConnTimeout: time.Minute},
		// A redirect would carry texts and signature to where the operator did not say.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return h, nil
}

// Close gives up the connections.
func (h *Hook) Close() { h.client.CloseIdleConnections() }

// Review returns a verdict for each text, in their order. No answer within the deadline, or one that cannot be
// understood, is Failed for all of them, or Allow where the hook is open.
func (h *Hook) Review(ctx context.Context, room live.RoomID, texts []Text) []Verdict {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, h.Deadline)
	defer cancel()
	verdicts, err := h.ask(ctx, room, texts)
	outcome := "answered"
	if err != nil {
		outcome = "failed"
		verdicts = make([]Verdict, len(texts))
		for i := range verdicts {
			verdicts[i] = Verdict{Kind: Failed, open: h.Open}
		}
	}
	h.Metrics.ReviewDuration.Record(ctx, time.Since(start).Seconds(), telemetry.Labels(telemetry.LabelOutcome, outcome))
	for _, v := range verdicts {
		h.Metrics.ReviewVerdicts.Add(ctx, 1, h.counts[string(v.Kind)])
	}
	return verdicts
}

func (h *Hook) ask(ctx context.Context, room live.RoomID, texts []Text) ([]Verdict, error) {
	select {
	case h.places <- struct{}{}:
		defer func() { <-h.places }()
	case <-ctx.Done():
		return nil, fmt.Errorf("review: no free place: %w", ctx.Err())
	}
	body, err := json.Marshal(question{room, texts})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	now := time.Now().Unix()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(TimestampHeader, strconv.FormatInt(now, 10))
	req.Header.Set(SignatureHeader, Sign(h.Secret, now, body))
	res, err := h.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }() // it was read
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("review: %s", res.Status)
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	return decode(raw, len(texts))
}

// decode reads an answer to a question of n texts. What the endpoint says is shown to nobody unchecked.
func decode(raw []byte, n int) ([]Verdict, error) {
	if len(raw) > maxAnswer {
		return nil, fmt.Errorf("review: an answer of more than %d bytes", maxAnswer)
	}
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil {
		return nil, fmt.Errorf("review: %w", err)
	}
	if len(a.Verdicts) != n {
		return nil, fmt.Errorf("review: %d verdicts for %d messages", len(a.Verdicts), n)
	}
	verdicts := make([]Verdict, n)
	for i, v := range a.Verdicts {
		switch v.Verdict {
		case Allow, Hold, Refuse:
			verdicts[i] = Verdict{Kind: v.Verdict}
		case Mask:
			masked, err := wire.Inbound{Type: live.Danmu, Content: v.Content}.Check()
			if err != nil {
				return nil, fmt.Errorf("review: masked content: %w", err)
			}
			verdicts[i] = Verdict{Kind: Mask, Content: masked.Content}
		default:
			return nil, fmt.Errorf("review: unknown verdict %q", v.Verdict)
		}
	}
	return verdicts, nil
}
