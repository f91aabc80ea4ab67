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

	"github.com/barrage-live/barrage/shared/live"
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

// heap is a joined object in the making, and the parts that go into it.
type heap struct {
	name    Name
	rows    []Row
	held    []Row
	version objects.Version
	parts   []content
}

// tryJoin goes through the parts in the order of the log. An error for which raced is true wants it to be tried anew.
func (s *Store) tryJoin(ctx context.Context, name Name, names []Name, erased map[int64]int64) (gone int, err error) {
	names = slices.SortedFunc(slices.Values(names), func(a, b Name) int { return cmp.Compare(a.First, b.First) })
	var to *heap
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
		to, err = s.heap(ctx, name)
		return err
	}
	for _, part := range names {
		if part.Joined {
			continue
		}
		rows, version, err := s.held(ctx, part.Key())
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

// knows says whether the heap holds a row of the window: then it is the one that took them.
func (h *heap) knows(first int64) bool {
	return slices.ContainsFunc(h.rows, func(r Row) bool { return r.Offset >= first && r.Offset < first+Window })
}

func (s *Store) heap(ctx context.Context, name Name) (*heap, error) {
	rows, version, err := s.held(ctx, name.Key())
	if err != nil && !errors.Is(err, objects.ErrNotFound) {
		return nil, err
	}
	return &heap{name: name, rows: rows, held: rows, version: version}, nil
}

func (s *Store) held(ctx context.Context, key string) ([]Row, objects.Version, error) {
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

// finish writes the joined object, empties its parts, and removes them, in this order.
func (s *Store) finish(ctx context.Context, h *heap) (gone int, err error) {
	if h == nil || len(h.parts) == 0 {
		return 0, nil
	}
	if h.version == objects.Absent || !slices.Equal(h.rows, h.held) {
		body, err := encode(h.name, h.rows)
		if err != nil {
			return 0, fmt.Errorf("encode %s: %w", h.name.Key(), err)
		}
		if _, err := s.bucket.PutIf(ctx, h.name.Key(), contentType, body, h.version); err != nil {
			return 0, err
		}
	}
	empty, err := encode(h.name, nil)
	if err != nil {
		return 0, err
	}
	for chunk := range slices.Chunk(h.parts, objects.MaxPage) {
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

// joinPrefix begins the names of what is to be joined, join/DUE/room=42/START: the earliest first.
const joinPrefix = "join/"

func joinKey(due time.Time, room live.RoomID, start int64) string {
	return fmt.Sprintf("%s%013d/room=%d/%013d", joinPrefix, due.UnixMilli(), room, start)
}

// joinSoon remembers that the session wants to be joined. Whole hours: who remembers it twice remembers the same.
func (s *Store) joinSoon(ctx context.Context, room live.RoomID, start int64) error {
	due := s.now().Truncate(time.Hour).Add(time.Hour + settled)
	_, err := s.bucket.PutIf(ctx, joinKey(due, room, start), "text/plain", nil, objects.Absent)
	if errors.Is(err, objects.ErrChanged) {
		return nil // it is there
	}
	return err
}

// JoinDue joins the sessions whose time has come, the earliest first, until it has worked for about so long. Sessions that
// go on are remembered for the next hour. Calls that overlap do no harm.
func (s *Store) JoinDue(ctx context.Context, work time.Duration) (gone int, err error) {
	began, now := time.Now(), s.now().UnixMilli()
	errEnough := errors.New("enough for now")
	err = s.walk(ctx, joinPrefix, "", func(o objects.Info) error {
		var due, start int64
		var room live.RoomID
		if _, err := fmt.Sscanf(o.Key, joinPrefix+"%d/room=%d/%d", &due, &room, &start); err != nil {
			return fmt.Errorf("%s names no session: %w", o.Key, err)
		}
		if due > now || time.Since(began) > work {
			return errEnough
		}
		n, err := s.joinSession(ctx, room, start)
		if gone += n; err != nil {
			return err
		}
		return s.bucket.Delete(ctx, o.Key)
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return gone, err
}

// joinSession joins a session that is due, and remembers it while more is to come.
func (s *Store) joinSession(ctx context.Context, room live.RoomID, start int64) (gone int, err error) {
	of, err := s.Session(ctx, room, start)
	if errors.Is(err, ErrNoSession) {
		return 0, nil // pruned
	}
	if err != nil {
		return 0, err
	}
	if gone, err = s.Join(ctx, of); err != nil {
		return gone, err
	}
	if of.Ended != nil && of.Ended.Truncate(time.Hour).Add(time.Hour+settled).Before(s.now()) {
		return gone, nil
	}
	return gone, s.joinSoon(ctx, room, start)
}
