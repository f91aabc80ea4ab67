package roomstate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

// maxListed is how many mutes or bans of a room a process keeps; of a room with more, each user is looked up in Redis.
const maxListed = 10_000

// Standing is what a user may do in a room. A zero time means "not at all"; "for ever" is the year 9999.
type Standing struct {
	BannedUntil time.Time
	MutedUntil  time.Time
	BanReason   string
	MuteReason  string
	Moderator   bool
}

// Banned reports whether the user may not be in the room.
func (s Standing) Banned(now time.Time) bool { return now.Before(s.BannedUntil) }

// Muted reports whether the user may not speak.
func (s Standing) Muted(now time.Time) bool { return now.Before(s.MutedUntil) }

// Settings are a room's moderation settings. Zero values: no slow mode, no words, the platform's display rate.
type Settings struct {
	SlowMode    time.Duration // least time between two danmu of one viewer, as moderators want it
	Adaptive    bool          // slow mode follows the room's rate
	Pace        time.Duration // what it makes of it now
	DisplayRate int           // danmu and likes shown a second; 0: ROOM_DISPLAY_RATE
	Words       string        // WordsName of the blocked words
}

// Slow is the slow mode in force.
func (s Settings) Slow() time.Duration {
	if !s.Adaptive {
		return s.SlowMode
	}
	return max(s.SlowMode, s.Pace)
}

// Shown is what viewers may know of the settings.
func (s Settings) Shown() wire.SettingsData {
	return wire.SettingsData{
		SlowModeSeconds: int((s.Slow() + time.Second - 1) / time.Second), AdaptiveSlowMode: s.Adaptive, MaxDanmuPerSecond: s.DisplayRate,
	}
}

// rules are all of a room's, as read at one time. Nobody changes them.
type rules struct {
	mutes, bans map[live.UserID]Sanction // nil: too many, look the user up
	moderators  map[live.UserID]struct{}
	settings    Settings
}

// Standing returns the user's standing in the room.
func (s *State) Standing(ctx context.Context, room live.RoomID, user live.UserID) (Standing, error) {
	r, err := s.roomRules(ctx, room)
	if err != nil {
		return Standing{}, err
	}
	ban, mute := r.bans[user], r.mutes[user]
	if r.bans == nil {
		if ban, err = s.sanction(ctx, BansKey(room), user); err != nil {
			return Standing{}, fmt.Errorf("standing of user %d in room %d: %w", user, room, err)
		}
	}
	if r.mutes == nil {
		if mute, err = s.sanction(ctx, MutesKey(room), user); err != nil {
			return Standing{}, fmt.Errorf("standing of user %d in room %d: %w", user, room, err)
		}
	}
	_, moderator := r.moderators[user]
	return Standing{
		BannedUntil: ban.Until, BanReason: ban.Reason, MutedUntil: mute.Until, MuteReason: mute.Reason, Moderator: moderator,
	}, nil
}

// Banned returns those of the users who are banned from the room now.
func (s *State) Banned(ctx context.Context, room live.RoomID, users []live.UserID) ([]live.UserID, error) {
	r, err := s.roomRules(ctx, room)
	if err != nil {
		return nil, err
	}
	bans := r.bans
	if bans == nil {
		if bans, err = s.sanctions(ctx, BansKey(room), users); err != nil {
			return nil, fmt.Errorf("bans of %d users in room %d: %w", len(users), room, err)
		}
	}
	if len(bans) == 0 {
		return nil, nil
	}
	var banned []live.UserID
	now := time.Now()
	for _, user := range users {
		if now.Before(bans[user].Until) {
			banned = append(banned, user)
		}
	}
	return banned, nil
}

// Settings returns the room's settings.
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

func (s *State) sanction(ctx context.Context, key string, user live.UserID) (Sanction, error) {
	text, err := s.rdb.HGet(ctx, key, strconv.FormatInt(int64(user), 10)).Result()
	if errors.Is(err, redis.Nil) {
		return Sanction{}, nil
	}
	if err != nil {
		return Sanction{}, err
	}
	return parseSanction(text)
}

// sanctions are those of the users that Redis has, in a room with too many to keep.
func (s *State) sanctions(ctx context.Context, key string, users []live.UserID) (map[live.UserID]Sanction, error) {
	found := make(map[live.UserID]Sanction)
	for part := range slices.Chunk(users, maxOneShot) {
		fields := make([]string, len(part))
		for i, user := range part {
			fields[i] = strconv.FormatInt(int64(user), 10)
		}
		values, err := s.rdb.HMGet(ctx, key, fields...).Result()
		if err != nil {
			return nil, err
		}
		for i, value := range values {
			text, ok := value.(string)
			if !ok {
				continue
			}
			if found[part[i]], err = parseSanction(text); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

func (s *State) loadRules(ctx context.Context, room live.RoomID) (*rules, error) {
	reply, err := s.askRules(ctx, room)
	if errors.Is(err, redis.Nil) { // a room that nobody asked about for long, or Redis has lost it
		if err := s.heal(ctx, room); err != nil {
			return nil, err
		}
		reply, err = s.askRules(ctx, room)
	}
	if err != nil {
		return nil, err
	}
	if len(reply) != 4 {
		return nil, fmt.Errorf("script answered %d values", len(reply))
	}
	r := &rules{moderators: make(map[live.UserID]struct{})}
	if r.settings, err = parseSettings(texts(reply[0])); err != nil {
		return nil, err
	}
	if r.mutes, err = parseSanctions(reply[1]); err != nil {
		return nil, fmt.Errorf("mutes: %w", err)
	}
	if r.bans, err = parseSanctions(reply[2]); err != nil {
		return nil, fmt.Errorf("bans: %w", err)
	}
	for _, text := range texts(reply[3]) {
		user, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("moderator %q: %w", text, err)
		}
		r.moderators[live.UserID(user)] = struct{}{}
	}
	return r, nil
}

func (s *State) askRules(ctx context.Context, room live.RoomID) ([]any, error) {
	restorable := 0
	if s.restoreFrom != nil {
		restorable = 1
	}
	return s.readRules.Run(ctx, s.rdb, ruleKeys(room), maxListed, restorable).Slice()
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

func parseSanctions(v any) (map[live.UserID]Sanction, error) {
	if _, ok := v.([]any); !ok {
		return nil, nil
	}
	pairs := texts(v)
	found := make(map[live.UserID]Sanction, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		user, err := strconv.ParseInt(pairs[i], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("user %q: %w", pairs[i], err)
		}
		if found[live.UserID(user)], err = parseSanction(pairs[i+1]); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// endless is how "for ever" is kept.
const endless = "0"

func parseSanction(text string) (Sanction, error) {
	end, reason, _ := strings.Cut(text, " ")
	if end == endless {
		return Sanction{Until: Forever(), Reason: reason}, nil
	}
	ms, err := strconv.ParseInt(end, 10, 64)
	if err != nil {
		return Sanction{}, fmt.Errorf("end %q: %w", end, err)
	}
	return Sanction{Until: time.UnixMilli(ms), Reason: reason}, nil
}

// The fields of SettingsKey.
const (
	fieldVersion  = "v"
	fieldSlowMode = "slow_ms"
	fieldAdaptive = "adaptive"
	fieldPace     = "pace_ms"
	fieldRate     = "display_rate"
	fieldWords    = "words"
)

func (s Settings) fields(words []string) []any {
	adaptive := 0
	if s.Adaptive {
		adaptive = 1
	}
	return []any{
		fieldSlowMode, s.SlowMode.Milliseconds(), fieldAdaptive, adaptive, fieldRate, s.DisplayRate, fieldWords, WordsName(words),
	}
}

func parseSettings(pairs []string) (Settings, error) {
	var found Settings
	for i := 0; i+1 < len(pairs); i += 2 {
		field, value := pairs[i], pairs[i+1]
		if field == fieldWords {
			found.Words = value
			continue
		}
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return Settings{}, fmt.Errorf("setting %s: %w", field, err)
		}
		switch field {
		case fieldSlowMode:
			found.SlowMode = time.Duration(n) * time.Millisecond
		case fieldAdaptive:
			found.Adaptive = n != 0
		case fieldPace:
			found.Pace = time.Duration(n) * time.Millisecond
		case fieldRate:
			found.DisplayRate = int(n)
		}
	}
	return found, nil
}
