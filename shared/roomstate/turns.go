package roomstate

import (
	"context"
	"fmt"
	"time"

	"github.com/barrage-live/barrage/shared/live"
)

// Turn is a user who wants to write in a room of slow mode. The same message again needs no other turn.
type Turn struct {
	User    live.UserID
	Message string
}

// maxTurns bounds one call of the script.
const maxTurns = 250

// TakeTurns gives each user a turn who has had none within slow, on any pod, in the order of the list. It returns how
// long each has to wait, 0 for those whose turn it is.
func (s *State) TakeTurns(ctx context.Context, room live.RoomID, slow time.Duration, turns []Turn) ([]time.Duration, error) {
	waits := make([]time.Duration, 0, len(turns))
	for len(turns) > 0 {
		part := turns[:min(len(turns), maxTurns)]
		turns = turns[len(part):]
		keys, args := make([]string, len(part)), make([]any, 1, len(part)+1)
		args[0] = max(slow.Milliseconds(), 1)
		for i, turn := range part {
			keys[i] = TurnKey(room, turn.User)
			args = append(args, turn.Message)
		}
		reply, err := s.turns.Run(ctx, s.rdb, keys, args...).Int64Slice()
		if err != nil {
			return nil, fmt.Errorf("turns in room %d: %w", room, err)
		}
		if len(reply) != len(part) {
			return nil, fmt.Errorf("turns in room %d: %d answers for %d users", room, len(reply), len(part))
		}
		for _, wait := range reply {
			waits = append(waits, time.Duration(wait)*time.Millisecond)
		}
	}
	return waits, nil
}
