package recording

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/objects"
)

// erasedPrefix begins the tombstones, erased/USER/UNTIL: their names say everything, so that one list tells them all.
const erasedPrefix = "erased/"

// Tombstones are kept for tombstoneDays: longer than Kafka keeps the log, which could bring the rows back.
const tombstoneDays = 90

// erased are the erased users, and until when (Unix ms) what they said is gone.
func (s *Store) erased(ctx context.Context) (map[int64]int64, error) {
	users := make(map[int64]int64)
	err := s.walk(ctx, erasedPrefix, "", func(o objects.Info) error {
		user, until, ok := parseTombstone(o.Key)
		if !ok {
			return fmt.Errorf("%s is no tombstone", o.Key)
		}
		users[user] = max(users[user], until)
		return nil
	})
	return users, err
}

func tombstone(user live.UserID, until time.Time) string {
	return fmt.Sprintf("%s%d/%d", erasedPrefix, user, until.UnixMilli())
}

func parseTombstone(key string) (user, until int64, ok bool) {
	who, when, ok := strings.Cut(strings.TrimPrefix(key, erasedPrefix), "/")
	user, err1 := strconv.ParseInt(who, 10, 64)
	until, err2 := strconv.ParseInt(when, 10, 64)
	return user, until, ok && err1 == nil && err2 == nil
}

// Erase removes what the user has said so far from all recordings, and keeps what the log delivers again away. It reads
// every object once; progress, if not nil, is told of each. A call that failed wants to be repeated.
func (s *Store) Erase(ctx context.Context, user live.UserID, progress func(objects int)) (rows int64, err error) {
	until := s.now()
	_, err = s.bucket.PutIf(ctx, tombstone(user, until), "text/plain", nil, objects.Absent)
	if err != nil && !errors.Is(err, objects.ErrChanged) { // changed: a call in the same millisecond said the same
		return 0, err
	}
	erased := map[int64]int64{int64(user): until.UnixMilli()}
	counts := make(chan int64)
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(writers)
	done := make(chan struct{})
	go func() {
		defer close(done)
		seen := 0
		for n := range counts {
			rows += n
			if seen++; progress != nil {
				progress(seen)
			}
		}
	}()
	err = s.walk(ctx, "room=", "", func(o objects.Info) error {
		work.Go(func() error {
			n, err := s.eraseFrom(ctx, o.Key, erased)
			counts <- n
			return err
		})
		return nil
	})
	err = errors.Join(err, work.Wait())
	close(counts)
	<-done
	if err != nil {
		return rows, fmt.Errorf("erase user %d from recordings: %w", user, err)
	}
	return rows, nil
}

// eraseFrom rewrites one object if it holds something of an erased user.
func (s *Store) eraseFrom(ctx context.Context, key string, erased map[int64]int64) (rows int64, err error) {
	name, ok := parseKey(key)
	if !ok {
		return 0, fmt.Errorf("%s is no recording", key)
	}
	for range maxConflicts {
		held, version, err := s.load(ctx, key)
		if errors.Is(err, objects.ErrNotFound) {
			return 0, nil // pruned meanwhile
		}
		if err != nil {
			return 0, err
		}
		left := unite(held, nil, erased)
		if len(left) == len(held) {
			return 0, nil
		}
		body, err := encode(name, left)
		if err != nil {
			return 0, fmt.Errorf("encode %s: %w", key, err)
		}
		if _, err = s.bucket.PutIf(ctx, key, contentType, body, version); !raced(err) {
			return int64(len(held) - len(left)), err
		}
	}
	return 0, fmt.Errorf("write %s: met other writers %d times", key, maxConflicts)
}

// walk calls fn with every object whose key begins with prefix and comes behind after, in the order of keys.
func (s *Store) walk(ctx context.Context, prefix, after string, fn func(objects.Info) error) error {
	for more := true; more; {
		var page []objects.Info
		var err error
		if page, more, err = s.bucket.List(ctx, prefix, after, objects.MaxPage); err != nil {
			return err
		}
		for _, o := range page {
			if err := fn(o); err != nil {
				return err
			}
			after = o.Key
		}
		more = more && len(page) > 0
	}
	return nil
}
