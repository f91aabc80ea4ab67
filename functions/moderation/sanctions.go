package moderation

import (
	"context"
	"time"

	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/rulebook"
	"github.com/barrage-live/barrage/shared/wire"
)

// Term is for how long, and why.
type Term struct {
	For    time.Duration // 0: until it is lifted
	Reason string
}

func (t Term) sanction(user, by live.UserID) rulebook.Sanction {
	now := time.Now()
	s := rulebook.Sanction{User: user, Until: roomstate.Forever(), Reason: t.Reason, By: by, Since: now}
	if t.For > 0 {
		s.Until = now.Add(t.For)
	}
	return s
}

// Mute forbids the user to write danmu in the room, and tells the user so.
func (s *Service) Mute(ctx context.Context, by right.Who, id live.RoomID, user live.UserID, t Term) (rulebook.Sanction, error) {
	if err := s.mayModerate(ctx, by, id, user); err != nil {
		return rulebook.Sanction{}, err
	}
	muted := t.sanction(user, by.User)
	d, err := s.d.Book.Mute(ctx, id, muted)
	if err != nil {
		return rulebook.Sanction{}, err
	}
	if err := s.inForce(ctx, id, d, wire.Command{Order: wire.UserChanged, User: user}); err != nil {
		return rulebook.Sanction{}, err
	}
	return muted, s.tellMuted(ctx, id, muted)
}

// tellMuted is the error that the user's next danmu would get, without waiting for it.
func (s *Service) tellMuted(ctx context.Context, id live.RoomID, muted rulebook.Sanction) error {
	why := wire.ErrorData{Code: intake.CodeMuted, Message: "you are muted in this room"}
	if muted.Reason != "" {
		why.Message += ": " + muted.Reason
	}
	if muted.Until.Before(roomstate.Forever()) {
		why.RetryAfterMS = time.Until(muted.Until).Milliseconds()
	}
	return s.send(ctx, id, muted.User, live.Message{Type: live.ErrorReply}, why)
}

// Unmute undoes Mute; who is not muted need not be.
func (s *Service) Unmute(ctx context.Context, by right.Who, id live.RoomID, user live.UserID) error {
	return s.lift(ctx, by, id, user, s.d.Book.Unmute)
}

// Ban puts the user out of the room, and keeps the user out.
func (s *Service) Ban(ctx context.Context, by right.Who, id live.RoomID, user live.UserID, t Term) (rulebook.Sanction, error) {
	if err := s.mayModerate(ctx, by, id, user); err != nil {
		return rulebook.Sanction{}, err
	}
	banned := t.sanction(user, by.User)
	d, err := s.d.Book.Ban(ctx, id, banned)
	if err != nil {
		return rulebook.Sanction{}, err
	}
	if err := s.inForce(ctx, id, d, putOut(user, "banned", t.Reason)); err != nil {
		return rulebook.Sanction{}, err
	}
	_, err = s.d.State.Leave(ctx, id, user) // the lease of one who joined over HTTP
	return banned, err
}

// Unban undoes Ban; who is not banned need not be.
func (s *Service) Unban(ctx context.Context, by right.Who, id live.RoomID, user live.UserID) error {
	return s.lift(ctx, by, id, user, s.d.Book.Unban)
}

type undo func(ctx context.Context, room live.RoomID, user, by live.UserID) (rulebook.Decision, error)

// lift needs the same rank as the sanction did: a muted moderator must not unmute itself.
func (s *Service) lift(ctx context.Context, by right.Who, id live.RoomID, user live.UserID, undo undo) error {
	if err := s.mayModerate(ctx, by, id, user); err != nil {
		return err
	}
	d, err := undo(ctx, id, user, by.User)
	if err != nil {
		return err
	}
	return s.inForce(ctx, id, d, wire.Command{Order: wire.UserChanged, User: user})
}

// Kick closes the user's connections in the room. Nothing keeps the user from coming back.
func (s *Service) Kick(ctx context.Context, by right.Who, id live.RoomID, user live.UserID, reason string) error {
	if err := s.mayModerate(ctx, by, id, user); err != nil {
		return err
	}
	err := s.d.Book.Note(ctx, rulebook.Entry{Room: id, Action: rulebook.Kicked, User: user, By: by.User, Reason: reason, At: time.Now()})
	if err != nil {
		return err
	}
	if err := s.command(ctx, id, putOut(user, "kicked", reason)); err != nil {
		return err
	}
	_, err = s.d.State.Leave(ctx, id, user)
	return err
}

func putOut(user live.UserID, what, reason string) wire.Command {
	if reason != "" {
		what += ": " + reason
	}
	return wire.Command{Order: wire.Disconnect, User: user, Code: wire.CloseBanned, Reason: what}
}

// Mutes returns up to limit of those in force, by user, behind the user after; more tells whether there are others.
func (s *Service) Mutes(ctx context.Context, by right.Who, id live.RoomID, after live.UserID, limit int) ([]rulebook.Sanction, bool, error) {
	if _, _, err := s.may(ctx, right.Moderate, by, id); err != nil {
		return nil, false, err
	}
	return s.d.Book.Mutes(ctx, id, after, limit)
}

// Bans is Mutes for bans.
func (s *Service) Bans(ctx context.Context, by right.Who, id live.RoomID, after live.UserID, limit int) ([]rulebook.Sanction, bool, error) {
	if _, _, err := s.may(ctx, right.Moderate, by, id); err != nil {
		return nil, false, err
	}
	return s.d.Book.Bans(ctx, id, after, limit)
}

// Log returns up to limit of what was decided in the room, newest first, before an entry (0: from the newest).
func (s *Service) Log(ctx context.Context, by right.Who, id live.RoomID, before int64, limit int) ([]rulebook.Entry, error) {
	if _, _, err := s.may(ctx, right.Moderate, by, id); err != nil {
		return nil, err
	}
	return s.d.Book.Log(ctx, id, before, limit)
}
