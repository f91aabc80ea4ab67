package fanout

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
)

// page is how many batches one read of the history takes, so that no answer of Redis is huge.
const page = 64

// Stored is one message of the history.
type Stored struct {
	Seq     live.Seq
	Payload []byte // the JSON message without seq
}

// History reads what the room's sequence still holds. Its methods may be called concurrently.
type History struct {
	rdb    redis.UniversalClient
	script *redis.Script
}

// NewHistory returns the history kept in rdb.
func NewHistory(rdb redis.UniversalClient) *History {
	return &History{rdb: rdb, script: redis.NewScript(withdrawnLua + readLua)}
}

// Since returns up to limit messages that follow after in the epoch, oldest first. complete is true when the epoch is
// the room's present one and nothing between after and the first of them is missing; else there are none.
// last is the highest seq of epochNow, which is empty when the room has no sequence.
func (h *History) Since(ctx context.Context, room live.RoomID, epoch live.Epoch, after live.Seq, limit int) (msgs []Stored, epochNow live.Epoch, last live.Seq, complete bool, err error) {
	next := after
	for {
		at, batches, err := h.read(ctx, room, "since", next, min(limit, page))
		if err != nil {
			return nil, "", 0, false, err
		}
		if at.Epoch != epoch || epoch == "" || at.Seq < after {
			return nil, at.Epoch, at.Seq, false, nil
		}
		for _, b := range batches {
			if b = b.since(next); len(b.payloads) == 0 {
				continue
			}
			if b.epoch != epoch || b.first != next+1 {
				return nil, at.Epoch, at.Seq, false, nil
			}
			msgs, next = appendStored(msgs, b), b.last()
		}
		if len(msgs) >= limit || next >= at.Seq {
			return msgs[:min(limit, len(msgs))], at.Epoch, at.Seq, true, nil
		}
		if len(batches) == 0 {
			return nil, at.Epoch, at.Seq, false, nil
		}
	}
}

// Before returns up to limit messages that come before the seq (0: the newest), oldest first.
func (h *History) Before(ctx context.Context, room live.RoomID, before live.Seq, limit int) ([]Stored, error) {
	msgs, _, err := h.backwards(ctx, room, before, limit)
	return msgs, err
}

// Latest returns up to limit of the newest messages, oldest first, and the room's position, which the last of them is
// at unless the history is gone.
func (h *History) Latest(ctx context.Context, room live.RoomID, limit int) ([]Stored, Position, error) {
	return h.backwards(ctx, room, 0, limit)
}

func (h *History) backwards(ctx context.Context, room live.RoomID, before live.Seq, limit int) ([]Stored, Position, error) {
	var newestFirst []Stored
	var start Position
	for len(newestFirst) < limit {
		at, batches, err := h.read(ctx, room, "before", before, min(limit, page))
		if err != nil {
			return nil, Position{}, err
		}
		if start.Epoch == "" {
			start = at
		}
		had := len(newestFirst)
		for _, b := range batches {
			if b.epoch != start.Epoch {
				continue
			}
			for i := len(b.payloads) - 1; i >= 0 && len(newestFirst) < limit; i-- {
				if seq := b.first + live.Seq(i); before == 0 || seq < before {
					newestFirst, before = append(newestFirst, Stored{Seq: seq, Payload: b.payloads[i]}), seq
				}
			}
		}
		if len(newestFirst) == had || before == 1 {
			break
		}
	}
	slices.Reverse(newestFirst)
	return newestFirst, start, nil
}

func appendStored(msgs []Stored, b envelope) []Stored {
	for i, payload := range b.payloads {
		msgs = append(msgs, Stored{Seq: b.first + live.Seq(i), Payload: payload})
	}
	return msgs
}

func (h *History) read(ctx context.Context, room live.RoomID, direction string, seq live.Seq, batches int) (Position, []envelope, error) {
	reply, err := h.script.Run(ctx, h.rdb, readKeys(room), direction, int64(seq), batches).StringSlice()
	if err != nil {
		return Position{}, nil, fmt.Errorf("read history of room %d: %w", room, err)
	}
	at, found, _, err := decodeRead(reply)
	if err != nil {
		return Position{}, nil, fmt.Errorf("read history of room %d: %w", room, err)
	}
	return at, found, nil
}

// readKeys are those of read.lua and repair.lua.
func readKeys(room live.RoomID) []string {
	return []string{roomstate.LogKey(room), roomstate.HistoryKey(room), roomstate.WithdrawnKey(room)}
}

// decodeRead reads what read.lua and repair.lua answer: epoch, last seq, what was withdrawn, batches. A batch that can't
// be read counts as bad and is left out: whoever looks at the seqs finds it missing.
func decodeRead(reply []string) (at Position, found []envelope, bad int, err error) {
	if len(reply) < 3 {
		return Position{}, nil, 0, fmt.Errorf("answer of %d values", len(reply))
	}
	seq, err := strconv.ParseInt(reply[1], 10, 64)
	if err != nil || seq < 0 {
		return Position{}, nil, 0, fmt.Errorf("last seq %q", reply[1])
	}
	gone, err := decodeWithdrawn(reply[2])
	if err != nil {
		return Position{}, nil, 0, err
	}
	found = make([]envelope, 0, len(reply)-3)
	for _, entry := range reply[3:] {
		e, err := decodeEnvelope([]byte(entry))
		if err != nil || e.kind != kindSequenced {
			bad++
			continue
		}
		found = append(found, gone.in(e))
	}
	return Position{Epoch: live.Epoch(reply[0]), Seq: live.Seq(seq)}, found, bad, nil
}
