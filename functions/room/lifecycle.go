package room

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/wire"
)

// The events of a room's life, as data.event of its room messages.
const (
	eventStarted = "started"
	eventStopped = "stopped"
	eventUpdated = "updated"
)

// Create makes a room that is not live yet; who calls is its anchor.
func (s *Service) Create(ctx context.Context, anchor live.UserID, title, cover string) (live.Room, error) {
	room, err := s.store.CreateRoom(ctx, store.NewRoom{Anchor: anchor, Title: title, Cover: cover})
	if err != nil {
		return live.Room{}, err
	}
	s.metrics.RoomCreated.Add(ctx, 1)
	return room, nil
}

// Update changes what is shown of a room and tells its viewers. Only the anchor may.
func (s *Service) Update(ctx context.Context, by live.UserID, id live.RoomID, p store.RoomPatch) (live.Room, error) {
	room, err := s.store.Room(store.Primary(ctx), id)
	if err != nil {
		return live.Room{}, err
	}
	if room.AnchorID != by {
		return live.Room{}, store.ErrNotAnchor
	}
	if room, err = s.store.UpdateRoom(ctx, id, p); err != nil {
		return live.Room{}, err
	}
	if room.Status == live.RoomLive {
		err = s.announce(ctx, room, eventUpdated, room.UpdatedAt)
	} else { // nobody watches: the cache is all that must hear of it
		err = s.state.PutRoom(ctx, room)
	}
	if err != nil {
		return live.Room{}, err
	}
	return s.counted(ctx, room), nil
}

// Start makes the room live and tells everybody. SQL decides; everything after it may be cut short by a crash, so a
// repeat on a live room does it again: the event has the same id, and is shown and counted once.
func (s *Service) Start(ctx context.Context, by live.UserID, id live.RoomID) (live.Room, error) {
	room, changed, err := s.store.StartRoom(ctx, id, by)
	if err != nil {
		return live.Room{}, err
	}
	if err := s.newSession(ctx, room, changed); err != nil {
		return live.Room{}, err
	}
	if err := s.announce(ctx, room, eventStarted, *room.StartedAt); err != nil {
		return live.Room{}, err
	}
	if changed {
		s.metrics.RoomStarted.Add(ctx, 1)
	}
	return s.counted(ctx, room), nil
}

// Stop ends the room and tells everybody; the pods close its sockets behind the message. A repeat heals, as with Start.
func (s *Service) Stop(ctx context.Context, by live.UserID, id live.RoomID) (live.Room, error) {
	room, changed, err := s.store.StopRoom(ctx, id, by)
	if err != nil {
		return live.Room{}, err
	}
	if err := s.announce(ctx, room, eventStopped, *room.EndedAt); err != nil {
		return live.Room{}, err
	}
	if err := s.fanout.Retire(ctx, id); err != nil {
		return live.Room{}, err
	}
	if changed {
		s.metrics.RoomStopped.Add(ctx, 1)
	}
	return s.counted(ctx, room), nil
}

// announce carries a change of the room outward: cache, Kafka, viewers. at is the time of the change, from SQL, so that
// every repeat makes the same event.
func (s *Service) announce(ctx context.Context, room live.Room, event string, at time.Time) error {
	if err := s.state.PutRoom(ctx, room); err != nil {
		return err
	}
	m, err := roomMessage(ctx, room, event, at)
	if err != nil {
		return err
	}
	rec, err := stream.RoomRecord(ctx, stream.LiveMessages, m, s.kafka.Partitions())
	if err != nil {
		return err
	}
	if err := s.kafka.Publish(ctx, rec); err != nil {
		return fmt.Errorf("publish %s of room %d: %w", event, room.ID, err)
	}
	payload, err := wire.Marshal(m)
	if err != nil {
		return err
	}
	item := fanout.Item{Sender: "room", ID: m.ID, Class: live.ClassControl, Payload: payload, Settled: true}
	if _, err := s.fanout.Publish(ctx, room.ID, []fanout.Item{item}); err != nil {
		return fmt.Errorf("fan out %s of room %d: %w", event, room.ID, err)
	}
	return s.command(ctx, room)
}

// command tells the pods, behind the event on the same channel: they close an ended room's sockets when the event is out.
func (s *Service) command(ctx context.Context, room live.Room) error {
	command, err := wire.MarshalCommand(wire.Command{Order: wire.RoomChanged, Room: &room})
	if err != nil {
		return err
	}
	if err := s.fanout.Command(ctx, room.ID, command); err != nil {
		return fmt.Errorf("tell the pods of room %d: %w", room.ID, err)
	}
	return nil
}

// newSession begins the count of unique viewers anew, once a start: a start that was cut short before the cache knew of
// it is seen by the cache's StartedAt.
func (s *Service) newSession(ctx context.Context, room live.Room, changed bool) error {
	if !changed {
		cached, ok, err := s.state.Room(ctx, room.ID)
		if err != nil {
			return err
		}
		if ok && cached.StartedAt != nil && cached.StartedAt.Equal(*room.StartedAt) {
			return nil
		}
	}
	return s.state.NewSession(ctx, room.ID)
}

func roomMessage(ctx context.Context, room live.Room, event string, at time.Time) (live.Message, error) {
	data, err := json.Marshal(wire.RoomData{Event: event, Room: room})
	if err != nil {
		return live.Message{}, fmt.Errorf("encode %s of room %d: %w", event, room.ID, err)
	}
	m := live.Message{
		Type:   live.RoomEvent,
		ID:     fmt.Sprintf("room-%d-%s-%d", room.ID, event, at.UnixMilli()),
		RoomID: room.ID, UserID: room.AnchorID, Data: data, Timestamp: at.UnixMilli(),
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		m.TraceID = span.TraceID().String()
	}
	return m, nil
}
