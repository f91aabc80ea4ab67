// Package moderation keeps order in rooms: who may speak, who may stay, what is taken back, and by whose decision. A
// decision is first written down (rulebook), then in force (roomstate), then told to the pods and the viewers (fanout);
// a repeat heals what a crash cut short between them.
package moderation

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/held"
	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/rulebook"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/wire"
)

// Deps are what the service works with; all are needed.
type Deps struct {
	Rooms   func(context.Context, live.RoomID) (live.Room, error)
	Users   func(context.Context, live.UserID) (live.User, error)
	Book    *rulebook.Book
	State   *roomstate.State
	Fanout  *fanout.Publisher
	History *fanout.History
	Kafka   *stream.Client
	Held    *held.Queue
	Intake  *intake.Intake
}

// Service moderates rooms. Its methods may be called concurrently.
type Service struct{ d Deps }

// New makes the service.
func New(d Deps) *Service { return &Service{d: d} }

// may returns the room, and how the caller stands to it, if the table of rights lets the caller do the action there.
// Moderators are looked up where they were appointed: what other processes remember of them may be seconds old.
func (s *Service) may(ctx context.Context, do right.Action, who right.Who, id live.RoomID) (live.Room, right.Party, error) {
	room, err := s.d.Rooms(ctx, id)
	if err != nil {
		return live.Room{}, 0, err
	}
	party, err := s.party(ctx, who, room)
	if err != nil {
		return live.Room{}, 0, err
	}
	if err := right.Check(do, who, party); err != nil {
		return live.Room{}, 0, err
	}
	return room, party, nil
}

// party is how somebody stands to the room now.
func (s *Service) party(ctx context.Context, who right.Who, room live.Room) (right.Party, error) {
	if who.User == 0 || who.User == room.AnchorID || who.Role == live.RoleAdmin {
		return who.In(room.AnchorID, false), nil
	}
	moderates, err := s.d.Book.IsModerator(ctx, room.ID, who.User)
	return who.In(room.AnchorID, moderates), err
}

// mayModerate is may for what is done to a user, whom the caller has to outrank.
func (s *Service) mayModerate(ctx context.Context, by right.Who, id live.RoomID, user live.UserID) error {
	room, party, err := s.may(ctx, right.Moderate, by, id)
	if err != nil {
		return err
	}
	return s.outranks(ctx, party, room, user)
}

func (s *Service) outranks(ctx context.Context, party right.Party, room live.Room, user live.UserID) error {
	target, err := s.d.Users(ctx, user)
	if err != nil {
		return err
	}
	other, err := s.party(ctx, right.Who{User: user, Role: target.Role}, room)
	if err != nil {
		return err
	}
	if !party.Outranks(other) {
		return right.ErrOutranked
	}
	return nil
}

// inForce brings a decision into Redis, then tells the pods, which read it there.
func (s *Service) inForce(ctx context.Context, id live.RoomID, d rulebook.Decision, tell wire.Command) error {
	if err := s.d.State.Apply(ctx, id, d.Version, d.Changes...); err != nil {
		return err
	}
	return s.command(ctx, id, tell)
}

// send tells all of a user's connections in the room something.
func (s *Service) send(ctx context.Context, id live.RoomID, user live.UserID, m live.Message, data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return err
	}
	m.RoomID, m.Data, m.Timestamp = id, raw, time.Now().UnixMilli()
	payload, err := wire.Marshal(m)
	if err != nil {
		return err
	}
	return s.d.Fanout.Send(ctx, id, user, payload)
}

func (s *Service) command(ctx context.Context, id live.RoomID, c wire.Command) error {
	text, err := wire.MarshalCommand(c)
	if err != nil {
		return err
	}
	if err := s.d.Fanout.Command(ctx, id, text); err != nil {
		return fmt.Errorf("tell the pods of room %d: %w", id, err)
	}
	return nil
}
