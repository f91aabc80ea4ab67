package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// migrateWait is how long one process waits for another one that is migrating.
const migrateWait = time.Minute

// Migrate brings the schema up to date. Several processes may call it at once: one works, the others wait and find
// nothing to do. Migrations of different parts have number ranges of their own and may land in any order.
func (s *Store) Migrate(ctx context.Context) (err error) {
	unlock, err := s.lockSchema(ctx)
	if err != nil {
		return fmt.Errorf("migrate %s: wait for the schema lock: %w", s.address, err)
	}
	defer func() { err = errors.Join(err, unlock()) }()

	dialect, dir := goose.DialectMySQL, "migrations/mysql"
	if s.address.system == sqlite {
		dialect, dir = goose.DialectSQLite3, "migrations/sqlite"
	}
	files, err := fs.Sub(migrations, dir)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, s.primary, files, goose.WithAllowOutofOrder(true))
	if err != nil {
		return fmt.Errorf("migrate %s: %w", s.address, err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate %s: %w", s.address, err)
	}
	return nil
}

// lockSchema takes a lock that the database drops by itself when this process dies.
func (s *Store) lockSchema(ctx context.Context) (unlock func() error, err error) {
	if s.address.system == sqlite {
		return lockSQLite(ctx, s.address.file)
	}
	return lockMySQL(ctx, s.primary, s.address.mysql.DBName)
}

// lockSQLite holds an exclusive transaction on an empty database beside the real one: goose needs the real one's
// only writing connection for itself.
func lockSQLite(ctx context.Context, file string) (func() error, error) {
	dsn := fmt.Sprintf("%s.migrate?_txlock=exclusive&_pragma=busy_timeout(%d)", file, migrateWait.Milliseconds())
	db, err := sql.Open(sqliteDriver, dsn)
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return func() error { return errors.Join(tx.Rollback(), db.Close()) }, nil
}

func lockMySQL(ctx context.Context, db *sql.DB, database string) (func() error, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	// Lock names are global to the server and at most 64 characters long.
	const name = "CONCAT('barrage-migrate-', SHA1(?))"
	var got sql.NullInt64
	for end := time.Now().Add(migrateWait); err == nil && got.Int64 != 1; {
		if time.Now().After(end) {
			err = errors.New("another process has been migrating for too long")
			break
		}
		// Short waits: one long one would run into the connection's read timeout.
		err = conn.QueryRowContext(ctx, "SELECT GET_LOCK("+name+", 5)", database).Scan(&got)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return func() error {
		release := context.WithoutCancel(ctx) // a lock kept on a pooled connection would outlive the call
		_, err := conn.ExecContext(release, "DO RELEASE_LOCK("+name+")", database)
		return errors.Join(err, conn.Close())
	}, nil
}
