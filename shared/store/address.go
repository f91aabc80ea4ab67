package store

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"
)

// system is a kind of database, by its name in OpenTelemetry's semantic conventions.
type system string

const (
	mysqlSystem system = "mysql"
	sqlite      system = "sqlite"
)

type pool int

const (
	primaryPool pool = iota
	readerPool
)

// address is a parsed database URL. Its String shows no password.
type address struct {
	system system
	mysql  *mysql.Config
	file   string
	iam    bool // each new connection gets a password of its own: Config.Passwords
}

func (a address) String() string {
	if a.system == sqlite {
		return "sqlite:" + a.file
	}
	return "mysql://" + a.mysql.Addr + "/" + a.mysql.DBName
}

// parseURL never quotes the URL in its errors: it may hold a password.
func parseURL(raw string) (address, error) {
	scheme, rest, _ := strings.Cut(raw, ":")
	switch {
	case raw == "":
		return address{}, errors.New("is empty: want mysql://user:pass@host:port/db or sqlite:FILE")
	case scheme == "sqlite":
		return parseSQLite(rest)
	case scheme == "mysql" && strings.HasPrefix(rest, "//"):
		return parseMySQL(raw)
	}
	return address{}, errors.New("want mysql://user:pass@host:port/db or sqlite:FILE")
}

func parseSQLite(file string) (address, error) {
	switch {
	case !hasSQLite:
		return address{}, errors.New("sqlite: this binary is built without it: want mysql://user:pass@host:port/db")
	case file == "":
		return address{}, errors.New("sqlite: names no file")
	case strings.Contains(file, ":memory:"):
		return address{}, errors.New("sqlite: :memory: would be another database for every connection: name a file")
	case strings.HasPrefix(file, "//"):
		return address{}, errors.New("sqlite: write sqlite:FILE without //")
	case strings.ContainsAny(file, "?#%\x00"):
		return address{}, errors.New("sqlite: the file's name has ?, #, % or NUL in it")
	}
	return address{system: sqlite, file: file}, nil
}

func parseMySQL(raw string) (address, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return address{}, errors.New("mysql: not a URL (special characters of the password must be %-escaped)")
	}
	database := strings.TrimPrefix(u.Path, "/")
	switch {
	case u.Hostname() == "":
		return address{}, errors.New("mysql: names no host")
	case u.User.Username() == "":
		return address{}, errors.New("mysql: names no user")
	case database == "" || strings.Contains(database, "/"):
		return address{}, errors.New("mysql: names no database (mysql://user:pass@host:port/db)")
	case u.Fragment != "":
		return address{}, errors.New("mysql: has a # in it (escape it as %23)")
	}
	c := mysql.NewConfig()
	c.User = u.User.Username()
	c.Passwd, _ = u.User.Password()
	c.Net = "tcp"
	c.Addr = net.JoinHostPort(u.Hostname(), orDefault(u.Port(), "3306"))
	c.DBName = database
	c.Collation = "utf8mb4_general_ci" // of the connection; columns name their own
	c.Timeout = 5 * time.Second
	c.ReadTimeout = 30 * time.Second
	c.WriteTimeout = 30 * time.Second
	c.ClientFoundRows = true   // rows affected = rows matched, as SQLite counts
	c.InterpolateParams = true // one round trip a statement; the driver escapes, and refuses charsets where that is unsafe
	c.RejectReadOnly = true    // after a failover: leave the server that became a replica
	c.Logger = mysqlQuiet{}
	c.Params = map[string]string{
		"time_zone":                "'+00:00'",
		"sql_mode":                 "'TRADITIONAL'", // refuse what doesn't fit instead of cutting it
		"innodb_lock_wait_timeout": "10",
	}
	a := address{system: mysqlSystem, mysql: c}
	if err := a.applyOptions(u.Query()); err != nil {
		return address{}, err
	}
	return a, a.checkIAM()
}

const authIAM = "aws-iam"

// checkIAM: the token is sent as it is, so only over TLS, and nothing else may be given as a password.
func (a *address) checkIAM() error {
	switch {
	case !a.iam:
		return nil
	case a.mysql.TLSConfig != "true":
		return errors.New("mysql: auth=" + authIAM + " needs tls=true")
	case a.mysql.Passwd != "":
		return errors.New("mysql: auth=" + authIAM + " makes its own passwords: give none")
	}
	a.mysql.AllowCleartextPasswords = true
	return nil
}

func (a *address) applyOptions(q url.Values) error {
	c := a.mysql
	for _, key := range slices.Sorted(maps.Keys(q)) {
		value := q.Get(key)
		var err error
		switch key {
		case "tls":
			if !slices.Contains([]string{"true", "false", "preferred", "skip-verify"}, value) {
				err = errors.New("want true, false, preferred or skip-verify")
			}
			c.TLSConfig = value
		case "timeout":
			c.Timeout, err = positiveDuration(value)
		case "readTimeout":
			c.ReadTimeout, err = positiveDuration(value)
		case "writeTimeout":
			c.WriteTimeout, err = positiveDuration(value)
		case "auth":
			if a.iam = value == authIAM; !a.iam {
				err = errors.New("want " + authIAM)
			}
		default:
			err = errors.New("is not an option: want auth, tls, timeout, readTimeout or writeTimeout")
		}
		if err != nil {
			return fmt.Errorf("mysql: %s: %w", key, err)
		}
	}
	return nil
}

func positiveDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, errors.New("want a duration such as 5s")
	}
	return d, nil
}

func orDefault[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// mysqlQuiet drops the driver's own log lines: what they tell comes back as errors too.
type mysqlQuiet struct{}

func (mysqlQuiet) Print(...any) {}

func (a address) dialector(conn gorm.ConnPool) gorm.Dialector {
	if a.system == sqlite {
		return sqliteDialector(conn)
	}
	// Asking for the version would need a server that is up; it matters to features that are not used here.
	return gormmysql.New(gormmysql.Config{Conn: conn, SkipInitializeWithVersion: true})
}

func (a address) open(c Config, p pool) (*sql.DB, error) {
	if a.system == sqlite {
		return openSQLite(a.file, p)
	}
	return openMySQL(a, c)
}
