package roomstate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
)

// Pace is what a room's rate has made of its slow mode, and for how many windows the room has been calm since.
type Pace struct {
	Slow time.Duration
	Calm int
}

// Written is what all pods have reported of a room.
type Written struct {
	Danmu   int64
	Windows int // of time, over which they were written
	Pace    Pace
}

// Report adds danmu that were written on this pod. To one of all that report in a window it says what was written
// before it, and true: that one has to decide what becomes of the pace, and SetPace it.
func (s *State) Report(ctx context.Context, room live.RoomID, danmu int64, window time.Duration) (Written, bool, error) {
	reply, err := s.pace.Run(ctx, s.rdb, []string{PaceKey(room), SettingsKey(room)}, danmu, window.Milliseconds()).Int64Slice()
	if errors.Is(err, redis.Nil) {
		return Written{}, false, nil
	}
	if err == nil && len(reply) != 4 {
		err = fmt.Errorf("script answered %d values", len(reply))
	}
	if err != nil {
		return Written{}, false, fmt.Errorf("report pace of room %d: %w", room, err)
	}
	pace := Pace{Calm: int(reply[2]), Slow: time.Duration(reply[3]) * time.Millisecond}
	return Written{Danmu: reply[0], Windows: int(reply[1]), Pace: pace}, true, nil
}

// SetPace is in force at once in this process, and elsewhere when a command has told the pods of the room.
func (s *State) SetPace(ctx context.Context, room live.RoomID, p Pace) error {
	_, err := s.rdb.TxPipelined(ctx, func(tx redis.Pipeliner) error {
		tx.HSet(ctx, PaceKey(room), "calm", p.Calm)
		tx.HSet(ctx, SettingsKey(room), fieldPace, p.Slow.Milliseconds())
		return nil
	})
	if err != nil {
		return fmt.Errorf("set pace of room %d: %w", room, err)
	}
	s.rules.Delete(room)
	return nil
}
