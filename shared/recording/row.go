package recording

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/wire"
)

// Row is one record of the log. The names of its columns are what analysts query: they only ever grow.
type Row struct {
	Offset  int64  `parquet:"offset,delta"`
	At      int64  `parquet:"at,timestamp(millisecond)"` // Unix ms
	Type    string `parquet:"type,dict"`
	ID      string `parquet:"id"`
	Room    int64  `parquet:"room_id,dict"`
	User    int64  `parquet:"user_id"`
	Seq     int64  `parquet:"seq,delta"`
	Content string `parquet:"content"`
	Data    string `parquet:"data"` // JSON, or empty
}

// FromRecord reads a record of live-messages. An error means that it can never be read.
func FromRecord(r stream.Record) (Row, error) {
	m, err := wire.Unmarshal(r.Value)
	if err != nil {
		return Row{}, err
	}
	if m.RoomID <= 0 {
		return Row{}, fmt.Errorf("%s message of no room", m.Type)
	}
	// The log's own time is as late as an event can be; a clock that is ahead would put it behind the end.
	at := m.Timestamp
	if written := r.Timestamp.UnixMilli(); at <= 0 || at > written {
		at = max(0, written)
	}
	return Row{
		Offset: r.Offset, At: at, Type: string(m.Type), ID: m.ID, Room: int64(m.RoomID), User: int64(m.UserID),
		Seq: int64(m.Seq), Content: m.Content, Data: string(m.Data),
	}, nil
}

// compareRows is the order inside an object: of time, and of the log within a millisecond.
func compareRows(a, b Row) int {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Offset, b.Offset))
}

// unite returns the rows of both, each offset once, in order, without what is erased.
func unite(held, more []Row, erased map[int64]int64) []Row {
	known := make(map[int64]bool, len(held)+len(more))
	union := make([]Row, 0, len(held)+len(more))
	for _, rows := range [][]Row{held, more} {
		for _, r := range rows {
			if !known[r.Offset] && !r.erasedBy(erased) {
				known[r.Offset] = true
				union = append(union, r)
			}
		}
	}
	slices.SortFunc(union, compareRows)
	return union
}

// erasedBy says whether the row is something that an erased user said. That a room began or a message was deleted is not.
func (r Row) erasedBy(erased map[int64]int64) bool {
	until, ok := erased[r.User]
	if !ok || r.At > until {
		return false
	}
	switch live.MessageType(r.Type) {
	case live.Danmu, live.Like, live.Gift:
		return true
	}
	return false
}

// deletes is the id of the message that the row takes away; "": none.
func (r Row) deletes() string {
	if r.Type != string(live.Deleted) {
		return ""
	}
	var d wire.DeletedData
	if json.Unmarshal([]byte(r.Data), &d) != nil {
		return "" // it names no message, so it takes none away
	}
	return d.MessageID
}
