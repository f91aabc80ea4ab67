package gift

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/barrage-live/barrage/shared/ledger"
	"github.com/barrage-live/barrage/shared/stream"
)

const (
	// announceGrace is how long an order's event may follow its settlement before it counts as missing: a process that
	// died in between is replaced, and its batch delivered again, well within it.
	announceGrace = time.Minute
	// clockSlack is how far the clocks of Kafka's producers and of the ledger may be apart.
	clockSlack = time.Minute
)

// A Report is what Reconcile found: the ledger's own, and whether everybody was told of what it holds.
type Report struct {
	ledger.Report
	Since  time.Time `json:"since"`  // events are looked for from here on
	Events int64     `json:"events"` // settled orders since then, old enough to have one
}

// maxMissing bounds how many missing events are named.
const maxMissing = 20

// Reconcile checks the whole ledger, and that Kafka holds the event of every order settled since then. It needs some
// hundred bytes an order settled since then.
func (s *Service) Reconcile(ctx context.Context, since time.Time) (Report, error) {
	r := Report{Since: since}
	var err error
	if r.Report, err = s.Ledger.Reconcile(ctx); err != nil {
		return Report{}, err
	}
	want := map[string]struct{}{}
	err = s.Ledger.EachSettled(ctx, since, s.Now().Add(-announceGrace), func(ids []string) error {
		for _, id := range ids {
			want[id] = struct{}{}
		}
		return nil
	})
	if err != nil {
		return Report{}, err
	}
	if r.Events = int64(len(want)); r.Events == 0 {
		return r, nil
	}
	if err := s.strikeAnnounced(ctx, since.Add(-clockSlack), want); err != nil {
		return Report{}, fmt.Errorf("reconcile: %w", err)
	}
	missing := make([]string, 0, len(want))
	for id := range want {
		missing = append(missing, id)
	}
	slices.Sort(missing)
	for _, id := range missing[:min(len(missing), maxMissing)] {
		r.Differences = append(r.Differences, fmt.Sprintf("%s: settled order has no event in Kafka", id))
	}
	if more := len(missing) - maxMissing; more > 0 {
		r.Differences = append(r.Differences, fmt.Sprintf("and %d settled orders more without event", more))
	}
	return r, nil
}

// giftEvent begins the value of every gift's record, as wire.Marshal writes it. What a viewer sends begins otherwise,
// whatever id it bears.
var giftEvent = []byte(`{"type":"gift",`)

// strikeAnnounced removes the orders whose event Kafka holds.
func (s *Service) strikeAnnounced(ctx context.Context, from time.Time, want map[string]struct{}) error {
	return s.Kafka.Scan(ctx, stream.LiveMessages, from, time.Time{}, func(part []stream.Record) error {
		for _, r := range part {
			if bytes.HasPrefix(r.Value, giftEvent) {
				delete(want, string(r.Header(stream.HeaderMessageID)))
			}
		}
		return nil
	})
}
