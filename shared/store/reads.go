package store

import (
	"context"
	"errors"

	"gorm.io/gorm"
	"gorm.io/plugin/dbresolver"
)

type primaryKey struct{}

// Primary makes the store read from the primary: for what was written a moment ago, and for decisions about rights.
func Primary(ctx context.Context) context.Context {
	return context.WithValue(ctx, primaryKey{}, true)
}

func (s *Store) reader(ctx context.Context) *gorm.DB {
	db := s.db.WithContext(ctx)
	if ctx.Value(primaryKey{}) != nil {
		return db.Clauses(dbresolver.Write)
	}
	return db
}

func (s *Store) writer(ctx context.Context) *gorm.DB {
	return s.db.WithContext(ctx).Clauses(dbresolver.Write)
}

// first fills row by the condition. A replica that is behind doesn't know the newest rows yet: what it misses is asked
// of the primary before it is called not found.
func (s *Store) first(ctx context.Context, row any, where string, args ...any) error {
	err := s.reader(ctx).Where(where, args...).Take(row).Error
	if s.lagging && errors.Is(err, gorm.ErrRecordNotFound) {
		err = s.writer(ctx).Where(where, args...).Take(row).Error
	}
	return err
}
