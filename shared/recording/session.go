package recording

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/objects"
	"github.com/barrage-live/barrage/shared/wire"
)

// Session is one time that a room was live, from start to stop. It is kept as JSON, the manifest of what was recorded:
// what lies below Objects between the two moments belongs to it.
type Session struct {
	Room    live.RoomID `json:"room_id"`
	Anchor  live.UserID `json:"anchor_id"`
	Title   string      `json:"title"`
	Started time.Time   `json:"started_at"`
	Ended   *time.Time  `json:"ended_at"` // nil: still live
	Updated time.Time   `json:"updated_at"`
	Objects []string    `json:"objects"` // prefixes of keys, one a day
}

// ID names the session within its room: its start in Unix ms.
func (s Session) ID() int64 { return s.Started.UnixMilli() }

// ErrNoSession says that nothing is recorded of such a session.
var ErrNoSession = errors.New("no such session is recorded")

// The names of sessions of a room sort by their start, the latest first, as lists of a bucket run only forward.
const latest = 9_999_999_999_999

func sessionPrefix(room live.RoomID) string { return fmt.Sprintf("session/room=%d/", room) }

func sessionKey(room live.RoomID, start int64) string {
	return fmt.Sprintf("%s%013d.json", sessionPrefix(room), latest-start)
}

// noteSessions keeps the manifests of the sessions that the rows tell of.
func (s *Store) noteSessions(ctx context.Context, rows []Row) error {
	for _, r := range rows {
		if r.Type != string(live.RoomEvent) {
			continue
		}
		var d wire.RoomData
		if json.Unmarshal([]byte(r.Data), &d) != nil || d.Room.StartedAt == nil {
			continue // a room that never began has no session
		}
		if start := d.Room.StartedAt.UnixMilli(); start <= 0 || start > latest {
			continue
		}
		d.Room.ID = live.RoomID(r.Room)
		if err := s.noteSession(ctx, d.Room); err != nil {
			return err
		}
	}
	return nil
}

// noteSession merges what the room says of its session into the manifest; told in any order the end is the same.
func (s *Store) noteSession(ctx context.Context, room live.Room) error {
	key := sessionKey(room.ID, room.StartedAt.UnixMilli())
	for range maxConflicts {
		was, version, err := s.session(ctx, key)
		if err != nil && !errors.Is(err, objects.ErrNotFound) {
			return err
		}
		is := was.with(room)
		if version != objects.Absent && is.same(was) {
			return nil
		}
		if version == objects.Absent { // before the manifest: who comes again after a crash does it again
			if err := s.joinSoon(ctx, room.ID, is.ID()); err != nil {
				return err
			}
		}
		body, err := json.Marshal(is)
		if err != nil {
			return fmt.Errorf("encode %s: %w", key, err)
		}
		if _, err = s.bucket.PutIf(ctx, key, "application/json", body, version); !errors.Is(err, objects.ErrChanged) {
			return err
		}
	}
	return fmt.Errorf("write %s: met other writers %d times", key, maxConflicts)
}

func (s Session) with(room live.Room) Session {
	if room.EndedAt != nil && !room.EndedAt.Before(*room.StartedAt) {
		s.Ended = room.EndedAt
	}
	if s.Room == 0 || !room.UpdatedAt.Before(s.Updated) {
		s.Title, s.Anchor, s.Updated = room.Title, room.AnchorID, room.UpdatedAt
	}
	s.Room, s.Started = room.ID, room.StartedAt.UTC()
	s.Objects = s.days()
	return s
}

func (s Session) same(as Session) bool {
	sameEnd := s.Ended == nil && as.Ended == nil || s.Ended != nil && as.Ended != nil && s.Ended.Equal(*as.Ended)
	return sameEnd && s.Room == as.Room && s.Title == as.Title && s.Anchor == as.Anchor && s.Updated.Equal(as.Updated)
}

// days are the prefixes of the session's objects as far as they are known.
func (s Session) days() []string {
	var days []string
	last := s.Started
	if s.Ended != nil {
		last = *s.Ended
	}
	for day := s.Started.UTC().Truncate(24 * time.Hour); !day.After(last) && len(days) < 366; day = day.AddDate(0, 0, 1) {
		days = append(days, roomPrefix(s.Room)+day.Format("2006-01-02/"))
	}
	return days
}

func (s *Store) session(ctx context.Context, key string) (Session, objects.Version, error) {
	var one Session
	body, version, err := s.bucket.Get(ctx, key)
	if err != nil {
		return one, objects.Absent, err
	}
	if err := json.Unmarshal(body, &one); err != nil {
		return one, version, fmt.Errorf("read %s: %w", key, err)
	}
	return one, version, nil
}

// Session returns the session of the room that began at start (Unix ms); 0: the latest one.
func (s *Store) Session(ctx context.Context, room live.RoomID, start int64) (Session, error) {
	key := sessionKey(room, start)
	if start == 0 {
		found, _, err := s.bucket.List(ctx, sessionPrefix(room), "", 1)
		if err != nil {
			return Session{}, err
		}
		if len(found) == 0 {
			return Session{}, ErrNoSession
		}
		key = found[0].Key
	}
	one, _, err := s.session(ctx, key)
	if errors.Is(err, objects.ErrNotFound) {
		return Session{}, ErrNoSession
	}
	return one, err
}

// Sessions returns up to limit sessions of the room that began before the given start (0: the latest ones), newest
// first.
func (s *Store) Sessions(ctx context.Context, room live.RoomID, before int64, limit int) ([]Session, error) {
	after := ""
	if before > 0 {
		after = sessionKey(room, before)
	}
	found, _, err := s.bucket.List(ctx, sessionPrefix(room), after, limit)
	if err != nil {
		return nil, err
	}
	sessions := make([]Session, 0, len(found))
	for _, o := range found {
		one, _, err := s.session(ctx, o.Key)
		if errors.Is(err, objects.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, one)
	}
	return sessions, nil
}
