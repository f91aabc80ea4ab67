package clickhouse

import (
	"context"
	"fmt"
	"strconv"

	"github.com/barrage-live/barrage/shared/live"
)

// Erase forgets which events were the user's, so far; that they happened stays. It returns how many it found, when they
// are rewritten. Those that Kafka delivers again stay nobody's, too.
func (s *Store) Erase(ctx context.Context, user live.UserID) (events int64, err error) {
	whose := fmt.Sprintf("user_id = %d", user)
	// First: what is stored from now on is nobody's, then what was stored before.
	_, err = s.conn.run(ctx, fmt.Sprintf("INSERT INTO erased SELECT %d, now64(3)", user))
	if err == nil {
		events, err = s.conn.number(ctx, "SELECT count() FROM events FINAL WHERE "+whose)
	}
	if err == nil && events > 0 {
		_, err = s.conn.run(ctx, "ALTER TABLE events UPDATE user_id = 0 WHERE "+whose+" SETTINGS mutations_sync = 2")
	}
	if err != nil {
		return 0, fmt.Errorf("erase user %d from history: %w", user, err)
	}
	return events, nil
}

// erased are the users erased within the log's retention, and until when (Unix ms).
func (s *Store) erased(ctx context.Context) (map[live.UserID]int64, error) {
	rows, err := s.conn.run(ctx, "SELECT user_id, toUnixTimestamp64Milli(max(until)) FROM erased GROUP BY user_id")
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	users := make(map[live.UserID]int64, len(rows))
	for _, row := range rows {
		if len(row) != 2 {
			return nil, fmt.Errorf("erased users: %d columns instead of 2", len(row))
		}
		user, err := strconv.ParseInt(row[0], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("erased users: %w", err)
		}
		if users[live.UserID(user)], err = strconv.ParseInt(row[1], 10, 64); err != nil {
			return nil, fmt.Errorf("erased user %d: %w", user, err)
		}
	}
	return users, nil
}
