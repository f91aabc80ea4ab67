package fanout

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/barrage-live/barrage/shared/live"
)

// findPage is how many messages are looked at together.
const findPage = 500

// Find returns the newest message of the room that match says yes to, and where it is; false when history has none.
func (h *History) Find(ctx context.Context, room live.RoomID, match func(payload []byte) bool) (Stored, live.Epoch, bool, error) {
	before := live.Seq(0)
	for {
		page, at, err := h.backwards(ctx, room, before, findPage)
		if err != nil {
			return Stored{}, "", false, err
		}
		for i := len(page) - 1; i >= 0; i-- {
			if match(page[i].Payload) {
				return page[i], at.Epoch, true, nil
			}
		}
		if len(page) == 0 || page[0].Seq == 1 {
			return Stored{}, "", false, nil
		}
		before = page[0].Seq
	}
}

// Withdraw lets the payload stand in the room's history where the message seq was: who reads or resumes from now on
// gets it instead, under the same seq. It is false when the room's epoch is another one, and the message gone anyway.
// Who has seen the message is told by a message of its own.
func (p *Publisher) Withdraw(ctx context.Context, room live.RoomID, epoch live.Epoch, seq live.Seq, payload []byte) (bool, error) {
	if err := p.checkItems(room, []Item{{Payload: payload}}); err != nil {
		return false, err
	}
	args := []any{string(epoch), int64(seq), payload, p.c.History}
	done, err := p.withdraw.Run(ctx, p.rdb, readKeys(room), args...).Int()
	if err != nil {
		return false, fmt.Errorf("withdraw message %d of room %d: %w", seq, room, err)
	}
	return done == 1, nil
}

// replacements are what stands in place of messages, by seq.
type replacements map[live.Seq][]byte

// decodeWithdrawn reads lines of "<seq> <payload>".
func decodeWithdrawn(text string) (replacements, error) {
	if text == "" {
		return nil, nil
	}
	gone := make(replacements)
	for line := range strings.SplitSeq(text, "\n") {
		seq, payload, ok := bytes.Cut([]byte(line), []byte{' '})
		n, err := number(seq)
		if err != nil || !ok || len(payload) == 0 {
			return nil, fmt.Errorf("withdrawn message %q", seq)
		}
		gone[live.Seq(n)] = payload
	}
	return gone, nil
}

func (r replacements) in(e envelope) envelope {
	if len(r) == 0 {
		return e
	}
	for i := range e.payloads {
		if payload, ok := r[e.first+live.Seq(i)]; ok {
			e.payloads[i] = payload
		}
	}
	return e
}
