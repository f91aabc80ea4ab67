//go:build nosqlite

package store

import "gorm.io/gorm"

const (
	hasSQLite    = false
	sqliteDriver = "sqlite"
)

func sqliteDialector(gorm.ConnPool) gorm.Dialector { return nil } // never reached: parseURL refuses sqlite:

func sqliteCode(error) (code int, ok bool) { return 0, false }
