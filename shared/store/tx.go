package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/go-sql-driver/mysql"
	"gorm.io/gorm"
	"gorm.io/plugin/dbresolver"
)

const (
	txTries     = 6
	txFirstWait = 5 * time.Millisecond
)

// Tx runs fn in one transaction on the primary and commits when it returns nil. When the database gives up the
// transaction for another one's sake (deadlock, lock wait, "database is locked") fn runs again, a few times: it must
// have no effect outside tx. Inside fn use tx alone: SQLite has one writer, so a call to the store's other methods
// from fn would wait for itself.
func (s *Store) Tx(ctx context.Context, fn func(tx *gorm.DB) error) error {
	db := s.db.WithContext(ctx).Clauses(dbresolver.Write)
	return retry(ctx, func() error { return db.Transaction(fn) })
}

// retry runs fn until it succeeds, fails for good, or has lost its locks txTries times.
func retry(ctx context.Context, fn func() error) error {
	wait := txFirstWait
	for try := 1; ; try++ {
		err := fn()
		if err == nil || !lostLock(err) {
			return err
		}
		if try == txTries {
			return fmt.Errorf("given up after %d tries: %w", try, err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(wait/2 + rand.N(wait)): // jitter: two that collided must not collide again
		}
		wait *= 2
	}
}

// Codes of the two servers, from their manuals.
const (
	mysqlDuplicate       = 1062
	mysqlLockWaitTimeout = 1205
	mysqlDeadlock        = 1213
	mysqlRecordChanged   = 1020 // MariaDB's snapshot isolation

	sqliteBusy             = 5
	sqliteLocked           = 6
	sqliteConstraintUnique = 2067
	sqliteConstraintKey    = 1555
	sqlitePrimaryCode      = 0xff // the low byte of an extended code
)

func lostLock(err error) bool {
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return e.Number == mysqlDeadlock || e.Number == mysqlLockWaitTimeout || e.Number == mysqlRecordChanged
	}
	if code, ok := sqliteCode(err); ok {
		code := code & sqlitePrimaryCode
		return code == sqliteBusy || code == sqliteLocked
	}
	return false
}

// IsDuplicate reports whether err says that a unique key is taken.
func IsDuplicate(err error) bool {
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return e.Number == mysqlDuplicate
	}
	if code, ok := sqliteCode(err); ok {
		return code == sqliteConstraintUnique || code == sqliteConstraintKey
	}
	return false
}

// Snapshot runs fn in a read-only transaction on the primary that sees the data as of one moment: for sums over tables
// that change meanwhile.
func (s *Store) Snapshot(ctx context.Context, fn func(tx *gorm.DB) error) error {
	options := &sql.TxOptions{ReadOnly: true}
	if s.address.system == mysqlSystem {
		options.Isolation = sql.LevelRepeatableRead // SQLite's read transactions are snapshots by themselves
	}
	return s.writer(ctx).Transaction(fn, options)
}
