package recording

import (
	"cmp"
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
	// settled is how long ago an hour must have ended before its objects are joined. What is told later is joined later.
	settled = time.Hour
	// joinedRows are in a joined object at most, and a window more when something is told late.
	joinedRows = Window
	// joiners bounds the hours that are joined at once: of each, an object is in memory as rows.
	joiners = 4
)

// Join unites the small objects of a session's hours that have ended into few, and returns how many objects are gone. Each
// step may be the last: a row is first in the joined object, too, then its part is emptied, if it still is what was read,
// and only then removed. Whoever writes to an emptied part writes to the joined object instead. So rows are never
// missing, and those that lie in two objects meanwhile are read once.
func (s *Store) Join(ctx context.Context, of Session) (gone int, err error) {
	erased, err := s.erased(ctx)
	if err != nil {
		return 0, err
	}
	hours, err := s.hours(ctx, of)
	if err != nil {
		return 0, err
	}
	counts := make([]int, len(hours))
	work, workCtx := errgroup.WithContext(ctx)
	work.SetLimit(joiners)
	for i, names := range hours {
		work.Go(func() (err error) {
			counts[i], err = s.joinHour(workCtx, names, erased)
			return err
		})
	}
	err = work.Wait()
	for _, n := range counts {
		gone += n
	}
	if err != nil {
		return gone, fmt.Errorf("join room %d: %w", of.Room, err)
	}
	return gone, s.eraseAgain(ctx, hours, erased)
}

// eraseAgain removes what was erased while objects were joined: who erases may have passed a joined one before it was there.
func (s *Store) eraseAgain(ctx context.Context, hours [][]Name, erased map[int64]int64) error {
	now, err := s.erased(ctx)
	if err != nil || maps.Equal(erased, now) {
		return err
	}
	for _, names := range hours {
		again, err := s.list(ctx, names[0])
		if err != nil {
			return err
		}
		for _, name := range again {
			if _, err := s.eraseFrom(ctx, name.Key(), now); err != nil {
				return err
			}
		}
	}
	return nil
}

// hours are the names of the session's objects, by hour and source, where there is something to join.
func (s *Store) hours(ctx context.Context, of Session) ([][]Name, error) {
	last := s.now().Add(-settled)
	if of.Ended != nil && of.Ended.Before(last) {
		last = *of.Ended
	}
	type hour struct {
		hour   int64
		source Source
	}
	found := make(map[hour][]Name)
	errEnd := errors.New("behind the last hour")
	err := s.walk(ctx, roomPrefix(of.Room), hourPrefix(of.Room, hourOf(of.ID())), func(o objects.Info) error {
		name, ok := parseKey(o.Key)
		switch {
		case !ok:
			return fmt.Errorf("%s is no recording", o.Key)
		case name.Hour > hourOf(last.UnixMilli()) || (name.Hour+1)*time.Hour.Milliseconds() > s.now().Add(-settled).UnixMilli():
			return errEnd
		}
		found[hour{name.Hour, name.Source}] = append(found[hour{name.Hour, name.Source}], name)
		return nil
	})
	if err != nil && !errors.Is(err, errEnd) {
		return nil, err
	}
	var hours [][]Name
	for _, names := range found {
		if len(names) > 1 && slices.ContainsFunc(names, func(n Name) bool { return !n.Joined }) {
			hours = append(hours, names)
		}
	}
	return hours, nil
}

// list returns the names of an hour's objects of one source: the parts, then the joined ones, each by their first offset.
func (s *Store) list(ctx context.Context, of Name) (names []Name, err error) {
	err = s.walk(ctx, hourPrefix(of.Room, of.Hour), "", func(o objects.Info) error {
		if name, ok := parseKey(o.Key); ok && name.Source == of.Source {
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

// joinedFor is the joined object that took what the window held.
func (s *Store) joinedFor(ctx context.Context, window Name) (Name, bool, error) {
	names, err := s.list(ctx, window)
	if err != nil {
		return Name{}, false, err
	}
	name, ok := lastJoined(names, window.First)
	return name, ok, nil
}

// lastJoined is the joined object with the last windows that are not behind first.
func lastJoined(names []Name, first int64) (best Name, ok bool) {
	for _, n := range names {
		if n.Joined && n.First <= first && (!ok || n.First > best.First) {
			best, ok = n, true
		}
	}
	return best, ok
}

func (s *Store) joinHour(ctx context.Context, names []Name, erased map[int64]int64) (gone int, err error) {
	one := names[0]
	for range maxConflicts {
		n, err := s.tryJoin(ctx, one, names, erased)
		gone += n
		if !raced(err) {
			return gone, err
		}
		if names, err = s.list(ctx, one); err != nil {
			return gone, err
		}
	}
	return gone, fmt.Errorf("join %s: met other writers %d times", one.Key(), maxConflicts)
}

// gathering is a joined object in the making, and the parts that go into it.
type gathering struct {
	name    Name
	rows    []Row
	held    []Row
	version objects.Version
	parts   []content
}

// tryJoin goes through the parts in the order of the log. An error for which raced is true wants it to be tried anew.
func (s *Store) tryJoin(ctx context.Context, name Name, names []Name, erased map[int64]int64) (gone int, err error) {
	names = slices.SortedFunc(slices.Values(names), func(a, b Name) int { return cmp.Compare(a.First, b.First) })
	var to *gathering
	finish := func() error {
		n, err := s.finish(ctx, to)
		gone += n
		return err
	}
	begin := func(first int64) (err error) {
		if err := finish(); err != nil {
			return err
		}
		name.First, name.Joined = first, true
		to, err = s.gather(ctx, name)
		return err
	}
	for _, part := range names {
		if part.Joined {
			continue
		}
		rows, version, err := s.load(ctx, part.Key())
		if err != nil {
			return gone, err
		}
		if len(rows) == 0 {
			continue // emptied, by a run that ended before it could remove it
		}
		first, known := part.First, false
		if in, ok := lastJoined(names, part.First); ok {
			first, known = in.First, true // it may have taken the part already
		}
		if to == nil || known && first > to.name.First {
			if err := begin(first); err != nil {
				return gone, err
			}
		}
		union := unite(to.rows, rows, erased)
		if len(union) > joinedRows && len(to.rows) > 0 && !to.knows(part.First) {
			if err := begin(part.First); err != nil {
				return gone, err
			}
			union = unite(to.rows, rows, erased)
		}
		to.rows, to.parts = union, append(to.parts, content{part.Key(), version})
	}
	err = finish()
	return gone, err
}

// knows says whether it holds a row of the window: then it is the one that took them.
func (g *gathering) knows(first int64) bool {
	return slices.ContainsFunc(g.rows, func(r Row) bool { return r.Offset >= first && r.Offset < first+Window })
}

// gather begins a joined object, or goes on with one that is there.
func (s *Store) gather(ctx context.Context, name Name) (*gathering, error) {
	rows, version, err := s.load(ctx, name.Key())
	if err != nil && !errors.Is(err, objects.ErrNotFound) {
		return nil, err
	}
	return &gathering{name: name, rows: rows, held: rows, version: version}, nil
}

// finish writes the joined object, empties its parts, and removes them, in this order.
func (s *Store) finish(ctx context.Context, g *gathering) (gone int, err error) {
	if g == nil || len(g.parts) == 0 {
		return 0, nil
	}
	if g.version == objects.Absent || !slices.Equal(g.rows, g.held) {
		body, err := encode(g.name, g.rows)
		if err != nil {
			return 0, fmt.Errorf("encode %s: %w", g.name.Key(), err)
		}
		if _, err := s.bucket.PutIf(ctx, g.name.Key(), contentType, body, g.version); err != nil {
			return 0, err
		}
	}
	empty, err := encode(g.name, nil)
	if err != nil {
		return 0, err
	}
	for chunk := range slices.Chunk(g.parts, objects.MaxPage) {
		keys := make([]string, len(chunk))
		work, workCtx := errgroup.WithContext(ctx)
		work.SetLimit(writers)
		for i, part := range chunk {
			keys[i] = part.key
			work.Go(func() error {
				_, err := s.bucket.PutIf(workCtx, part.key, contentType, empty, part.version)
				return err
			})
		}
		if err := work.Wait(); err != nil {
			return gone, err
		}
		if err := s.bucket.Delete(ctx, keys...); err != nil {
			return gone, err
		}
		gone += len(keys)
	}
	return gone, nil
}
