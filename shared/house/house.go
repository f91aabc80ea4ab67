// Package house holds what a room's moderators and the platform's operator let danmu be: blocked words, slow mode, and
// the operator's own review. It judges a room's batch at a time, before any of it has a place in the room.
package house

import (
	"context"
	"fmt"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/review"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/words"
)

// state is where the rules of rooms are; roomstate.State is the one in use.
type state interface {
	Settings(ctx context.Context, room live.RoomID) (roomstate.Settings, error)
	BlockedWords(ctx context.Context, room live.RoomID) ([]string, error)
	TakeTurns(ctx context.Context, room live.RoomID, slow time.Duration, turns []roomstate.Turn) ([]time.Duration, error)
	Invalidate(room live.RoomID)
}

// reviewer asks the operator; review.Hook is the one in use.
type reviewer interface {
	Review(ctx context.Context, room live.RoomID, texts []review.Text) []review.Verdict
}

// pacer hears how much is written; pace.Keeper is the one in use.
type pacer interface {
	Wrote(room live.RoomID, danmu int)
}

// Config is what Rules work with; State alone is needed.
type Config struct {
	State    state
	Words    *words.List // of the whole platform; nil: none
	Reviewer reviewer    // nil: nobody is asked
	Pacer    pacer       // hears of rooms with adaptive slow mode; nil: nobody
}

// Rules judge danmu. Their methods may be called concurrently.
type Rules struct {
	Config
	lists *lists
	hook  *review.Hook // to be closed; nil: not ours
}

// New makes rules. The caller owes a Close.
func New(c Config) (*Rules, error) {
	if c.State == nil {
		return nil, fmt.Errorf("house rules need room state")
	}
	lists, err := newLists(c.State)
	if err != nil {
		return nil, err
	}
	return &Rules{Config: c, lists: lists}, nil
}

// Close ends what New and Open have begun.
func (r *Rules) Close() {
	r.lists.close()
	if r.hook != nil {
		r.hook.Close()
	}
}

// Danmu is what is judged. Who is Exempt from the room's limits is still reviewed: the operator may have its reasons.
type Danmu struct {
	User     live.UserID
	Nickname string
	ID       string
	Content  string
	Exempt   bool
}

// Verdict is nil and empty for what may be shown as it is.
type Verdict struct {
	Err     *live.Error // why not
	Held    bool        // Err is for now: a moderator may release it
	Content string      // instead of what was written
}

// Codes of the errors that a sender may see.
const (
	CodeBlockedWord = "blocked_word"
	CodeSlowMode    = "slow_mode"
	CodeUnavailable = "unavailable"
)

// Judge returns a verdict for each danmu of a room's batch, in its order. When the room's rules cannot be read nothing
// may be shown. A danmu that is refused for its words costs its sender no turn.
func (r *Rules) Judge(ctx context.Context, room live.RoomID, batch []Danmu) []Verdict {
	verdicts := make([]Verdict, len(batch))
	settings, list, err := r.lists.of(ctx, room)
	if err != nil {
		return refuseAll(verdicts)
	}
	for i, d := range batch {
		if !d.Exempt && words.Blocked(d.Content, r.Words, list) {
			verdicts[i].Err = live.Errorf(live.KindForbidden, CodeBlockedWord, "the room does not want a word of this message")
		}
	}
	if slow := settings.Slow(); slow > 0 {
		r.takeTurns(ctx, room, slow, batch, verdicts)
	}
	if r.Reviewer != nil {
		r.review(ctx, room, batch, verdicts)
	}
	if settings.Adaptive && r.Pacer != nil {
		r.Pacer.Wrote(room, passed(verdicts))
	}
	return verdicts
}

func refuseAll(verdicts []Verdict) []Verdict {
	for i := range verdicts {
		if verdicts[i].Err == nil {
			verdicts[i].Err = unavailable()
		}
	}
	return verdicts
}

func unavailable() *live.Error {
	return live.Errorf(live.KindUnavailable, CodeUnavailable, "the room cannot take messages at the moment")
}

func passed(verdicts []Verdict) (n int) {
	for _, v := range verdicts {
		if v.Err == nil {
			n++
		}
	}
	return n
}

func (r *Rules) takeTurns(ctx context.Context, room live.RoomID, slow time.Duration, batch []Danmu, verdicts []Verdict) {
	var turns []roomstate.Turn
	var of []int
	for i, d := range batch {
		if verdicts[i].Err == nil && !d.Exempt {
			turns, of = append(turns, roomstate.Turn{User: d.User, Message: d.ID}), append(of, i)
		}
	}
	if len(turns) == 0 {
		return
	}
	waits, err := r.State.TakeTurns(ctx, room, slow, turns)
	for n, i := range of {
		switch {
		case err != nil:
			verdicts[i].Err = unavailable()
		case waits[n] > 0:
			verdicts[i].Err = &live.Error{
				Kind: live.KindRateLimited, Code: CodeSlowMode, Message: "the room is in slow mode", RetryAfter: waits[n],
			}
		}
	}
}

func (r *Rules) review(ctx context.Context, room live.RoomID, batch []Danmu, verdicts []Verdict) {
	var texts []review.Text
	var of []int
	for i, d := range batch {
		if verdicts[i].Err == nil {
			texts = append(texts, review.Text{ID: d.ID, User: d.User, Nickname: d.Nickname, Content: d.Content})
			of = append(of, i)
		}
	}
	if len(texts) == 0 {
		return
	}
	for n, v := range r.Reviewer.Review(ctx, room, texts) {
		verdicts[of[n]] = Verdict{Err: v.Err(), Content: v.Content, Held: v.Kind == review.Hold}
	}
}
