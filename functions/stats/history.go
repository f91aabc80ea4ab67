package stats

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/barrage-live/barrage/functions/stats/tally"
	"github.com/barrage-live/barrage/shared/history"
	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// HandleHistory is the stream.BatchFunc that keeps what live-messages tells, to be looked back at. It is a group of its
// own: the counts of now must not wait for a database of the past. See HandleMessages for its errors.
func (s *Service) HandleHistory(ctx context.Context, part []stream.Record) (done int, err error) {
	if len(part) == 0 {
		return 0, nil
	}
	topic, number := part[0].Topic, part[0].Partition
	id, err := s.topicID(ctx, topic)
	if err != nil {
		return 0, stream.Outage(err)
	}
	b := history.Batch{Source: history.Source{Topic: string(topic), TopicID: id, Partition: number}, Next: part[0].Offset}
	var unread error
	for _, r := range part {
		e, err := tally.Decode(r)
		if err != nil {
			unread = stream.Poison(fmt.Errorf("offset %d: %w", r.Offset, err))
			break
		}
		done, b.Next = done+1, r.Offset+1
		if e.Counts != (tally.Counts{}) {
			b.Events = append(b.Events, historyEvent(e, id, r))
		}
	}
	if err := s.deps.History.Put(ctx, b); err != nil {
		return 0, stream.Outage(err)
	}
	return done, unread
}

// historyEvent is the event as history keeps it. One without an id is known by its place in the log.
func historyEvent(e tally.Event, topicID string, r stream.Record) history.Event {
	id := e.ID
	if id == 0 {
		place := fmt.Appendf(nil, "%s/%s/%d/", r.Topic, topicID, r.Partition)
		id = tally.Hash(binary.BigEndian.AppendUint64(place, uint64(r.Offset)))
	}
	return history.Event{
		ID: uint64(id), Offset: r.Offset, Room: e.Room, User: e.User, Type: e.Type, At: time.UnixMilli(e.At).UTC(),
		Danmu: e.Counts.Danmu, Likes: e.Counts.Likes, Gifts: e.Counts.Gifts, Coins: e.Counts.Coins,
	}
}

// maxPoints answer a query.
const maxPoints = 1500

var (
	errBadSpan = live.Errorf(live.KindInvalid, "bad_span", "from must lie before to, both as in 2026-11-24T12:00:00Z")
	errAway    = live.Errorf(live.KindUnavailable, "history_away", "history can't be read at the moment")
	errTooMany = live.Errorf(live.KindInvalid, "too_many_points", "the span has more than 1500 steps: ask for a shorter one, or a longer step")
)

// Span is what a question over time has in common; it is exported for the sake of the routes that embed it.
type Span struct {
	From time.Time `query:"from" doc:"The beginning, RFC 3339; default: an hour before to."`
	To   time.Time `query:"to" doc:"The end, not part of it; default: now."`
	Step int       `query:"step" default:"60" minimum:"60" maximum:"86400" multipleOf:"60" doc:"Seconds a point, whole minutes."`
}

func (in Span) query(room live.RoomID, now time.Time) (history.Query, error) {
	q := history.Query{Room: room, From: in.From, To: in.To, Step: time.Duration(in.Step) * time.Second}
	if q.To.IsZero() {
		q.To = now
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-time.Hour)
	}
	if !q.From.Before(q.To) || q.From.Year() < 1970 || q.To.Year() > 2100 {
		return q, errBadSpan
	}
	q = q.Aligned()
	if q.Points() > maxPoints {
		return q, errTooMany
	}
	return q, nil
}

type timelineInput struct {
	ID live.RoomID `path:"id" minimum:"1" maximum:"9007199254740991"`
	Span
}

func (s *Service) getTimeline(ctx context.Context, in *timelineInput) (*httpapi.Body[httpapi.Page[history.Point]], error) {
	points, err := s.points(ctx, in.ID, in.Span)
	if err != nil {
		return nil, err
	}
	return &httpapi.Body[httpapi.Page[history.Point]]{Body: httpapi.NewPage(points, "")}, nil
}

func (s *Service) points(ctx context.Context, room live.RoomID, span Span) ([]history.Point, error) {
	q, err := span.query(room, s.now())
	if err != nil {
		return nil, err
	}
	points, err := s.deps.History.Points(ctx, q)
	if err != nil && ctx.Err() == nil {
		s.deps.Telemetry.Logger().ErrorContext(ctx, "history does not answer", telemetry.Err, err)
		return nil, errAway // the counts of now and the platform are well: this is not "internal"
	}
	return points, err
}
