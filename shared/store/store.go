// Package store keeps what must survive in SQL: users, their sign-ins and rooms, in MySQL or SQLite.
//
// Times are Unix milliseconds in BIGINT columns named *_ms: they mean the same in both databases, sort as numbers and
// know no time zone. Reads go to a replica when there is one, unless they come from [Primary] or follow a write inside
// the same call. All methods may be called concurrently.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/plugin/dbresolver"
)

// Config says where the databases are and how much of them this process may use.
type Config struct {
	URL         string   // mysql://user:pass@host:port/db, mysql://user@host:port/db?auth=aws-iam&tls=true or sqlite:FILE
	ReplicaURLs []string // same scheme as URL; empty: the primary serves the reads too

	MaxOpenConns    int           // to each MySQL server; 0: 32
	MaxIdleConns    int           // to each MySQL server; 0: as MaxOpenConns
	ConnMaxLifetime time.Duration // 0: 30 minutes, so that a failover or a new replica is noticed

	// Passwords makes the password of each new connection to a server whose URL says auth=aws-iam; nil where none does.
	Passwords func(ctx context.Context, address, user string) (string, error)

	Tracer trace.Tracer // nil: no spans
	Logger *slog.Logger // nil: slog.Default(); told only of replicas that come and go
}

// gormForEver is what GORM 1.31 takes for "no expiry". With any other value dbresolver leaves two goroutines behind for
// each database, to expire prepared statements that are not even used here.
const gormForEver = 10 * 365 * 24 * time.Hour

// Store is an open database with its replicas.
type Store struct {
	db      *gorm.DB
	address address
	primary *sql.DB
	readers *readers // real replicas, or the reading side of one SQLite file; nil: the primary reads
	lagging bool     // replicas may be behind the primary
}

// Open connects to the primary and to every replica; it makes no tables: see [Store.Migrate].
func Open(ctx context.Context, c Config) (_ *Store, err error) {
	addr, err := parseURL(c.URL)
	if err != nil {
		return nil, fmt.Errorf("database url: %w", err)
	}
	s := &Store{address: addr, lagging: len(c.ReplicaURLs) > 0}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.primary, err = addr.open(c, primaryPool); err != nil {
		return nil, fmt.Errorf("open %s: %w", addr, err)
	}
	if err = s.primary.PingContext(ctx); err != nil {
		return nil, fmt.Errorf("open %s: %w", addr, err)
	}
	if err = s.openReaders(ctx, c); err != nil {
		return nil, err
	}
	s.db, err = gorm.Open(addr.dialector(s.primary), &gorm.Config{
		SkipDefaultTransaction: true, // one statement is atomic by itself; what needs more calls Tx
		Logger:                 logger.Discard,
		NowFunc:                func() time.Time { return time.Now().UTC() },
		PrepareStmtTTL:         gormForEver,
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", addr, err)
	}
	if err = s.db.Use(s.resolver()); err != nil {
		return nil, fmt.Errorf("replicas of %s: %w", addr, err)
	}
	if c.Tracer != nil {
		if err = s.db.Use(spans{tracer: c.Tracer, system: addr.system}); err != nil {
			return nil, fmt.Errorf("trace %s: %w", addr, err)
		}
	}
	return s, nil
}

func (s *Store) openReaders(ctx context.Context, c Config) error {
	addresses := make([]address, 0, len(c.ReplicaURLs)+1)
	for i, u := range c.ReplicaURLs {
		addr, err := parseURL(u)
		if err != nil {
			return fmt.Errorf("database replica url %d: %w", i+1, err)
		}
		if addr.system != s.address.system {
			return fmt.Errorf("database replica url %d: is %s, but the primary is %s", i+1, addr.system, s.address.system)
		}
		addresses = append(addresses, addr)
	}
	if len(addresses) == 0 && s.address.system == sqlite {
		addresses = append(addresses, s.address)
	}
	if len(addresses) == 0 {
		return nil
	}
	s.readers = &readers{primary: s.primary, log: c.Logger}
	if s.readers.log == nil {
		s.readers.log = slog.Default()
	}
	for _, addr := range addresses {
		db, err := addr.open(c, readerPool)
		if err != nil {
			return fmt.Errorf("open replica %s: %w", addr, err)
		}
		s.readers.replicas = append(s.readers.replicas, &replica{DB: db})
		// One that is down now may come up; one that refuses the password or the database never will.
		if err := db.PingContext(ctx); err != nil && !unreachable(err) {
			return fmt.Errorf("open replica %s: %w", addr, err)
		}
	}
	return nil
}

func (s *Store) resolver() *dbresolver.DBResolver {
	var c dbresolver.Config
	if s.readers != nil {
		c.Replicas = []gorm.Dialector{s.address.dialector(s.readers)}
	}
	return dbresolver.Register(c)
}

// DB gives the database to packages with tables of their own, such as the ledger. Plain reads through it go to a
// replica; add Clauses(dbresolver.Write) for those that must see the last write.
func (s *Store) DB() *gorm.DB { return s.db }

// Ping asks the primary for a sign of life. Replicas are not asked: the store works without them.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.primary.PingContext(ctx); err != nil {
		return fmt.Errorf("ping %s: %w", s.address, err)
	}
	return nil
}

// Close ends all connections.
func (s *Store) Close() error {
	var errs []error
	if s.readers != nil {
		for _, r := range s.readers.replicas {
			errs = append(errs, r.Close())
		}
	}
	if s.primary != nil {
		errs = append(errs, s.primary.Close())
	}
	return errors.Join(errs...)
}

// Millis is a time as the database holds it: milliseconds since 1970, UTC.
type Millis int64

// MillisOf cuts t to what the database keeps.
func MillisOf(t time.Time) Millis { return Millis(t.UnixMilli()) }

// Time returns the time in UTC.
func (m Millis) Time() time.Time { return time.UnixMilli(int64(m)).UTC() }

func (m *Millis) timeOrNil() *time.Time {
	if m == nil {
		return nil
	}
	t := m.Time()
	return &t
}
