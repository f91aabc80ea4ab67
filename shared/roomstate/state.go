// Package roomstate is what all pods know of a room and of who is online: the cached room, its moderation, and presence
// by leases, kept in Redis so that any pod may die.
package roomstate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/cache"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// How much this process keeps, and for how long: commands on a room's channel say when it is out of date (Invalidate),
// the times are for those that get lost.
const (
	cachedRooms = 10_000
	cachedFor   = 5 * time.Second
	infoTTL     = time.Hour // of the room in Redis
)

// Config holds what may be left zero.
type Config struct {
	Metrics *telemetry.Metrics // where cache hits and misses are counted; nil: nowhere

	// Restore makes Redis hold a room's rules (see State.Restore) after it has lost them, or before it has had any. While
	// it fails, nothing is known of anybody's standing in the room. nil: what is not in Redis does not exist.
	Restore func(ctx context.Context, room live.RoomID) error
}

// State reads and writes room state. Its methods may be called concurrently.
type State struct {
	rdb   redis.UniversalClient
	rooms *cache.Cache[live.RoomID, live.Room]
	rules *cache.Cache[live.RoomID, *rules]

	restoreFrom func(context.Context, live.RoomID) error

	putRoom, readRules, change, putRules, renew, join, viewers, users, turns, pace *redis.Script
}

// New returns the state kept in rdb. The caller owes a Close.
func New(rdb redis.UniversalClient, c Config) (*State, error) {
	rooms, err := cache.New[live.RoomID, live.Room](cache.Config{Name: "room", Entries: cachedRooms, TTL: cachedFor, Metrics: c.Metrics})
	if err != nil {
		return nil, err
	}
	rules, err := cache.New[live.RoomID, *rules](cache.Config{Name: "rules", Entries: cachedRooms, TTL: cachedFor, Metrics: c.Metrics})
	if err != nil {
		rooms.Close()
		return nil, err
	}
	return &State{
		rdb: rdb, rooms: rooms, rules: rules, restoreFrom: c.Restore,
		putRoom: redis.NewScript(putRoomLua), readRules: redis.NewScript(rulesLua),
		change: redis.NewScript(changeLua), putRules: redis.NewScript(putRulesLua),
		renew: redis.NewScript(countLua + renewLua), join: redis.NewScript(countLua + joinLua),
		viewers: redis.NewScript(countLua + viewersLua), users: redis.NewScript(usersLua),
		turns: redis.NewScript(turnsLua), pace: redis.NewScript(paceLua),
	}, nil
}

// Close ends the caches. The state must not be used afterwards.
func (s *State) Close() {
	s.rooms.Close()
	s.rules.Close()
}

// Invalidate drops what this process caches of the room. Call it for each command on the room's channel.
func (s *State) Invalidate(room live.RoomID) {
	s.rooms.Delete(room)
	s.rules.Delete(room)
}

var errNoRoom = errors.New("not in redis")

// Room returns the cached room, from this process or from Redis; false when Redis doesn't have it.
func (s *State) Room(ctx context.Context, room live.RoomID) (live.Room, bool, error) {
	found, err := s.rooms.Get(ctx, room, s.loadRoom)
	if errors.Is(err, errNoRoom) {
		return live.Room{}, false, nil
	}
	if err != nil {
		return live.Room{}, false, fmt.Errorf("read room %d: %w", room, err)
	}
	return copyOf(found), true, nil
}

func (s *State) loadRoom(ctx context.Context, room live.RoomID) (live.Room, error) {
	text, err := s.rdb.HGet(ctx, InfoKey(room), "room").Bytes()
	if errors.Is(err, redis.Nil) {
		return live.Room{}, errNoRoom
	}
	if err != nil {
		return live.Room{}, err
	}
	var found live.Room
	if err := json.Unmarshal(text, &found); err != nil {
		return live.Room{}, fmt.Errorf("decode: %w", err)
	}
	return found, nil
}

// copyOf shares nothing with the room in the cache.
func copyOf(room live.Room) live.Room {
	for _, t := range []**time.Time{&room.StartedAt, &room.EndedAt} {
		if *t != nil {
			own := **t
			*t = &own
		}
	}
	return room
}

// PutRoom caches the room for all pods. An older one (by UpdatedAt) never replaces a newer one. Send a command to the
// room afterwards, else other pods may show the former one for some seconds.
func (s *State) PutRoom(ctx context.Context, room live.Room) error {
	text, err := json.Marshal(room)
	if err != nil {
		return fmt.Errorf("encode room %d: %w", room.ID, err)
	}
	args := []any{room.UpdatedAt.UnixMicro(), text, int(infoTTL.Seconds())}
	if err := s.putRoom.Run(ctx, s.rdb, []string{InfoKey(room.ID)}, args...).Err(); err != nil {
		return fmt.Errorf("cache room %d: %w", room.ID, err)
	}
	s.rooms.Delete(room.ID)
	return nil
}
