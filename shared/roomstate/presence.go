package roomstate

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
)

// Lease times.
const (
	PodLease   = 30 * time.Second // of a pod's viewers, unless renewed
	JoinLease  = 60 * time.Second // of a join over HTTP
	RenewEvery = 10 * time.Second // how often a pod should renew each room
)

const (
	maxMembers  = 1_000 // users of a room that a pod lists; of a larger room it lists a sample
	maxInCall   = 2_000 // users in one script call
	maxGroup    = 64    // rooms in one script call
	maxOneShot  = 4_000 // arguments of one plain command
	maxPipeline = 64    // calls in one pipeline
)

// fresh is whose own leases are due.
func (l *RoomLease) fresh() []live.UserID {
	if l.NewOnly {
		return l.NewUsers
	}
	return l.Users
}

// RoomLease says who watches a room on one pod: Users without doubles, in any order, and the number of guests.
type RoomLease struct {
	Room      live.RoomID
	Users     []live.UserID
	Guests    int
	NewUsers  []live.UserID // of Users, those that came since the last renewal
	NewOnly   bool          // the others keep the leases that they have, which last for PodLease
	NewGuests []string      // session names of guests that came since the last renewal, for the count of unique viewers
}

// Count is a room's audience. Online counts a user once and guests by connection. Unique counts all who have watched
// the session, within 1 %.
type Count struct {
	Online int64
	Unique int64
}

// Renew says that the pod holds these viewers now. Who is listed stays for PodLease; who is no longer listed has left
// at once, or within PodLease in a room where the pod holds more than 1,000. A room listed with no viewers is released.
// It returns the counts of the rooms, in their order.
//
// With NewOnly a large room costs what changed in it.
//
// The name of a pod must not contain spaces. The cost is one command for up to 64 rooms (on a cluster one a room, as
// they are in different slots), and one for up to 2,000 users in each of 8 shards.
func (s *State) Renew(ctx context.Context, pod string, rooms []RoomLease) ([]Count, error) {
	counts := make([]Count, len(rooms))
	held := make([]userRoom, 0, len(rooms))
	for i := range rooms {
		for _, user := range rooms[i].fresh() {
			held = append(held, userRoom{user: user, room: rooms[i].Room})
		}
	}
	if err := s.recordLargeRooms(ctx, rooms); err != nil {
		return nil, fmt.Errorf("renew leases of %d rooms: %w", len(rooms), err)
	}
	groups := s.renewals(pod, rooms)
	replies, err := s.runAll(ctx, s.renew, groups)
	if err != nil {
		return nil, fmt.Errorf("renew leases of %d rooms: %w", len(rooms), err)
	}
	at := 0
	for _, reply := range replies {
		for _, one := range reply {
			count, left, err := parseRenewal(one)
			if err != nil || at == len(rooms) {
				return nil, fmt.Errorf("renew leases of %d rooms: answer %v: %w", len(rooms), one, err)
			}
			for _, user := range left {
				held = append(held, userRoom{user: user, room: rooms[at].Room, left: true})
			}
			counts[at] = count
			at++
		}
	}
	if err := s.leaseUsers(ctx, holderOf(pod), PodLease, held); err != nil {
		return nil, fmt.Errorf("renew leases of %d users: %w", len(held), err)
	}
	return counts, nil
}

// recordLargeRooms does for all users of a large room what the script does for those listed.
func (s *State) recordLargeRooms(ctx context.Context, rooms []RoomLease) error {
	for i := range rooms {
		if len(rooms[i].Users) <= maxMembers {
			continue
		}
		users := rooms[i].fresh()
		_, err := s.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for len(users) > 0 {
				part := users[:min(len(users), maxOneShot)]
				users = users[len(part):]
				args := make([]any, len(part))
				for i, user := range part {
					args[i] = int64(user)
				}
				pipe.PFAdd(ctx, UniquesKey(rooms[i].Room), args...)
				pipe.ZRem(ctx, JoinedKey(rooms[i].Room), args...)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// renewals cuts the rooms into script calls; see renew.lua.
func (s *State) renewals(pod string, rooms []RoomLease) []scriptCall {
	most := maxGroup
	if _, cluster := s.rdb.(*redis.ClusterClient); cluster {
		most = 1
	}
	var calls []scriptCall
	inCall, listed := 0, 0
	for i := range rooms {
		r := &rooms[i]
		users := sample(r.Users, maxMembers)
		if len(calls) == 0 || inCall == most || listed+len(users)+len(r.NewGuests) > maxInCall {
			calls = append(calls, scriptCall{args: []any{pod, PodLease.Milliseconds()}})
			inCall, listed = 0, 0
		}
		inCall, listed = inCall+1, listed+len(users)+len(r.NewGuests)
		call := &calls[len(calls)-1]
		members := MembersKey(r.Room, pod)
		call.keys = append(call.keys, PodsKey(r.Room), members, members+":new", JoinedKey(r.Room), UniquesKey(r.Room))
		all := 1
		if len(users) < len(r.Users) {
			all = 0
		}
		guests := r.NewGuests[:min(len(r.NewGuests), maxMembers)]
		call.args = append(call.args, len(r.Users), r.Guests, all, len(guests), len(users))
		for _, guest := range guests {
			call.args = append(call.args, "g:"+guest)
		}
		for _, user := range users {
			call.args = append(call.args, int64(user))
		}
	}
	return calls
}

// sample returns n of the users, the same ones while the list stays the same.
func sample(users []live.UserID, n int) []live.UserID {
	if len(users) <= n {
		return users
	}
	some := make([]live.UserID, n)
	for i := range some {
		some[i] = users[i*len(users)/n]
	}
	return some
}

func parseRenewal(v any) (count Count, left []live.UserID, err error) {
	values, ok := v.([]any)
	if !ok || len(values) < 2 {
		return Count{}, nil, fmt.Errorf("%T instead of counts", v)
	}
	if count, err = parseCount(values[:2]); err != nil {
		return Count{}, nil, err
	}
	left, err = parseUsers(texts(values[2:]))
	return count, left, err
}

func parseCount(values []any) (Count, error) {
	if len(values) != 2 {
		return Count{}, fmt.Errorf("%d values instead of counts", len(values))
	}
	online, ok := values[0].(int64)
	unique, both := values[1].(int64)
	if !ok || !both {
		return Count{}, fmt.Errorf("%T, %T instead of counts", values[0], values[1])
	}
	return Count{Online: online, Unique: unique}, nil
}

func parseUsers(names []string) ([]live.UserID, error) {
	users := make([]live.UserID, len(names))
	for i, name := range names {
		id, err := strconv.ParseInt(name, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("user %q: %w", name, err)
		}
		users[i] = live.UserID(id)
	}
	return users, nil
}
