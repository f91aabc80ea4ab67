package fanout

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
)

const (
	repairGroup   = 128             // rooms in one pipeline
	repairTimeout = 2 * time.Second // of one pipeline: its rooms wait for it, and so do others of the shard
	repairAlone   = 64              // batches asked for a room, when few rooms are repaired
	repairCrowded = 8               // the same, when many are
	maxSeq        = 1 << 53         // see live.Seq
	minBackoff    = 100 * time.Millisecond
	maxBackoff    = 2 * time.Second
)

// repairDue repairs the dirty rooms whose time has come.
func (sh *shard) repairDue(ctx context.Context) {
	if len(sh.dirty) == 0 {
		return
	}
	now := time.Now()
	var due []*hearing
	for _, h := range sh.dirty {
		if h.dirty && sh.rooms[h.room] == h && !now.Before(h.retryAt) {
			due = append(due, h)
		}
	}
	sh.repair(ctx, due)
	listed := sh.dirty
	sh.dirty = nil
	for _, h := range listed {
		if h.listed = h.dirty && sh.rooms[h.room] == h; h.listed {
			sh.dirty = append(sh.dirty, h)
		}
	}
}

// repair brings the rooms up to what Redis has now, and tells the sink what it hasn't any more. Rooms that can't be
// repaired stay dirty.
func (sh *shard) repair(ctx context.Context, rooms []*hearing) {
	for len(rooms) > 0 && ctx.Err() == nil {
		group := rooms[:min(len(rooms), repairGroup)]
		rest := rooms[len(group):]
		if again := sh.repairGroup(ctx, group); len(again) > 0 {
			rest = append(again, rest...)
		}
		rooms = rest
	}
}

// repairGroup reads for each room what follows its position, and returns the rooms that have more to read.
func (sh *shard) repairGroup(ctx context.Context, group []*hearing) (again []*hearing) {
	limit := repairCrowded
	if len(group) <= 8 {
		limit = repairAlone
	}
	ctx, cancel := context.WithTimeout(ctx, repairTimeout)
	defer cancel()
	cmds := make([]*redis.Cmd, len(group))
	// An error of one command is found at the command; Pipelined returns the first of them.
	_, err := sh.s.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, h := range group {
			batches := limit
			if !h.based {
				batches = 0
			}
			keys := readKeys(h.room)
			known, candidate := h.at, newEpoch(time.Now(), h.at.Epoch)
			if h.reused {
				known.Seq = maxSeq // no epoch has come so far: a new one begins
			}
			cmds[i] = pipe.Eval(ctx, withdrawnLua+repairLua, keys, string(candidate), string(known.Epoch), int64(known.Seq), batches)
		}
		return nil
	})
	failed := 0
	for i, h := range group {
		more, failure := sh.catchUp(h, cmds[i])
		switch {
		case failure != nil:
			err = failure
			failed++
			h.backoff = min(max(2*h.backoff, minBackoff), maxBackoff)
			h.retryAt = time.Now().Add(h.backoff)
		case more:
			again = append(again, h)
		default:
			h.dirty, h.audit = false, sh.s.nextAudit(time.Now())
		}
	}
	if failed > 0 {
		sh.s.c.Logger.WarnContext(ctx, "rooms are not repaired yet", "rooms", failed, "error", err)
	}
	return again
}

// catchUp takes in what repair.lua answered, and reports whether there is more to read.
func (sh *shard) catchUp(h *hearing, cmd *redis.Cmd) (more bool, err error) {
	reply, err := cmd.StringSlice()
	if err != nil {
		return false, err
	}
	now, batches, bad, err := decodeRead(reply)
	if err != nil {
		return false, fmt.Errorf("repair room %d: %w", h.room, err)
	}
	sh.s.stats.bad.Add(int64(bad))
	if !h.based {
		h.based, h.at, h.heard = true, now, 0
		for _, wait := range h.wait {
			wait <- now
		}
		h.wait = nil
		return false, nil
	}
	if now.Epoch != h.at.Epoch {
		h.at, h.heard, h.reused = Position{Epoch: now.Epoch}, 0, false
		sh.lost(h, 1, firstOf(batches, now)-1)
	}
	before := h.at.Seq
	for _, b := range batches {
		if b = b.since(h.at.Seq); b.epoch != h.at.Epoch || len(b.payloads) == 0 {
			continue
		}
		if b.first > h.at.Seq+1 {
			sh.lost(h, h.at.Seq+1, b.first-1)
		}
		sh.s.stats.repaired.Add(int64(len(b.payloads)))
		sh.deliver(h, b)
	}
	if h.at.Seq == before && h.at.Seq < now.Seq {
		sh.lost(h, h.at.Seq+1, now.Seq)
	}
	return h.at.Seq < now.Seq, nil
}

// firstOf is the first seq of the epoch that can still be had.
func firstOf(batches []envelope, now Position) live.Seq {
	for _, b := range batches {
		if b.epoch == now.Epoch {
			return b.first
		}
	}
	return now.Seq + 1
}

// lost tells the sink of a hole that can't be filled, and goes on behind it.
func (sh *shard) lost(h *hearing, from, to live.Seq) {
	h.at.Seq = max(h.at.Seq, to)
	sh.s.stats.lost.Add(int64(max(to-from+1, 0)))
	sh.s.sink.Lost(h.room, from, to, h.at.Epoch)
}
