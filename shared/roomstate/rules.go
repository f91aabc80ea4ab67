package roomstate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
)

// maxListed is how many mutes or bans of a room a process keeps; of a room with more, each user is looked up in Redis.
const maxListed = 10_000

// Standing is what a user may do in a room. A zero time means "not at all"; "for ever" is the year 9999.
type Standing struct {
	BannedUntil time.Time
	MutedUntil  time.Time
	Moderator   bool
}

// Banned reports whether the user may not be in the room.
func (s Standing) Banned(now time.Time) bool { return now.Before(s.BannedUntil) }

// Muted reports whether the user may not speak.
func (s Standing) Muted(now time.Time) bool { return now.Before(s.MutedUntil) }

// Settings are a room's moderation settings. Zero values: no slow mode, no words, the platform's display rate.
type Settings struct {
	SlowMode     time.Duration // least time between two danmu of one viewer
	DisplayRate  int           // danmu and likes shown a second; 0: ROOM_DISPLAY_RATE
	BlockedWords []string      // as entered, in order; folding is the matcher's work
	WordsVersion int64         // grows with each change of BlockedWords, so that a matcher is built once a change
}

// rules are all of a room's, as read at one time. Nobody changes them.
type rules struct {
	mutes, bans map[live.UserID]time.Time // nil: too many, look the user up
	moderators  map[live.UserID]struct{}
	settings    Settings
}

// Standing returns the user's standing in the room.
func (s *State) Standing(ctx context.Context, room live.RoomID, user live.UserID) (Standing, error) {
	r, err := s.roomRules(ctx, room)
	if err != nil {
		return Standing{}, err
	}
	_, moderator := r.moderators[user]
	found := Standing{BannedUntil: r.bans[user], MutedUntil: r.mutes[user], Moderator: moderator}
	if r.bans == nil {
		if found.BannedUntil, err = s.end(ctx, BansKey(room), user); err != nil {
			return Standing{}, fmt.Errorf("standing of user %d in room %d: %w", user, room, err)
		}
	}
	if r.mutes == nil {
		if found.MutedUntil, err = s.end(ctx, MutesKey(room), user); err != nil {
			return Standing{}, fmt.Errorf("standing of user %d in room %d: %w", user, room, err)
		}
	}
	return found, nil
}

// Settings returns the room's settings. BlockedWords must not be changed by the caller.
func (s *State) Settings(ctx context.Context, room live.RoomID) (Settings, error) {
	r, err := s.roomRules(ctx, room)
	if err != nil {
		return Settings{}, err
	}
	return r.settings, nil
}

// DisplayRate is the room's own display rate, 0 when it has none or its settings are not in this process' cache. It
// never blocks: looking up the standing of a message's sender has filled the cache before the message is shown.
func (s *State) DisplayRate(room live.RoomID) int {
	r, ok := s.rules.Peek(context.Background(), room)
	if !ok {
		return 0
	}
	return r.settings.DisplayRate
}

func (s *State) roomRules(ctx context.Context, room live.RoomID) (*rules, error) {
	r, err := s.rules.Get(ctx, room, s.loadRules)
	if err != nil {
		return nil, fmt.Errorf("read rules of room %d: %w", room, err)
	}
	return r, nil
}

func (s *State) end(ctx context.Context, key string, user live.UserID) (time.Time, error) {
	text, err := s.rdb.HGet(ctx, key, strconv.FormatInt(int64(user), 10)).Result()
	if errors.Is(err, redis.Nil) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return parseEnd(text)
}

func (s *State) loadRules(ctx context.Context, room live.RoomID) (*rules, error) {
	keys := []string{MutesKey(room), BansKey(room), ModeratorsKey(room), SettingsKey(room), WordsKey(room)}
	reply, err := s.readRules.Run(ctx, s.rdb, keys, maxListed).Slice()
	if err != nil {
		return nil, err
	}
	if len(reply) != len(keys) {
		return nil, fmt.Errorf("script answered %d values", len(reply))
	}
	r := &rules{moderators: make(map[live.UserID]struct{})}
	if r.mutes, err = parseEnds(reply[0]); err != nil {
		return nil, fmt.Errorf("mutes: %w", err)
	}
	if r.bans, err = parseEnds(reply[1]); err != nil {
		return nil, fmt.Errorf("bans: %w", err)
	}
	for _, text := range texts(reply[2]) {
		user, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("moderator %q: %w", text, err)
		}
		r.moderators[live.UserID(user)] = struct{}{}
	}
	if r.settings, err = parseSettings(texts(reply[3])); err != nil {
		return nil, err
	}
	r.settings.BlockedWords = texts(reply[4])
	slices.Sort(r.settings.BlockedWords)
	return r, nil
}

// texts are the strings of a list in a script's answer; none when it is something else.
func texts(v any) []string {
	list, ok := v.([]any)
	if !ok {
		return nil
	}
	found := make([]string, 0, len(list))
	for _, item := range list {
		if text, ok := item.(string); ok {
			found = append(found, text)
		}
	}
	return found
}

func parseEnds(v any) (map[live.UserID]time.Time, error) {
	if _, ok := v.([]any); !ok {
		return nil, nil
	}
	pairs := texts(v)
	ends := make(map[live.UserID]time.Time, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		user, err := strconv.ParseInt(pairs[i], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("user %q: %w", pairs[i], err)
		}
		if ends[live.UserID(user)], err = parseEnd(pairs[i+1]); err != nil {
			return nil, err
		}
	}
	return ends, nil
}

// endless is how "for ever" is kept.
const endless = "0"

func parseEnd(text string) (time.Time, error) {
	if text == endless {
		return Forever(), nil
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("end %q: %w", text, err)
	}
	return time.UnixMilli(ms), nil
}

// The fields of SettingsKey.
const (
	fieldSlowMode = "slow_ms"
	fieldRate     = "display_rate"
	fieldWords    = "words_version"
)

func parseSettings(pairs []string) (Settings, error) {
	var found Settings
	for i := 0; i+1 < len(pairs); i += 2 {
		n, err := strconv.ParseInt(pairs[i+1], 10, 64)
		if err != nil {
			return Settings{}, fmt.Errorf("setting %s: %w", pairs[i], err)
		}
		switch pairs[i] {
		case fieldSlowMode:
			found.SlowMode = time.Duration(n) * time.Millisecond
		case fieldRate:
			found.DisplayRate = int(n)
		case fieldWords:
			found.WordsVersion = n
		}
	}
	return found, nil
}
