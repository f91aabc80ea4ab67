package recording

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/objects"
)

// joinPrefix begins the names of what is to be joined, join/DUE/room=42/START: the earliest first.
const joinPrefix = "join/"

func joinKey(due time.Time, room live.RoomID, start int64) string {
	return fmt.Sprintf("%s%013d/room=%d/%013d", joinPrefix, due.UnixMilli(), room, start)
}

// joinSoon remembers that the session wants to be joined. Whole hours: who remembers it twice remembers the same.
func (s *Store) joinSoon(ctx context.Context, room live.RoomID, start int64) error {
	due := s.now().Truncate(time.Hour).Add(time.Hour + settled)
	_, err := s.bucket.PutIf(ctx, joinKey(due, room, start), "text/plain", nil, objects.Absent)
	if errors.Is(err, objects.ErrChanged) {
		return nil // it is there
	}
	return err
}

// JoinDue joins the sessions whose time has come, the earliest first, until it has worked for about so long. Sessions that
// go on are remembered for the next hour. Calls that overlap do no harm.
func (s *Store) JoinDue(ctx context.Context, work time.Duration) (gone int, err error) {
	began, now := time.Now(), s.now().UnixMilli()
	errEnough := errors.New("enough for now")
	err = s.walk(ctx, joinPrefix, "", func(o objects.Info) error {
		var due, start int64
		var room live.RoomID
		if _, err := fmt.Sscanf(o.Key, joinPrefix+"%d/room=%d/%d", &due, &room, &start); err != nil {
			return fmt.Errorf("%s names no session: %w", o.Key, err)
		}
		if due > now || time.Since(began) > work {
			return errEnough
		}
		n, err := s.joinSession(ctx, room, start)
		if gone += n; err != nil {
			return err
		}
		return s.bucket.Delete(ctx, o.Key)
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return gone, err
}

// joinSession joins a session that is due, and remembers it while more is to come.
func (s *Store) joinSession(ctx context.Context, room live.RoomID, start int64) (gone int, err error) {
	of, err := s.Session(ctx, room, start)
	if errors.Is(err, ErrNoSession) {
		return 0, nil // pruned
	}
	if err != nil {
		return 0, err
	}
	if gone, err = s.Join(ctx, of); err != nil {
		return gone, err
	}
	if of.Ended != nil && of.Ended.Truncate(time.Hour).Add(time.Hour+settled).Before(s.now()) {
		return gone, nil
	}
	return gone, s.joinSoon(ctx, room, start)
}
