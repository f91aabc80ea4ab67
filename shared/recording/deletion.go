package recording

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/objects"
)

// maxDeletions of messages are looked at that a room deleted after a session's last footers.
const maxDeletions = 50_000

// Deletions are told twice: in the footers of the hour that they happened in, and by a name of their own,
// deleted/room=42/AT/MESSAGE, for sessions that had ended long before.
func deletionPrefix(room live.RoomID) string { return fmt.Sprintf("deleted/room=%d/", room) }

func deletionKey(room live.RoomID, at int64, id string) string {
	return fmt.Sprintf("%s%013d/%s", deletionPrefix(room), at, base64.RawURLEncoding.EncodeToString([]byte(id)))
}

// noteDeletions keeps the names of what the rows delete.
func (s *Store) noteDeletions(ctx context.Context, rows []Row) error {
	for _, r := range rows {
		id := r.deletes()
		if id == "" {
			continue
		}
		_, err := s.bucket.PutIf(ctx, deletionKey(live.RoomID(r.Room), r.At, id), "text/plain", nil, objects.Absent)
		if err != nil && !errors.Is(err, objects.ErrChanged) { // changed: it was told before
			return err
		}
	}
	return nil
}

// deletedSince adds what was deleted in the room from a moment on.
func (s *Store) deletedSince(ctx context.Context, room live.RoomID, from time.Time, gone map[string]bool) error {
	prefix, n := deletionPrefix(room), 0
	return s.walk(ctx, prefix, fmt.Sprintf("%s%013d", prefix, from.UnixMilli()), func(o objects.Info) error {
		if n++; n > maxDeletions {
			return ErrTooMany
		}
		_, coded, _ := strings.Cut(strings.TrimPrefix(o.Key, prefix), "/")
		id, err := base64.RawURLEncoding.DecodeString(coded)
		if err != nil {
			return fmt.Errorf("%s names no message: %w", o.Key, err)
		}
		gone[string(id)] = true
		return nil
	})
}
