package house

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/barrage-live/barrage/shared/cache"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/words"
)

// How many rooms' lists are kept compiled. A list of a thousand words takes some hundred kilobytes.
const (
	keptLists = 500
	keptFor   = time.Hour
)

// lists compiles rooms' blocked words, equal ones once: they are named by what is in them.
type lists struct {
	state    state
	compiled *cache.Cache[string, *words.List]
}

func newLists(s state) (*lists, error) {
	compiled, err := cache.New[string, *words.List](cache.Config{Name: "words", Entries: keptLists, TTL: keptFor})
	if err != nil {
		return nil, err
	}
	return &lists{state: s, compiled: compiled}, nil
}

func (l *lists) close() { l.compiled.Close() }

// errMoved: the words are other ones by now than those that the settings name.
var errMoved = errors.New("the words have changed meanwhile")

// of returns the room's settings and its words, nil when it has none.
func (l *lists) of(ctx context.Context, room live.RoomID) (roomstate.Settings, *words.List, error) {
	for again := false; ; again = true {
		settings, err := l.state.Settings(ctx, room)
		if err != nil || settings.Words == "" {
			return settings, nil, err
		}
		list, err := l.compiled.Get(ctx, settings.Words, func(ctx context.Context, name string) (*words.List, error) {
			return l.compile(ctx, room, name)
		})
		if !errors.Is(err, errMoved) || again {
			return settings, list, err
		}
		l.state.Invalidate(room)
	}
}

func (l *lists) compile(ctx context.Context, room live.RoomID, name string) (*words.List, error) {
	blocked, err := l.state.BlockedWords(ctx, room)
	if err != nil {
		return nil, err
	}
	if roomstate.WordsName(blocked) != name {
		return nil, fmt.Errorf("room %d: %w", room, errMoved)
	}
	return words.Compile(blocked)
}
