// Package gifters ranks who gave most in a room on a day. The ranking lives in Redis and is made of totals that the
// ledger summed, never of increments: the same total put twice, late, or by two processes at once changes nothing, and
// what Redis lost is put again from the ledger.
package gifters

import (
	"context"
	_ "embed" // the script
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
)

// Total is what a user has given to a room on the day of UTC that Day lies in, refunds taken off. Of two totals of the
// same user, room and day the one with the greater Version is the later one.
type Total struct {
	Room     live.RoomID
	Day      time.Time
	User     live.UserID
	Coins    live.Coins
	Version  int64
	Nickname string // empty: as it was known
}

// Place is one line of a ranking.
type Place struct {
	Rank     int
	User     live.UserID
	Nickname string
	Coins    live.Coins
}

// Keep is how long a day's ranking stays after its last change.
const Keep = 8 * 24 * time.Hour

// chunk bounds how long one call of the script holds Redis up.
const chunk = 500

//go:embed put.lua
var putLua string

// Board is every room's ranking. Its methods may be called concurrently.
type Board struct {
	redis redis.UniversalClient
	put   *redis.Script
}

// New returns the rankings that rdb keeps.
func New(rdb redis.UniversalClient) *Board { return &Board{redis: rdb, put: redis.NewScript(putLua)} }

type board struct {
	room live.RoomID
	day  string
}

func dayOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// Put takes the totals into their rankings, but for those of which a later version is there.
func (b *Board) Put(ctx context.Context, totals []Total) error {
	args := map[board][]any{}
	for _, t := range totals {
		at := board{t.Room, dayOf(t.Day)}
		args[at] = append(args[at], int64(t.User), int64(t.Coins), t.Version, t.Nickname)
		if len(args[at]) == 4*chunk {
			if err := b.putInto(ctx, at, args[at]); err != nil {
				return err
			}
			delete(args, at)
		}
	}
	for at, some := range args {
		if err := b.putInto(ctx, at, some); err != nil {
			return err
		}
	}
	return nil
}

func (b *Board) putInto(ctx context.Context, at board, args []any) error {
	keys := []string{roomstate.GiftersKey(at.room, at.day), roomstate.GifterVersionsKey(at.room, at.day)}
	if err := b.put.Run(ctx, b.redis, keys, append([]any{Keep.Milliseconds()}, args...)...).Err(); err != nil {
		return fmt.Errorf("rank %d gifters of room %d: %w", len(args)/4, at.room, err)
	}
	return nil
}

// Top returns the room's first limit gifters of the day.
func (b *Board) Top(ctx context.Context, room live.RoomID, day time.Time, limit int) ([]Place, error) {
	scores, err := b.redis.ZRevRangeWithScores(ctx, roomstate.GiftersKey(room, dayOf(day)), 0, int64(limit)-1).Result()
	if err != nil || len(scores) == 0 {
		return nil, wrapRoom(room, err)
	}
	users := make([]string, len(scores))
	for i, z := range scores {
		users[i] = fmt.Sprint(z.Member)
	}
	known, err := b.redis.HMGet(ctx, roomstate.GifterVersionsKey(room, dayOf(day)), users...).Result()
	if err != nil {
		return nil, wrapRoom(room, err)
	}
	places := make([]Place, len(scores))
	for i, z := range scores {
		user, err := strconv.ParseInt(users[i], 10, 64)
		if err != nil {
			return nil, wrapRoom(room, err)
		}
		places[i] = Place{Rank: i + 1, User: live.UserID(user), Coins: live.Coins(z.Score)}
		if text, ok := known[i].(string); ok {
			_, places[i].Nickname, _ = strings.Cut(text, " ")
		}
	}
	return places, nil
}

func wrapRoom(room live.RoomID, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("gifters of room %d: %w", room, err)
}
