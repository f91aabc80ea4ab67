package store

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"github.com/barrage-live/barrage/shared/live"
)

// Sort is the order of a list of rooms.
type Sort string

// Newest first, or by hot score (see SetHot), highest first.
const (
	SortNew Sort = "new"
	SortHot Sort = "hot"
)

// MaxLimit bounds every list, DefaultLimit is used when none is asked for (CONTRACT §1).
const (
	DefaultLimit = 20
	MaxLimit     = 100
)

// ErrBadCursor refuses a cursor that no list has given out, or that belongs to a list in another order.
var ErrBadCursor = live.Errorf(live.KindInvalid, "bad_cursor", "The cursor does not belong to this list.")

// RoomQuery asks for one page of rooms. The zero value is the first page of all rooms, newest first.
type RoomQuery struct {
	Status *live.RoomStatus // nil: any
	Sort   Sort             // "": SortNew
	Limit  int              // 0: DefaultLimit; more than MaxLimit: MaxLimit
	Cursor string           // as the page before gave it
}

// Rooms returns a page and the cursor of the next one, "" at the end. In hot order a room whose score moves between
// two pages may be seen twice or missed.
func (s *Store) Rooms(ctx context.Context, q RoomQuery) (items []live.Room, next string, err error) {
	q.Sort = cmp.Or(q.Sort, SortNew)
	limit := min(cmp.Or(max(q.Limit, 0), DefaultLimit), MaxLimit)
	db, err := q.after(s.reader(ctx))
	if err != nil {
		return nil, "", err
	}
	if q.Status != nil {
		db = db.Where("status = ?", int(*q.Status))
	}
	var rows []roomRow
	if err := db.Limit(limit + 1).Find(&rows).Error; err != nil { // one more tells whether there is a next page
		return nil, "", fmt.Errorf("list rooms: %w", err)
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = q.cursor(rows[limit-1])
	}
	items = make([]live.Room, 0, len(rows))
	for _, row := range rows {
		items = append(items, row.room())
	}
	return items, next, nil
}

func (q RoomQuery) after(db *gorm.DB) (*gorm.DB, error) {
	switch q.Sort {
	case SortNew:
		db = db.Order("id DESC")
	case SortHot:
		db = db.Order("hot DESC, id DESC")
	default:
		return nil, live.Errorf(live.KindInvalid, "bad_sort", "Sort is new or hot.")
	}
	if q.Cursor == "" {
		return db, nil
	}
	hot, id, ok := q.position()
	switch {
	case !ok:
		return nil, ErrBadCursor
	case q.Sort == SortHot:
		// Written so that the first half alone bounds the scan of the index (status, hot, id).
		return db.Where("hot <= ? AND (hot < ? OR id < ?)", hot, hot, id), nil
	}
	return db.Where("id < ?", id), nil
}

// A cursor is a position, not a right: forging one gets a caller nothing but another page of the same public list.
const cursorFormat = "%s.%d.%d"

func (q RoomQuery) cursor(last roomRow) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, cursorFormat, q.Sort, last.Hot, last.ID))
}

func (q RoomQuery) position() (hot, id int64, ok bool) {
	const longest = 64
	if len(q.Cursor) > longest {
		return 0, 0, false
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(q.Cursor)
	if err != nil {
		return 0, 0, false
	}
	parts := strings.Split(string(text), ".")
	if len(parts) != 3 || Sort(parts[0]) != q.Sort {
		return 0, 0, false
	}
	hot, errHot := strconv.ParseInt(parts[1], 10, 64)
	id, errID := strconv.ParseInt(parts[2], 10, 64)
	return hot, id, errHot == nil && errID == nil && id > 0
}

// SetHot stores hot scores, by which SortHot lists. Rooms that don't exist are skipped. Scores are set in the order of
// ids: two callers that lock the same rows in the same order can't deadlock.
func (s *Store) SetHot(ctx context.Context, scores map[live.RoomID]int64) error {
	ids := make([]live.RoomID, 0, len(scores))
	for id := range scores {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	err := s.Tx(ctx, func(tx *gorm.DB) error {
		for _, id := range ids {
			if err := tx.Model(&roomRow{}).Where("id = ?", int64(id)).Update("hot", scores[id]).Error; err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("set hot scores of %d rooms: %w", len(ids), err)
	}
	return nil
}
