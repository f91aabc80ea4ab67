package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/go-sql-driver/mysql"
)

const (
	defaultMaxOpenConns    = 32
	defaultConnMaxLifetime = 30 * time.Minute
	sqliteReaders          = 4
	sqliteBusyTimeout      = 10 * time.Second // how long one process waits for another one's write
)

// openSQLite gives one connection that writes, or a few that read. One writer a process means that writers queue in Go,
// where a context ends the wait, and not inside SQLite. Write-ahead logging lets the readers go on meanwhile.
func openSQLite(file string, p pool) (*sql.DB, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	q := url.Values{}
	q.Add("_pragma", fmt.Sprintf("busy_timeout(%d)", sqliteBusyTimeout.Milliseconds()))
	q.Add("_pragma", "journal_mode(WAL)")
	q.Add("_pragma", "synchronous(FULL)") // coins are in here: a power cut must not lose a commit
	q.Add("_pragma", "foreign_keys(1)")
	open := 1
	if p == readerPool {
		open = sqliteReaders
		q.Add("_pragma", "query_only(1)")
	} else {
		q.Add("_txlock", "immediate") // take the write lock first: a read that turns into a write can fail half-way
	}
	db, err := sql.Open(sqliteDriver, file+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(open)
	db.SetMaxIdleConns(open)
	return db, nil
}

func openMySQL(a address, c Config) (*sql.DB, error) {
	config := a.mysql
	if a.iam {
		if c.Passwords == nil {
			return nil, errors.New("auth=" + authIAM + ": this program can't sign in so")
		}
		if err := config.Apply(mysql.BeforeConnect(freshPassword(c.Passwords))); err != nil {
			return nil, err
		}
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(readCommitted{connector})
	open := orDefault(c.MaxOpenConns, defaultMaxOpenConns)
	db.SetMaxOpenConns(open)
	db.SetMaxIdleConns(orDefault(c.MaxIdleConns, open))
	db.SetConnMaxLifetime(orDefault(c.ConnMaxLifetime, defaultConnMaxLifetime))
	return db, nil
}

// freshPassword is asked before each connection: the driver hands it a copy of the configuration.
func freshPassword(passwords func(ctx context.Context, address, user string) (string, error)) func(context.Context, *mysql.Config) error {
	return func(ctx context.Context, config *mysql.Config) (err error) {
		config.Passwd, err = passwords(ctx, config.Addr, config.User)
		return err
	}
}

// readCommitted sets the isolation level once a connection. MySQL 8 and MariaDB name the variable differently, so it
// can't be a connection parameter; this statement they share. Repeatable read would add gap locks and stale snapshots,
// and protects from lost updates no better.
type readCommitted struct{ driver.Connector }

func (c readCommitted) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	const set = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
	if _, err := conn.(driver.ExecerContext).ExecContext(ctx, set, nil); err != nil {
		_ = conn.Close() // the statement's error says more
		return nil, fmt.Errorf("set isolation level: %w", err)
	}
	return conn, nil
}
