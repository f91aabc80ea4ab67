package roomstate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/barrage-live/barrage/shared/live"
)

// Online counts the room's audience.
func (s *State) Online(ctx context.Context, room live.RoomID) (Count, error) {
	counts, err := s.Audiences(ctx, []live.RoomID{room})
	if err != nil {
		return Count{}, err
	}
	return counts[0], nil
}

// Audiences counts the audiences of the rooms, in their order.
func (s *State) Audiences(ctx context.Context, rooms []live.RoomID) ([]Count, error) {
	calls := make([]scriptCall, len(rooms))
	for i, room := range rooms {
		calls[i] = joinCall(room, "", 0)
	}
	replies, err := s.runAll(ctx, s.join, calls)
	if err != nil {
		return nil, fmt.Errorf("count viewers of %d rooms: %w", len(rooms), err)
	}
	counts := make([]Count, len(rooms))
	for i, reply := range replies {
		if counts[i], err = parseCount(reply); err != nil {
			return nil, fmt.Errorf("count viewers of room %d: %w", rooms[i], err)
		}
	}
	return counts, nil
}

// Join gives the user a lease of JoinLease in the room, for viewers without a socket. A socket takes it over.
func (s *State) Join(ctx context.Context, room live.RoomID, user live.UserID) (Count, error) {
	count, err := s.joined(ctx, room, user, JoinLease)
	if err != nil {
		return Count{}, fmt.Errorf("join user %d to room %d: %w", user, room, err)
	}
	return count, nil
}

// Leave ends the lease that Join gave. Sockets of the user still count.
func (s *State) Leave(ctx context.Context, room live.RoomID, user live.UserID) (Count, error) {
	count, err := s.joined(ctx, room, user, 0)
	if err != nil {
		return Count{}, fmt.Errorf("take user %d out of room %d: %w", user, room, err)
	}
	return count, nil
}

func (s *State) joined(ctx context.Context, room live.RoomID, user live.UserID, lease time.Duration) (Count, error) {
	call := joinCall(room, fmt.Sprint(int64(user)), lease)
	reply, err := s.join.Run(ctx, s.rdb, call.keys, call.args...).Slice()
	if err != nil {
		return Count{}, err
	}
	count, err := parseCount(reply)
	if err != nil {
		return Count{}, err
	}
	return count, s.leaseUsers(ctx, holderHTTP, lease, []userRoom{{user: user, room: room, left: lease == 0}})
}

func joinCall(room live.RoomID, user string, lease time.Duration) scriptCall {
	return scriptCall{
		keys: []string{PodsKey(room), JoinedKey(room), UniquesKey(room)},
		args: []any{user, lease.Milliseconds()},
	}
}

// Viewers returns up to limit users who watch the room, all when they are fewer and the room is small, in no order;
// and how many viewers there are, guests included.
func (s *State) Viewers(ctx context.Context, room live.RoomID, limit int) (sample []live.UserID, exact int64, err error) {
	reply, err := s.viewers.Run(ctx, s.rdb, []string{PodsKey(room), JoinedKey(room)}, max(limit, 1)).Slice()
	if err != nil {
		return nil, 0, fmt.Errorf("list viewers of room %d: %w", room, err)
	}
	if len(reply) == 0 {
		return nil, 0, fmt.Errorf("list viewers of room %d: empty answer", room)
	}
	exact, ok := reply[0].(int64)
	if !ok {
		return nil, 0, fmt.Errorf("list viewers of room %d: answer %T", room, reply[0])
	}
	users, err := parseUsers(texts(reply[1:]))
	if err != nil {
		return nil, 0, fmt.Errorf("list viewers of room %d: %w", room, err)
	}
	slices.Sort(users)
	users = slices.Compact(users)
	rand.Shuffle(len(users), func(i, j int) { users[i], users[j] = users[j], users[i] })
	return users[:min(len(users), max(limit, 0))], exact, nil
}

// NewSession forgets the unique viewers of the room's former session.
func (s *State) NewSession(ctx context.Context, room live.RoomID) error {
	if err := s.rdb.Unlink(ctx, UniquesKey(room)).Err(); err != nil {
		return fmt.Errorf("begin session of room %d: %w", room, err)
	}
	return nil
}
