package roomstate

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
)

// What is written here is in force at once in this process, and elsewhere when a command has told the pods of the
// room, or after some seconds.

// Forever is the end of a mute or a ban that has none.
func Forever() time.Time { return time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) }

// Mute forbids the user to speak until then; a time that has passed allows it again.
func (s *State) Mute(ctx context.Context, room live.RoomID, user live.UserID, until time.Time) error {
	return s.setEnd(ctx, room, MutesKey(room), user, until)
}

// Ban keeps the user out until then; a time that has passed lets the user in again.
func (s *State) Ban(ctx context.Context, room live.RoomID, user live.UserID, until time.Time) error {
	return s.setEnd(ctx, room, BansKey(room), user, until)
}

func (s *State) setEnd(ctx context.Context, room live.RoomID, key string, user live.UserID, until time.Time) error {
	field := strconv.FormatInt(int64(user), 10)
	var err error
	switch {
	case !until.After(time.Now()):
		err = s.rdb.HDel(ctx, key, field).Err()
	case !until.Before(Forever()):
		err = s.rdb.HSet(ctx, key, field, endless).Err()
	default:
		err = s.rdb.HSet(ctx, key, field, until.UnixMilli()).Err()
	}
	if err != nil {
		return fmt.Errorf("write %s of user %d: %w", key, user, err)
	}
	s.rules.Delete(room)
	return nil
}

// SetModerator makes the user a moderator of the room, or no longer.
func (s *State) SetModerator(ctx context.Context, room live.RoomID, user live.UserID, moderates bool) error {
	change := s.rdb.SRem
	if moderates {
		change = s.rdb.SAdd
	}
	if err := change(ctx, ModeratorsKey(room), int64(user)).Err(); err != nil {
		return fmt.Errorf("set moderator %d of room %d: %w", user, room, err)
	}
	s.rules.Delete(room)
	return nil
}

// PutSettings replaces the room's settings. WordsVersion is ignored: each call gives BlockedWords a new one.
func (s *State) PutSettings(ctx context.Context, room live.RoomID, settings Settings) error {
	words := make([]any, len(settings.BlockedWords))
	for i, word := range settings.BlockedWords {
		words[i] = word
	}
	_, err := s.rdb.TxPipelined(ctx, func(tx redis.Pipeliner) error {
		tx.HSet(ctx, SettingsKey(room), fieldSlowMode, settings.SlowMode.Milliseconds(), fieldRate, settings.DisplayRate)
		tx.HIncrBy(ctx, SettingsKey(room), fieldWords, 1)
		tx.Del(ctx, WordsKey(room))
		if len(words) > 0 {
			tx.SAdd(ctx, WordsKey(room), words...)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write settings of room %d: %w", room, err)
	}
	s.rules.Delete(room)
	return nil
}
