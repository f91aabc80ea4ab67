// Package recording keeps what was said in rooms as Parquet in a bucket, so that it can be played again and be asked with
// any tool that reads Parquet. What the log delivers twice is kept once; what a user has erased stays away.
package recording

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/barrage-live/barrage/shared/objects"
)

const (
	contentType = "application/vnd.apache.parquet"
	// writers bounds the objects that one call works on at once: each is in memory as a whole.
	writers = 8
	// maxConflicts is how often one write may meet another one's before the call gives up and is repeated by its caller.
	maxConflicts = 20
)

// bucket is what a Store needs of objects.Bucket.
type bucket interface {
	reader
	PutIf(ctx context.Context, key, contentType string, body []byte, is objects.Version) (objects.Version, error)
	Delete(ctx context.Context, keys ...string) error
}

// Store is the recordings of all rooms in one bucket. Its methods may be called concurrently, also by several processes.
type Store struct {
	bucket  bucket
	footers *footers
	now     func() time.Time
}

// New makes a store over the bucket. It asks nobody.
func New(b *objects.Bucket) (*Store, error) {
	if b == nil {
		return nil, errors.New("recording: a bucket is needed")
	}
	return newStore(b), nil
}

func newStore(b bucket) *Store { return &Store{bucket: b, footers: newFooters(), now: time.Now} }

// Put keeps rows of one partition, in any order and however often: a row is known by its offset. When it returns nil,
// every row is in the bucket; when it fails, some may be, and the call wants to be repeated.
//
// An erasure that happens meanwhile is seen by one of the two: who erases leaves a tombstone first and cleans what is
// there then, and Put looks for new tombstones when everything is there.
func (s *Store) Put(ctx context.Context, src Source, rows []Row) error {
	erased, err := s.erased(ctx)
	if err != nil {
		return err
	}
	parts := byObject(src, rows)
	for {
		if err := s.mergeAll(ctx, parts, erased); err != nil {
			return err
		}
		again, err := s.erased(ctx)
		if err != nil {
			return err
		}
		if maps.Equal(erased, again) {
			return errors.Join(s.noteSessions(ctx, rows), s.noteDeletions(ctx, rows))
		}
		erased = again
	}
}

// byObject sorts rows by the object that they belong to.
func byObject(src Source, rows []Row) map[Name][]Row {
	parts := make(map[Name][]Row)
	for _, r := range rows {
		name := nameOf(src, r)
		parts[name] = append(parts[name], r)
	}
	return parts
}

func (s *Store) mergeAll(ctx context.Context, parts map[Name][]Row, erased map[int64]int64) error {
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(writers)
	for name, rows := range parts {
		work.Go(func() error { return s.merge(ctx, name, rows, erased) })
	}
	return work.Wait()
}

// merge makes the object hold what it held and the rows, without those that are erased. Nobody's write is lost: a write
// counts only if the object still is what was read.
func (s *Store) merge(ctx context.Context, name Name, rows []Row, erased map[int64]int64) error {
	key := name.Key()
	for range maxConflicts {
		held, version, err := s.load(ctx, key)
		if err != nil && !errors.Is(err, objects.ErrNotFound) {
			return err
		}
		if version != objects.Absent && len(held) == 0 && !name.Joined {
			to, ok, err := s.joinedFor(ctx, name)
			if err != nil {
				return err
			}
			if ok {
				return s.merge(ctx, to, rows, erased)
			}
		}
		union := unite(held, rows, erased)
		if slices.Equal(union, held) {
			return nil
		}
		body, err := encode(name, union)
		if err != nil {
			return fmt.Errorf("encode %s: %w", key, err)
		}
		if _, err = s.bucket.PutIf(ctx, key, contentType, body, version); !raced(err) {
			return err
		}
	}
	return fmt.Errorf("write %s: met other writers %d times", key, maxConflicts)
}

// raced says that a conditional write found another object than the one that was read, or none any more.
func raced(err error) bool {
	return errors.Is(err, objects.ErrChanged) || errors.Is(err, objects.ErrNotFound)
}

// load reads what the object holds, and its version; where there is none, objects.ErrNotFound and objects.Absent.
func (s *Store) load(ctx context.Context, key string) ([]Row, objects.Version, error) {
	body, version, err := s.bucket.Get(ctx, key)
	if err != nil {
		return nil, objects.Absent, err
	}
	rows, err := decode(body)
	if err != nil {
		return nil, version, fmt.Errorf("read %s: %w", key, err)
	}
	return rows, version, nil
}
