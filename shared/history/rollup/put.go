package rollup

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/barrage-live/barrage/shared/history"
	"github.com/barrage-live/barrage/shared/live"
)

type sourceRow struct {
	Topic      string `gorm:"primaryKey"`
	Part       int32  `gorm:"primaryKey;autoIncrement:false"`
	TopicID    string
	NextOffset int64
}

func (sourceRow) TableName() string { return "history_sources" }

type seenRow struct {
	ID     int64 `gorm:"primaryKey;autoIncrement:false"`
	SeenMs int64
}

func (seenRow) TableName() string { return "history_seen" }

type minuteRow struct {
	RoomID   int64 `gorm:"primaryKey;autoIncrement:false"`
	MinuteMs int64 `gorm:"primaryKey;autoIncrement:false"`
	Online   int64
	Danmu    int64
	Likes    int64
	Gifts    int64
	Coins    int64
}

func (minuteRow) TableName() string { return "history_minutes" }

// rowsInStatement keeps a statement below the servers' limits.
const rowsInStatement = 500

// Put counts the events that are new: by offset, as Kafka delivers again from anywhere, and by id, as producers tell
// again at another offset. Everything happens in one transaction that holds the source's row, so two members that hold
// the same batch count it once.
func (s *Store) Put(ctx context.Context, b history.Batch) error {
	if len(b.Events) == 0 {
		return nil // what was read counts for nothing; read again it will again
	}
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		source, err := lock(tx, b.Source)
		if err != nil || b.Next <= source.NextOffset {
			return err
		}
		fresh, err := s.fresh(tx, b.Events, source.NextOffset)
		if err != nil {
			return err
		}
		minutes := make(map[minuteKey]*minuteRow)
		for _, e := range fresh {
			m := minuteOf(minutes, e.Room, e.At)
			m.Danmu, m.Likes, m.Gifts, m.Coins = m.Danmu+e.Danmu, m.Likes+e.Likes, m.Gifts+e.Gifts, m.Coins+int64(e.Coins)
		}
		if err := upsert(tx, minutes); err != nil {
			return err
		}
		return tx.Model(&sourceRow{}).Where("topic = ? AND part = ?", source.Topic, source.Part).
			Updates(map[string]any{"topic_id": source.TopicID, "next_offset": b.Next}).Error
	})
	if err != nil {
		return fmt.Errorf("keep %d events of %s/%d: %w", len(b.Events), b.Source.Topic, b.Source.Partition, err)
	}
	return nil
}

// lock holds the source's row until the end of the transaction. Offsets of a former topic of the name say nothing.
func lock(tx *gorm.DB, at history.Source) (sourceRow, error) {
	row := sourceRow{Topic: at.Topic, Part: at.Partition, TopicID: at.TopicID}
	if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error; err != nil {
		return row, err
	}
	err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("topic = ? AND part = ?", at.Topic, at.Partition).Take(&row).Error
	if row.TopicID != at.TopicID {
		row.TopicID, row.NextOffset = at.TopicID, 0
	}
	return row, err
}

// fresh returns the events that are told for the first time, and remembers their ids.
func (s *Store) fresh(tx *gorm.DB, events []history.Event, next int64) ([]history.Event, error) {
	told := make(map[uint64]history.Event, len(events))
	for _, e := range events {
		if _, twice := told[e.ID]; e.Offset >= next && !twice {
			told[e.ID] = e
		}
	}
	now := s.now().UnixMilli()
	var out []history.Event
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(told)), rowsInStatement) {
		var known []int64
		if err := tx.Model(&seenRow{}).Where("id IN ?", signed(ids)).Pluck("id", &known).Error; err != nil {
			return nil, err
		}
		for _, id := range known {
			delete(told, uint64(id))
		}
		var rows []seenRow
		for _, id := range ids {
			if e, ok := told[id]; ok {
				out, rows = append(out, e), append(rows, seenRow{ID: int64(id), SeenMs: now})
			}
		}
		if len(rows) == 0 {
			continue
		}
		if err := tx.Create(&rows).Error; err != nil {
			return nil, err
		}
	}
	return out, nil
}

// signed is how the database keeps ids: it has no unsigned numbers of that size.
func signed(ids []uint64) []int64 {
	out := make([]int64, len(ids))
	for i, id := range ids {
		out[i] = int64(id)
	}
	return out
}

type minuteKey struct {
	room   live.RoomID
	minute int64
}

func minuteOf(minutes map[minuteKey]*minuteRow, room live.RoomID, at time.Time) *minuteRow {
	key := minuteKey{room, at.Truncate(time.Minute).UnixMilli()}
	if minutes[key] == nil {
		minutes[key] = &minuteRow{RoomID: int64(key.room), MinuteMs: key.minute}
	}
	return minutes[key]
}

// upsert adds the minutes to those that are there, in one order, so that two transactions don't wait for each other.
func upsert(tx *gorm.DB, minutes map[minuteKey]*minuteRow) error {
	keys := slices.SortedFunc(maps.Keys(minutes), func(a, b minuteKey) int {
		return cmp.Or(cmp.Compare(a.room, b.room), cmp.Compare(a.minute, b.minute))
	})
	for some := range slices.Chunk(keys, rowsInStatement) {
		rows := make([]minuteRow, len(some))
		for i, key := range some {
			rows[i] = *minutes[key]
		}
		if err := tx.Clauses(adding(tx)).Create(&rows).Error; err != nil {
			return err
		}
	}
	return nil
}

// adding says what becomes of a row that is there already, in the database's own words.
func adding(tx *gorm.DB) clause.OnConflict {
	given, greatest := "excluded.%s", "MAX(history_minutes.online, excluded.online)"
	if tx.Dialector.Name() == "mysql" {
		given, greatest = "VALUES(%s)", "GREATEST(online, VALUES(online))"
	}
	set := map[string]any{"online": gorm.Expr(greatest)}
	for _, column := range []string{"danmu", "likes", "gifts", "coins"} {
		set[column] = gorm.Expr(fmt.Sprintf("history_minutes.%s + "+given, column, column))
	}
	return clause.OnConflict{
		Columns: []clause.Column{{Name: "room_id"}, {Name: "minute_ms"}}, DoUpdates: clause.Assignments(set),
	}
}
