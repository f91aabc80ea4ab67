package roomstate

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
)

// SQL holds what moderators have decided (package rulebook); Redis holds a copy for those who ask for every message.
// Each decision has the next version of its room. A copy that has lost something, or everything, is seen by its version
// and restored as a whole.
//
// What is written here is in force at once in this process, and elsewhere when a command has told the pods of the
// room, or after some seconds.

// Forever is the end of a mute or a ban that has none.
func Forever() time.Time { return time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) }

// Sanction is a mute or a ban; the zero one, or one that has ended, is none.
type Sanction struct {
	Until  time.Time
	Reason string
}

// Change is one part of a decision.
type Change struct{ commands []command }

// command is a Redis command on one of a room's ruleKeys.
type command struct {
	name string
	key  int
	args []any
}

// The places in ruleKeys, from 1 as Lua counts.
const (
	keySettings = iota + 1
	keyMutes
	keyBans
	keyModerators
	keyWords
)

func ruleKeys(room live.RoomID) []string {
	return []string{SettingsKey(room), MutesKey(room), BansKey(room), ModeratorsKey(room), WordsKey(room)}
}

// Mute forbids the user to speak until the sanction ends.
func Mute(user live.UserID, s Sanction) Change { return sanction(keyMutes, user, s) }

// Ban keeps the user out until the sanction ends.
func Ban(user live.UserID, s Sanction) Change { return sanction(keyBans, user, s) }

func sanction(key int, user live.UserID, s Sanction) Change {
	field := strconv.FormatInt(int64(user), 10)
	if !s.Until.After(time.Now()) {
		return Change{[]command{{"HDEL", key, []any{field}}}}
	}
	return Change{[]command{{"HSET", key, []any{field, s.value()}}}}
}

// Moderator makes the user a moderator of the room, or no longer.
func Moderator(user live.UserID, moderates bool) Change {
	name := "SREM"
	if moderates {
		name = "SADD"
	}
	return Change{[]command{{name, keyModerators, []any{int64(user)}}}}
}

// Configure replaces the room's settings and blocked words. Settings.Words and Settings.Pace are not looked at.
func Configure(s Settings, words []string) Change {
	return Change{[]command{{"HSET", keySettings, s.fields(words)}, {"SET", keyWords, []any{joinWords(words)}}}}
}

// Apply brings a decision into Redis. When Redis does not have all that was decided before, all is restored from SQL.
// Version 0 is a change that SQL knows nothing of.
func (s *State) Apply(ctx context.Context, room live.RoomID, version int64, changes ...Change) error {
	args := []any{version}
	for _, change := range changes {
		for _, c := range change.commands {
			args = append(append(args, c.name, c.key, len(c.args)), c.args...)
		}
	}
	applied, err := s.change.Run(ctx, s.rdb, ruleKeys(room), args...).Int()
	if err == nil && applied == 0 {
		err = s.heal(ctx, room)
	}
	if err != nil {
		return fmt.Errorf("change rules of room %d: %w", room, err)
	}
	s.rules.Delete(room)
	return nil
}

func (s *State) heal(ctx context.Context, room live.RoomID) error {
	if s.restoreFrom == nil {
		return fmt.Errorf("rules are not in redis, and there is nowhere to restore them from")
	}
	if err := s.restoreFrom(ctx, room); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}

// Rules are all that was decided for a room up to a version.
type Rules struct {
	Version     int64
	Mutes, Bans map[live.UserID]Sanction
	Moderators  []live.UserID
	Settings    Settings
	Words       []string
}

// restoreChunk bounds one command of a restore.
const restoreChunk = 500

// Restore makes Redis hold the rules, unless it has newer ones. What a room's pace makes of slow mode stays.
func (s *State) Restore(ctx context.Context, room live.RoomID, r Rules) error {
	if err := s.restore(ctx, room, r); err != nil {
		return fmt.Errorf("restore rules of room %d: %w", room, err)
	}
	s.rules.Delete(room)
	return nil
}

// restore writes the long parts beside the old ones first, so that one short script puts all in place at once.
func (s *State) restore(ctx context.Context, room live.RoomID, r Rules) error {
	aside := func(part string) string { return roomKey(room, ":restore:"+part+":"+rand.Text()) }
	mutes, bans, moderators := aside("mutes"), aside("bans"), aside("moderators")
	_, err := s.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for key, ends := range map[string]map[live.UserID]Sanction{mutes: r.Mutes, bans: r.Bans} {
			for users := range slices.Chunk(slices.Collect(maps.Keys(ends)), restoreChunk) {
				fields := make([]any, 0, 2*len(users))
				for _, user := range users {
					fields = append(fields, int64(user), ends[user].value())
				}
				pipe.HSet(ctx, key, fields...)
			}
			pipe.Expire(ctx, key, time.Minute)
		}
		for users := range slices.Chunk(r.Moderators, restoreChunk) {
			members := make([]any, len(users))
			for i, user := range users {
				members[i] = int64(user)
			}
			pipe.SAdd(ctx, moderators, members...)
		}
		pipe.Expire(ctx, moderators, time.Minute)
		return nil
	})
	if err != nil {
		return err
	}
	keys := append(ruleKeys(room), mutes, bans, moderators)
	args := append([]any{r.Version, joinWords(r.Words)}, r.Settings.fields(r.Words)...)
	return s.putRules.Run(ctx, s.rdb, keys, args...).Err()
}

// Versions returns which version of each room's rules Redis has; -1: none.
func (s *State) Versions(ctx context.Context, rooms []live.RoomID) ([]int64, error) {
	cmds := make([]*redis.StringCmd, len(rooms))
	_, err := s.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, room := range rooms {
			cmds[i] = pipe.HGet(ctx, SettingsKey(room), fieldVersion)
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("read versions of %d rooms: %w", len(rooms), err)
	}
	versions := make([]int64, len(rooms))
	for i, cmd := range cmds {
		if versions[i], err = cmd.Int64(); err != nil {
			versions[i] = -1
		}
	}
	return versions, nil
}

// value is how a sanction is kept: the end in Unix ms, 0 for ever, and the reason.
func (s Sanction) value() string {
	end := endless
	if s.Until.Before(Forever()) {
		end = strconv.FormatInt(s.Until.UnixMilli(), 10)
	}
	if s.Reason == "" {
		return end
	}
	return end + " " + s.Reason
}

// joinWords is how blocked words are kept. They have no line breaks: folding leaves those out.
func joinWords(words []string) string { return strings.Join(words, "\n") }

// WordsName names a list of words by what is in it, so that equal lists are compiled once; "" is the empty one.
func WordsName(words []string) string {
	if len(words) == 0 {
		return ""
	}
	sum := sha256.Sum256([]byte(joinWords(words)))
	return hex.EncodeToString(sum[:16])
}

// BlockedWords returns the room's list as Redis has it now, which WordsName names.
func (s *State) BlockedWords(ctx context.Context, room live.RoomID) ([]string, error) {
	text, err := s.rdb.Get(ctx, WordsKey(room)).Result()
	if errors.Is(err, redis.Nil) || err == nil && text == "" {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read words of room %d: %w", room, err)
	}
	return strings.Split(text, "\n"), nil
}
