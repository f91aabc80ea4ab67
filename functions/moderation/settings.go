package moderation

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/rulebook"
	"github.com/barrage-live/barrage/shared/wire"
	"github.com/barrage-live/barrage/shared/words"
)

// MaxBlockedWords is how many a room may have of its own; every pod that has viewers of the room keeps them.
const MaxBlockedWords = 1000

// Configure changes the room's settings, and tells its viewers.
func (s *Service) Configure(ctx context.Context, by right.Who, id live.RoomID, p rulebook.Patch) (rulebook.Settings, error) {
	if _, _, err := s.may(ctx, right.Configure, by, id); err != nil {
		return rulebook.Settings{}, err
	}
	if p.Words != nil {
		if err := checkWords(*p.Words); err != nil {
			return rulebook.Settings{}, err
		}
	}
	now, d, err := s.d.Book.Configure(ctx, id, by.User, p)
	if err != nil {
		return rulebook.Settings{}, err
	}
	if err := s.inForce(ctx, id, d, wire.Command{Order: wire.SettingsChanged}); err != nil {
		return rulebook.Settings{}, err
	}
	inForce, err := s.d.State.Settings(ctx, id)
	if err != nil {
		return rulebook.Settings{}, err
	}
	return now, s.tellSettings(ctx, id, inForce)
}

func checkWords(list []string) error {
	if len(list) > MaxBlockedWords {
		return live.Errorf(live.KindInvalid, "too_many_words", "A room has at most %d blocked words.", MaxBlockedWords)
	}
	for i, word := range list {
		if err := words.Check(word); err != nil {
			return live.Errorf(live.KindInvalid, "bad_word", "blocked_words[%d]: %v.", i, err)
		}
	}
	return nil
}

// tellSettings is a message of the room: who comes back with resume hears it, too.
func (s *Service) tellSettings(ctx context.Context, id live.RoomID, now roomstate.Settings) error {
	data, err := json.Marshal(now.Shown())
	if err != nil {
		return err
	}
	m := live.Message{Type: live.Settings, ID: ulid.Make().String(), RoomID: id, Data: data, Timestamp: time.Now().UnixMilli()}
	payload, err := wire.Marshal(m)
	if err != nil {
		return err
	}
	item := fanout.Item{Sender: "room", ID: m.ID, Class: live.ClassControl, Payload: payload, Settled: true}
	if _, err := s.d.Fanout.Publish(ctx, id, []fanout.Item{item}); err != nil {
		return fmt.Errorf("fan out settings of room %d: %w", id, err)
	}
	return nil
}

// Settings returns what is in force in the room. Its words are for those who moderate it; they are nil for others.
//
// Whoever asks makes Redis hold all rules of the room: pods that miss them there ask for this.
func (s *Service) Settings(ctx context.Context, who right.Who, id live.RoomID) (rulebook.Settings, error) {
	if _, _, err := s.may(ctx, right.Look, who, id); err != nil {
		return rulebook.Settings{}, err
	}
	s.d.State.Invalidate(id)
	now, err := s.d.State.Settings(ctx, id)
	if err != nil {
		return rulebook.Settings{}, err
	}
	shown := rulebook.Settings{Settings: now}
	if _, _, err := s.may(ctx, right.Configure, who, id); err != nil {
		if _, refused := live.AsError(err); refused {
			err = nil
		}
		return shown, err
	}
	if shown.BlockedWords, err = s.d.State.BlockedWords(ctx, id); shown.BlockedWords == nil {
		shown.BlockedWords = []string{}
	}
	return shown, err
}
