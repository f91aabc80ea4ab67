package roomstate

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
)

// holderHTTP holds the leases of joins over HTTP; pods' names are hashed to eight digits.
const holderHTTP = "h"

func holderOf(pod string) string {
	h := fnv.New32a()
	h.Write([]byte(pod))
	return fmt.Sprintf("%08x", h.Sum32())
}

// userRoom says that a user is in a room, or has left it.
type userRoom struct {
	user live.UserID
	room live.RoomID
	left bool
}

// leaseUsers writes where the users are now, and ends where they have left.
func (s *State) leaseUsers(ctx context.Context, holder string, lease time.Duration, all []userRoom) error {
	slices.SortFunc(all, func(a, b userRoom) int {
		return cmp.Or(cmp.Compare(userShard(a.user), userShard(b.user)), cmp.Compare(a.user, b.user))
	})
	now := time.Now()
	var calls []scriptCall
	shard := -1
	for len(all) > 0 {
		user, n := all[0].user, 1
		for n < len(all) && all[n].user == user {
			n++
		}
		if s := userShard(user); s != shard || len(calls[len(calls)-1].args) > 2*maxInCall {
			shard = s
			calls = append(calls, scriptCall{
				keys: []string{UserLeasesKey(s, now.Unix()/int64(generation.Seconds()))},
				args: []any{int64(lease.Seconds()), holder},
			})
		}
		call := &calls[len(calls)-1]
		call.args = append(call.args, int64(user), roomsOf(all[:n]))
		all = all[n:]
	}
	_, err := s.runAll(ctx, s.users, calls)
	return err
}

// roomsOf writes "<rooms held>;<rooms left>".
func roomsOf(of []userRoom) string {
	var b []byte
	for _, left := range []bool{false, true} {
		first := true
		for _, ur := range of {
			if ur.left != left {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			b, first = strconv.AppendInt(b, int64(ur.room), 10), false
		}
		if !left {
			b = append(b, ';')
		}
	}
	return string(b)
}

// UserPresence is where a user is. LastSeen is zero when the user was not seen for one to two weeks; while a user is
// online it is the last renewal.
type UserPresence struct {
	User     live.UserID
	Online   bool
	Rooms    []live.RoomID
	LastSeen time.Time
}

// UsersOnline returns the presence of each user, in the order asked.
func (s *State) UsersOnline(ctx context.Context, users []live.UserID) ([]UserPresence, error) {
	byShard := make(map[int][]int)
	for i, user := range users {
		byShard[userShard(user)] = append(byShard[userShard(user)], i)
	}
	present := time.Now().Unix() / int64(generation.Seconds())
	type lookup struct {
		places []int
		cmd    *redis.SliceCmd
	}
	var lookups []lookup
	var clock *redis.TimeCmd // leases end by the clock of Redis, which this process' need not agree with
	_, err := s.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		clock = pipe.Time(ctx)
		for shard, places := range byShard {
			fields := make([]string, len(places))
			for i, place := range places {
				fields[i] = strconv.FormatInt(int64(users[place]), 10)
			}
			for _, of := range []int64{present - 1, present} {
				lookups = append(lookups, lookup{places, pipe.HMGet(ctx, UserLeasesKey(shard, of), fields...)})
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read presence of %d users: %w", len(users), err)
	}
	found := make([]UserPresence, len(users))
	for i, user := range users {
		found[i].User = user
	}
	for _, l := range lookups {
		for i, value := range l.cmd.Val() {
			text, ok := value.(string)
			if !ok {
				continue
			}
			if err := found[l.places[i]].add(text, clock.Val()); err != nil {
				return nil, fmt.Errorf("read presence of user %d: %w", users[l.places[i]], err)
			}
		}
	}
	return found, nil
}

// add takes in one value of a hash of leases; see users.lua.
func (p *UserPresence) add(text string, now time.Time) error {
	head, entries, ok := strings.Cut(text, "|")
	seen, err := strconv.ParseInt(head, 10, 64)
	if !ok || err != nil {
		return fmt.Errorf("lease %q", text)
	}
	if at := time.Unix(seen, 0).UTC(); at.After(p.LastSeen) {
		p.LastSeen = at
	}
	for entry := range strings.SplitSeq(entries, ",") {
		if entry == "" {
			continue
		}
		room, rest, okRoom := strings.Cut(entry, "@")
		_, ends, okEnd := strings.Cut(rest, ":")
		id, errRoom := strconv.ParseInt(room, 10, 64)
		end, errEnd := strconv.ParseInt(ends, 10, 64)
		if !okRoom || !okEnd || errRoom != nil || errEnd != nil {
			return fmt.Errorf("lease %q", text)
		}
		if end > now.Unix() && !slices.Contains(p.Rooms, live.RoomID(id)) {
			p.Rooms = append(p.Rooms, live.RoomID(id))
		}
	}
	slices.Sort(p.Rooms)
	p.Online = len(p.Rooms) > 0
	return nil
}
