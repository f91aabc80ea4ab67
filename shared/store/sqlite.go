//go:build !nosqlite

package store

import (
	"errors"

	sqlitedriver "github.com/glebarez/go-sqlite"
	gosqlite "github.com/glebarez/sqlite"
	"gorm.io/gorm"
)

// What a binary that is built with the tag nosqlite leaves out: a database of four megabytes that no cloud function opens.
const (
	hasSQLite    = true
	sqliteDriver = gosqlite.DriverName
)

func sqliteDialector(conn gorm.ConnPool) gorm.Dialector { return &gosqlite.Dialector{Conn: conn} }

// sqliteCode is the error's code, if it is one of SQLite's.
func sqliteCode(err error) (code int, ok bool) {
	e, ok := errors.AsType[*sqlitedriver.Error](err)
	if !ok {
		return 0, false
	}
	return e.Code(), true
}
