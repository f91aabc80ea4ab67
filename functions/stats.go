package functions

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/barrage-live/barrage/functions/stats"
	"github.com/barrage-live/barrage/shared/history"
	"github.com/barrage-live/barrage/shared/history/clickhouse"
	"github.com/barrage-live/barrage/shared/history/rollup"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/stream"
)

// The consumer groups of the log's readers, without the Space of Parts.
const (
	groupStats    = "stats"
	groupPresence = "stats-presence"
	groupHistory  = "history"
	groupArchive  = "archive"
	groupGift     = "gift"
)

const pruneEvery = time.Hour

// Stats needs Redis, State, Kafka, History, Heat and Telemetry. Its batches count the log; a record that can't be read
// goes to the dead letters at once, one that fails for a reason nobody foresaw after batchTries.
func Stats(p Parts) (Function, error) {
	s, err := StatsService(p)
	if err != nil {
		return Function{}, err
	}
	handle := stream.WithDeadLetters(p.Kafka, batchTries, s.HandleMessages)
	batch := func(group string, t stream.Topic) Batch {
		return Batch{Topic: t, Group: p.Space + group, MaxBatch: 1000, MaxWait: 50 * time.Millisecond, Handle: handle}
	}
	return Function{
		Name: "stats", Routes: s.Routes, Checks: checks{"redis": p.pingRedis, "kafka": p.Kafka.Ping}, Close: s.Close,
		Batches: []Batch{batch(groupStats, stream.LiveMessages), batch(groupPresence, stream.LivePresence)},
		Jobs:    []Job{{Name: "sample", Every: stats.SampleEvery, Run: s.Sample}},
	}, nil
}

// StatsService is the stats function's business steps, without HTTP.
func StatsService(p Parts) (*stats.Service, error) {
	return stats.New(stats.Deps{
		Redis: p.Redis, Presence: p.State, History: p.History, Topics: p.Kafka, Readers: p.readers(), Partitions: p.Kafka.Partitions(),
		Heat: p.Heat, Telemetry: p.Telemetry, Space: p.Space + "stats",
	})
}

// readers are the groups whose lag an operator looks at.
func (p Parts) readers() []stream.Reader {
	return []stream.Reader{
		{Group: p.Space + groupStats, Topic: stream.LiveMessages}, {Group: p.Space + groupPresence, Topic: stream.LivePresence},
		{Group: p.Space + groupHistory, Topic: stream.LiveMessages}, {Group: p.Space + groupGift, Topic: stream.LiveGiftRequests},
		{Group: p.Space + groupArchive, Topic: stream.LiveMessages},
	}
}

// LookBack needs what Stats needs. It keeps the log as history, apart from the counts of now, which must not wait for
// it. It likes larger batches: a column store wants few and large writes.
func LookBack(p Parts) (Function, error) {
	s, err := StatsService(p)
	if err != nil {
		return Function{}, err
	}
	return Function{
		Name: "history", Checks: map[string]func(context.Context) error{"history": p.History.Ping}, Close: s.Close,
		Batches: []Batch{{
			Topic: stream.LiveMessages, Group: p.Space + groupHistory, MaxBatch: 5000, MaxWait: time.Second,
			Handle: stream.WithDeadLetters(p.Kafka, batchTries, s.HandleHistory),
		}},
		Jobs: []Job{{Name: "prune", Every: pruneEvery, Run: p.History.Prune}},
	}, nil
}

// History is what is kept for looking back: rollup.Store or clickhouse.Store.
type History interface {
	stats.Record
	Migrate(ctx context.Context) error
	Ping(ctx context.Context) error
	Prune(ctx context.Context) error
	// Erase forgets which events were the user's and returns how many were.
	Erase(ctx context.Context, user live.UserID) (events int64, err error)
	Close()
}

// HistorySettings are the operator's choices about looking back.
type HistorySettings struct {
	ClickHouseURL string `env:"CLICKHOUSE_URL"` // empty: roll-ups in the database
	EventDays     int    `env:"HISTORY_EVENT_DAYS" envDefault:"30"`
	MinuteDays    int    `env:"HISTORY_DAYS" envDefault:"400"`
}

// Check implements what settings.Load asks.
func (h HistorySettings) Check() error {
	if h.EventDays < clickhouse.MinEventDays || h.MinuteDays < h.EventDays {
		return fmt.Errorf("HISTORY_EVENT_DAYS must be at least %d, longer than Kafka keeps the log, and HISTORY_DAYS no less", clickhouse.MinEventDays)
	}
	return nil
}

// Open returns the history in ClickHouse, or in db when no ClickHouse is named. It does not connect.
func (h HistorySettings) Open(db *store.Store) (History, error) {
	keep := history.Keep{EventDays: h.EventDays, MinuteDays: h.MinuteDays}
	if h.ClickHouseURL != "" {
		return clickhouse.New(h.ClickHouseURL, keep)
	}
	if db == nil {
		return nil, errors.New("history: neither CLICKHOUSE_URL nor a database is given")
	}
	return rollup.New(db, keep)
}
