// Package clickhouse keeps history in ClickHouse: every event for some weeks, each once, and counts by the minute for
// longer. It is written blindly: an event that comes again falls onto itself.
package clickhouse

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/barrage-live/barrage/shared/history"
	"github.com/barrage-live/barrage/shared/live"
)

// MinEventDays is longer than Kafka keeps the log: a minute is counted anew when one of its events comes again, and all
// the others must still be there.
const MinEventDays = 8

// Store is the history in a ClickHouse database. Its methods may be called concurrently.
type Store struct {
	conn *conn
	keep history.Keep
}

// New does not connect yet: see [Store.Migrate]. The URL is http or https, with user, password and database.
func New(url string, keep history.Keep) (*Store, error) {
	if err := checkKeep(keep); err != nil {
		return nil, err
	}
	c, err := parse(url)
	if err != nil {
		return nil, err
	}
	return &Store{conn: c, keep: keep}, nil
}

// Host is where the server is, without what is secret.
func (s *Store) Host() string {
	return (&url.URL{Host: s.conn.url.Host, Path: s.conn.database}).String()
}

// Close ends the connections that nothing uses.
func (s *Store) Close() { s.conn.http.CloseIdleConnections() }

// Ping asks the server for a sign of life.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.conn.number(ctx, "SELECT 1")
	return err
}

// Put stores the events. Those of a batch may be stored although it fails; they fall onto themselves when it comes again.
func (s *Store) Put(ctx context.Context, b history.Batch) error {
	if len(b.Events) == 0 {
		return nil
	}
	erased, err := s.erased(ctx)
	if err != nil {
		return fmt.Errorf("keep %d events of %s/%d: %w", len(b.Events), b.Source.Topic, b.Source.Partition, err)
	}
	var rows bytes.Buffer
	for _, e := range b.Events {
		if until, ok := erased[e.User]; ok && e.At.UnixMilli() <= until {
			e.User = 0
		}
		fmt.Fprintf(&rows, "%d\t%d\t%s\t%d\t%s\t%d\t%d\t%d\t%d\n",
			e.Room, e.ID, e.Type, e.User, seconds(e.At), e.Danmu, e.Likes, e.Gifts, e.Coins)
	}
	_, err = s.conn.exec(ctx, s.conn.database,
		"INSERT INTO events (room_id, event_id, type, user_id, at, danmu, likes, gifts, coins) FORMAT TabSeparated", rows.Bytes())
	if err != nil {
		return fmt.Errorf("keep %d events of %s/%d: %w", len(b.Events), b.Source.Topic, b.Source.Partition, err)
	}
	return nil
}

// seconds is a time as ClickHouse reads it without knowing a zone: 1790000000.000.
func seconds(t time.Time) string {
	ms := t.UnixMilli()
	return fmt.Sprintf("%d.%03d", ms/1000, ms%1000)
}

// Sample notes the most who were seen in each minute.
func (s *Store) Sample(ctx context.Context, some []history.Sample) error {
	if len(some) == 0 {
		return nil
	}
	var rows bytes.Buffer
	for _, one := range some {
		fmt.Fprintf(&rows, "%d\t%d\t%d\n", one.Room, one.At.Truncate(time.Minute).Unix(), one.Online)
	}
	_, err := s.conn.exec(ctx, s.conn.database, "INSERT INTO watching (room_id, minute, online) FORMAT TabSeparated", rows.Bytes())
	if err != nil {
		return fmt.Errorf("keep %d samples: %w", len(some), err)
	}
	return nil
}

// Points answers the query with a point for each step: from the minutes as they were counted last, and those that have
// changed since. Placeholders: [1] step in seconds, [2] and [3] the times, [4] the room of samples, [5] whose events.
const pointsQuery = `
SELECT t, max(online), sum(danmu), sum(likes), sum(gifts), sum(coins) FROM (
    SELECT intDiv(toUnixTimestamp(minute), %[1]d) * %[1]d AS t, 0 AS online,
           tupleElement(last, 1) AS danmu, tupleElement(last, 2) AS likes, tupleElement(last, 3) AS gifts, tupleElement(last, 4) AS coins
    FROM (
        SELECT room_id, minute, argMax((danmu, likes, gifts, coins), counted_at) AS last
        FROM (SELECT * FROM minutes UNION ALL SELECT * FROM minutes_since)
        WHERE minute >= toDateTime(%[2]d, 'UTC') AND minute < toDateTime(%[3]d, 'UTC')%[5]s
        GROUP BY room_id, minute)
    UNION ALL
    SELECT intDiv(toUnixTimestamp(minute), %[1]d) * %[1]d AS t, max(online) AS online, 0 AS danmu, 0 AS likes, 0 AS gifts, 0 AS coins
    FROM watching
    WHERE room_id = %[4]d AND minute >= toDateTime(%[2]d, 'UTC') AND minute < toDateTime(%[3]d, 'UTC')
    GROUP BY t)
GROUP BY t`

// Points answers the query with a point for each step.
func (s *Store) Points(ctx context.Context, q history.Query) ([]history.Point, error) {
	q = q.Aligned()
	whose := ""
	if q.Room != history.AllRooms {
		whose = fmt.Sprintf(" AND room_id = %d", q.Room)
	}
	rows, err := s.conn.run(ctx, fmt.Sprintf(pointsQuery, int64(q.Step.Seconds()), q.From.Unix(), q.To.Unix(), q.Room, whose))
	if err != nil {
		return nil, fmt.Errorf("points of room %d: %w", q.Room, err)
	}
	points := make([]history.Point, len(rows))
	for i, row := range rows {
		if points[i], err = point(row); err != nil {
			return nil, fmt.Errorf("points of room %d: %w", q.Room, err)
		}
	}
	return q.Fill(points), nil
}

func point(row []string) (history.Point, error) {
	var n [6]int64
	if len(row) != len(n) {
		return history.Point{}, fmt.Errorf("%d columns instead of %d", len(row), len(n))
	}
	for i, text := range row {
		var err error
		if n[i], err = strconv.ParseInt(text, 10, 64); err != nil {
			return history.Point{}, err
		}
	}
	return history.Point{
		T: time.Unix(n[0], 0), Online: n[1], Danmu: n[2], Likes: n[3], Gifts: n[4], Coins: live.Coins(n[5]),
	}, nil
}

// Prune has nothing to do: ClickHouse drops by itself what is older than it shall be.
func (s *Store) Prune(context.Context) error { return nil }
