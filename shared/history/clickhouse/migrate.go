package clickhouse

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/barrage-live/barrage/shared/history"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate makes the database, its tables and views, and sets how long they keep what. Every statement of a migration may
// run again, and by two processes at once: ClickHouse has no transactions to run them in.
func (s *Store) Migrate(ctx context.Context) error {
	if s.conn.database != "default" {
		if _, err := s.conn.exec(ctx, "default", "CREATE DATABASE IF NOT EXISTS "+s.conn.database, nil); err != nil {
			return fmt.Errorf("migrate history: %w", err)
		}
	}
	if _, err := s.conn.run(ctx, "CREATE TABLE IF NOT EXISTS migrations (name String) ENGINE = ReplacingMergeTree ORDER BY name"); err != nil {
		return fmt.Errorf("migrate history: %w", err)
	}
	files, err := fs.Glob(migrations, "migrations/*.sql") // sorted
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := s.apply(ctx, file); err != nil {
			return fmt.Errorf("migrate history: %s: %w", file, err)
		}
	}
	return s.retain(ctx)
}

func (s *Store) apply(ctx context.Context, file string) error {
	done, err := s.conn.number(ctx, "SELECT count() FROM migrations WHERE name = '"+file+"'")
	if err != nil || done > 0 {
		return err
	}
	text, err := migrations.ReadFile(file)
	if err != nil {
		return err
	}
	for statement := range strings.SplitSeq(string(text), ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := s.conn.run(ctx, statement); err != nil {
			return err
		}
	}
	_, err = s.conn.run(ctx, "INSERT INTO migrations VALUES ('"+file+"')")
	return err
}

// retain changes how long a table keeps its rows, when it is another time than it was.
func (s *Store) retain(ctx context.Context) error {
	for _, t := range []struct {
		table, column string
		days          int
	}{{"events", "toDateTime(at)", s.keep.EventDays}, {"minutes", "minute", s.keep.MinuteDays}, {"watching", "minute", s.keep.MinuteDays}} {
		ttl := fmt.Sprintf("TTL %s + toIntervalDay(%d)", t.column, t.days)
		same, err := s.conn.number(ctx, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = '"+t.table+
			"' AND position(create_table_query, '"+ttl+" ') > 0")
		if err != nil || same > 0 {
			if err != nil {
				return fmt.Errorf("keep of %s: %w", t.table, err)
			}
			continue
		}
		if _, err := s.conn.run(ctx, "ALTER TABLE "+t.table+" MODIFY "+ttl); err != nil {
			return fmt.Errorf("keep of %s: %w", t.table, err)
		}
	}
	return nil
}

func checkKeep(k history.Keep) error {
	if k.EventDays < MinEventDays || k.MinuteDays < k.EventDays {
		return fmt.Errorf("history: keep events for at least %d days, and minutes no shorter than events", MinEventDays)
	}
	return nil
}
