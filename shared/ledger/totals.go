package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/barrage-live/barrage/shared/live"
)

// A Total is what a sender has given to a room on one day of UTC, refunds taken off. Version grows with every order and
// every refund: of two totals of the same sender, room and day, the one with the greater is the later.
type Total struct {
	RoomID   live.RoomID
	SenderID live.UserID
	Coins    live.Coins
	Version  int64
	Nickname string // of EachTotal alone
}

const day = 24 * time.Hour

// Totals sums what each of the senders gave to the room on the day that at lies in.
func (l *Ledger) Totals(ctx context.Context, room live.RoomID, at time.Time, senders []live.UserID) ([]Total, error) {
	const query = `SELECT room_id, sender_id, SUM(CASE WHEN refunded_ms IS NULL THEN cost ELSE 0 END) AS coins,
			COUNT(*) + COUNT(refunded_ms) AS version
		FROM gift_orders WHERE sender_id IN ? AND room_id = ? AND settled_ms >= ? AND settled_ms < ? AND status = 'settled'
		GROUP BY room_id, sender_id`
	from := at.UTC().Truncate(day)
	var totals []Total
	err := l.primary(ctx).Raw(query, senders, room, from.UnixMilli(), from.Add(day).UnixMilli()).Scan(&totals).Error
	if err != nil {
		return nil, fmt.Errorf("totals of room %d: %w", room, err)
	}
	return totals, nil
}

// EachTotal gives every room's and sender's total of the day that at lies in to fn, a part at a time, until fn fails.
func (l *Ledger) EachTotal(ctx context.Context, at time.Time, fn func([]Total) error) error {
	const query = `SELECT t.room_id, t.sender_id, t.coins, t.version, COALESCE(u.nickname, '') AS nickname FROM (
			SELECT room_id, sender_id, SUM(CASE WHEN refunded_ms IS NULL THEN cost ELSE 0 END) AS coins,
				COUNT(*) + COUNT(refunded_ms) AS version
			FROM gift_orders WHERE settled_ms >= ? AND settled_ms < ? AND status = 'settled'
			GROUP BY room_id, sender_id) AS t LEFT JOIN users u ON u.id = t.sender_id`
	from := at.UTC().Truncate(day)
	rows, err := l.primary(ctx).Raw(query, from.UnixMilli(), from.Add(day).UnixMilli()).Rows()
	if err != nil {
		return fmt.Errorf("totals of %s: %w", from.Format(time.DateOnly), err)
	}
	defer rows.Close()
	part := make([]Total, 0, insertChunk)
	for rows.Next() {
		var t Total
		if err := rows.Scan(&t.RoomID, &t.SenderID, &t.Coins, &t.Version, &t.Nickname); err != nil {
			return fmt.Errorf("totals of %s: %w", from.Format(time.DateOnly), err)
		}
		if part = append(part, t); len(part) == cap(part) {
			if err := fn(part); err != nil {
				return err
			}
			part = part[:0]
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("totals of %s: %w", from.Format(time.DateOnly), err)
	}
	if len(part) == 0 {
		return nil
	}
	return fn(part)
}
