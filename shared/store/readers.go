package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/barrage-live/barrage/shared/telemetry"
)

// downFor is how long a replica that can't be reached is left alone before one read tries it again.
const downFor = 5 * time.Second

// readers spreads reads over the replicas, and sends them to the primary when a replica can't be reached: one that
// dies costs its share of speed, not its share of answers. It is a gorm.ConnPool.
type readers struct {
	replicas []*replica
	primary  *sql.DB
	log      *slog.Logger
}

type replica struct {
	*sql.DB
	downUntil atomic.Int64 // Unix ns; 0: up
}

// usable lets one caller try a replica whose time is over; the others wait for what it finds.
func (r *replica) usable(now time.Time) bool {
	until := r.downUntil.Load()
	if until == 0 {
		return true
	}
	return now.UnixNano() >= until && r.downUntil.CompareAndSwap(until, now.Add(downFor).UnixNano())
}

func (p *readers) pick() *replica {
	now, first := time.Now(), rand.IntN(len(p.replicas))
	for i := range p.replicas {
		if r := p.replicas[(first+i)%len(p.replicas)]; r.usable(now) {
			return r
		}
	}
	return nil
}

// settle keeps the books after a read, and says whether the primary must do it again.
func (p *readers) settle(ctx context.Context, r *replica, err error) (again bool) {
	if err != nil && ctx.Err() != nil {
		return false // the caller gave up, which tells nothing about the replica
	}
	if !unreachable(err) {
		r.downUntil.Store(0)
		return false
	}
	if r.downUntil.Swap(time.Now().Add(downFor).UnixNano()) == 0 {
		p.log.WarnContext(ctx, "database replica can't be reached, its reads go to the primary", telemetry.Err, err)
	}
	return true
}

// PrepareContext, ExecContext: reads never come this way, but a gorm.ConnPool has them.
func (p *readers) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return p.primary.PrepareContext(ctx, query)
}

// ExecContext runs on the primary.
func (p *readers) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return p.primary.ExecContext(ctx, query, args...)
}

// QueryContext reads from a replica or, failing that, from the primary.
func (p *readers) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if r := p.pick(); r != nil {
		rows, err := r.QueryContext(ctx, query, args...)
		if !p.settle(ctx, r, err) {
			return rows, err
		}
	}
	return p.primary.QueryContext(ctx, query, args...)
}

// QueryRowContext reads from a replica or, failing that, from the primary.
func (p *readers) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if r := p.pick(); r != nil {
		row := r.QueryRowContext(ctx, query, args...)
		if !p.settle(ctx, r, row.Err()) {
			return row
		}
	}
	return p.primary.QueryRowContext(ctx, query, args...)
}

// Codes of servers that answer, but can't serve.
const (
	mysqlTooManyConnections = 1040
	mysqlShuttingDown       = 1053
)

func unreachable(err error) bool {
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return e.Number == mysqlTooManyConnections || e.Number == mysqlShuttingDown
	}
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, io.EOF)
}
