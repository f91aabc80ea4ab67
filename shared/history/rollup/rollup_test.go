package rollup

import (
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/history"
	"github.com/barrage-live/barrage/shared/history/historytest"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/storetest"
)

func newStore(t *testing.T, db *store.Store) *Store {
	t.Helper()
	s, err := New(db, history.Keep{MinuteDays: 30})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		db := storetest.Open(t, url)
		historytest.Run(t, func(t *testing.T) historytest.Store {
			for _, table := range []string{"history_minutes", "history_seen", "history_sources"} {
				if err := db.DB().Exec("DELETE FROM " + table).Error; err != nil {
					t.Fatal(err)
				}
			}
			return newStore(t, db)
		})
	})
}

func TestPruneForgetsWhatIsOld(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		s := newStore(t, db)
		now := time.Now().Truncate(time.Minute)
		put := func(offset int64, at time.Time) {
			e := history.Event{ID: uint64(offset + 1), Offset: offset, Room: 3, Type: live.Danmu, At: at, Danmu: 1}
			if err := s.Put(t.Context(), history.Batch{Source: history.Source{Topic: "t"}, Events: []history.Event{e}, Next: offset + 1}); err != nil {
				t.Fatal(err)
			}
		}
		put(0, now.AddDate(0, 0, -31))
		put(1, now)
		s.now = func() time.Time { return now.Add(seenFor / 2) }
		left := func() (minutes, ids int64) {
			if err := s.Prune(t.Context()); err != nil {
				t.Fatal(err)
			}
			db.DB().Model(&minuteRow{}).Count(&minutes)
			db.DB().Model(&seenRow{}).Count(&ids)
			return minutes, ids
		}
		if minutes, ids := left(); minutes != 1 || ids != 2 {
			t.Errorf("got %d minutes and %d ids, want the young minute and both ids", minutes, ids)
		}
		s.now = func() time.Time { return now.Add(2 * seenFor) }
		if minutes, ids := left(); minutes != 1 || ids != 0 {
			t.Errorf("later: got %d minutes and %d ids, want the young minute and no id", minutes, ids)
		}
	})
}

func TestNewNeedsItsParts(t *testing.T) {
	if _, err := New(nil, history.Keep{MinuteDays: 1}); err == nil {
		t.Error("got no error without a database")
	}
}
