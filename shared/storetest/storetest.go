// Package storetest opens databases for tests: a new SQLite file always, and a new database on the MySQL server of
// BARRAGE_TEST_MYSQL when that is set, so that one suite covers both.
package storetest

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/barrage-live/barrage/shared/store"
)

// Each runs the test as subtest "sqlite" and, when there is a server, as subtest "mariadb", each on an empty,
// migrated database of its own.
func Each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	EachURL(t, func(t *testing.T, url string) { test(t, Open(t, url)) })
}

// EachURL is Each for tests that open the database themselves: url names an empty database without tables.
func EachURL(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	if os.Getenv(serverVariable) != "" {
		t.Run("mariadb", func(t *testing.T) {
			url, _ := MySQL(t)
			test(t, url)
		})
	}
}

// serverVariable names the MySQL server: mysql://user:pass@host:port/prefix-of-databases.
const serverVariable = "BARRAGE_TEST_MYSQL"

// MySQL names a new database without tables that goes with the test, if there is a server.
func MySQL(t testing.TB) (url string, ok bool) {
	t.Helper()
	server := os.Getenv(serverVariable)
	if server == "" {
		return "", false
	}
	return newDatabase(t, server), true
}

// SQLite names a new database file that goes with the test.
func SQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "barrage.db")
}

// Open opens and migrates the database, and closes it with the test.
func Open(t testing.TB, url string, replicas ...string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: url, ReplicaURLs: replicas})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// newDatabase makes a database with a random name, as packages are tested in parallel on one server.
func newDatabase(t testing.TB, server string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("BARRAGE_TEST_MYSQL: %v", err)
	}
	c := mysql.NewConfig()
	c.Net, c.Addr, c.User = "tcp", u.Host, u.User.Username()
	c.Passwd, _ = u.User.Password()
	connector, err := mysql.NewConnector(c)
	if err != nil {
		t.Fatalf("BARRAGE_TEST_MYSQL: %v", err)
	}
	db := sql.OpenDB(connector)
	name := fmt.Sprintf("%s_%016x", strings.TrimPrefix(u.Path, "/"), rand.Uint64())
	if _, err := db.ExecContext(t.Context(), "CREATE DATABASE `"+name+"`"); err != nil {
		t.Fatalf("BARRAGE_TEST_MYSQL: %v", err)
	}
	t.Cleanup(func() {
		if _, err := db.Exec("DROP DATABASE `" + name + "`"); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	u.Path = "/" + name
	return u.String()
}

// Bench is Each for benchmarks: on the MySQL server when there is one, else on SQLite.
func Bench(b *testing.B, bench func(b *testing.B, s *store.Store)) {
	b.Helper()
	url := SQLite(b)
	if server := os.Getenv("BARRAGE_TEST_MYSQL"); server != "" {
		url = newDatabase(b, server)
	}
	bench(b, Open(b, url))
}
