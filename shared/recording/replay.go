package recording

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/objects"
)

const (
	// readers bounds the calls that one page makes at once.
	readers = 32
	// maxObjects of a session are looked at; the footers of more would take too long for an answer.
	maxObjects = 20_000
	// deletedWithin the end of a session is told by footers; what is deleted later is found by its name, see deletion.go.
	deletedWithin = 24 * time.Hour
	// maxStale is how often a page begins anew because an object was written meanwhile.
	maxStale = 20
)

// ErrTooMany says that a session has more objects than a replay looks at.
var ErrTooMany = fmt.Errorf("a session of more than %d objects", maxObjects)

// Place is where a page ends, so that the next one can go on behind it; the zero Place is before everything.
type Place struct {
	At     int64 // Unix ms
	Source string
	Offset int64
}

// Compare orders places by time, and within a millisecond by the log.
func (p Place) Compare(q Place) int {
	return cmp.Or(cmp.Compare(p.At, q.At), cmp.Compare(p.Source, q.Source), cmp.Compare(p.Offset, q.Offset))
}

// Query asks for what was said in a session, in [From, To) as Unix ms, behind After.
type Query struct {
	Session  Session
	From, To int64
	Types    []live.MessageType
	After    Place
	Limit    int
}

// Page returns the rows in the order of time, without those that were deleted or erased, each message once however
// often it was told. more says that there are further ones behind next.
func (s *Store) Page(ctx context.Context, q Query) (rows []Row, next Place, more bool, err error) {
	for range maxStale {
		rows, next, more, err = s.page(ctx, q)
		if !errors.Is(err, errStale) && !errors.Is(err, objects.ErrNotFound) { // not found: pruned since it was listed
			return rows, next, more, err
		}
	}
	return nil, Place{}, false, fmt.Errorf("replay room %d: %w", q.Session.Room, err)
}

func (s *Store) page(ctx context.Context, q Query) ([]Row, Place, bool, error) {
	erased, err := s.erased(ctx)
	if err != nil {
		return nil, Place{}, false, err
	}
	all, err := s.sessionFooters(ctx, q.Session)
	if err != nil {
		return nil, Place{}, false, err
	}
	gone := make(map[string]bool)
	for _, f := range all {
		for _, id := range f.deleted {
			gone[id] = true
		}
	}
	if ended := q.Session.Ended; ended != nil {
		if err := s.deletedSince(ctx, q.Session.Room, ended.Add(deletedWithin-time.Hour), gone); err != nil {
			return nil, Place{}, false, err
		}
	}
	// A message that was told twice has the same time twice, so the millisecond of the last page's end is read again.
	m := merge{store: s, from: max(q.From, q.After.At), to: q.To}
	m.add(all)
	var rows []Row
	var last, before Place
	told := make(map[teller]int64) // by message: when
	for {
		r, place, ok, err := m.next(ctx)
		if err != nil {
			return nil, Place{}, false, err
		}
		if !ok {
			return rows, last, false, nil
		}
		if place == before {
			continue // while objects are joined, and after a rewind of the log, a row may lie in two
		}
		before = place
		if !slices.Contains(q.Types, live.MessageType(r.Type)) || r.erasedBy(erased) || r.ID != "" && gone[r.ID] {
			continue
		}
		if who := (teller{r.Type, r.User, r.ID}); r.ID != "" {
			if _, twice := told[who]; twice {
				continue
			}
			told[who] = r.At
		}
		if place.Compare(q.After) <= 0 {
			continue
		}
		if len(rows) == q.Limit {
			return rows, last, true, nil
		}
		rows, last = append(rows, r), place
	}
}

// teller names a message. Ids are the clients' own, so two senders may use the same one.
type teller struct {
	kind string
	user int64
	id   string
}

// sessionFooters reads the footers of all objects that may belong to the session, or delete something of it.
func (s *Store) sessionFooters(ctx context.Context, of Session) ([]*footer, error) {
	end := s.now()
	if of.Ended != nil {
		end = of.Ended.Add(deletedWithin)
	}
	first, last := hourPrefix(of.Room, hourOf(of.ID())), hourPrefix(of.Room, hourOf(end.UnixMilli()))+"\x7f"
	var found []objects.Info
	errEnd := errors.New("behind the session")
	err := s.walk(ctx, roomPrefix(of.Room), first, func(o objects.Info) error {
		if o.Key > last {
			return errEnd
		}
		if found = append(found, o); len(found) > maxObjects {
			return ErrTooMany
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnd) {
		return nil, err
	}
	all := make([]*footer, len(found))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(readers)
	for i, o := range found {
		work.Go(func() (err error) {
			all[i], err = s.footer(ctx, o)
			return err
		})
	}
	return all, work.Wait()
}

// merge gives the rows of many objects in order. It reads a row group when the time has come that it begins with.
type merge struct {
	store    *Store
	from, to int64
	waiting  []part // by their first moment
	open     []part
}

// part is a row group, and what is left of its rows.
type part struct {
	footer *footer
	source string
	number int
	rows   []Row
}

func (p part) begins() int64 { return p.footer.groups[p.number].firstAt }

func (m *merge) add(all []*footer) {
	for _, f := range all {
		for i, g := range f.groups {
			if g.lastAt >= m.from && g.firstAt < m.to {
				m.waiting = append(m.waiting, part{footer: f, source: f.name.Source.String(), number: i})
			}
		}
	}
	slices.SortStableFunc(m.waiting, func(a, b part) int { return cmp.Compare(a.begins(), b.begins()) })
}

// next returns the next row, or false behind the last one.
func (m *merge) next(ctx context.Context) (Row, Place, bool, error) {
	for {
		best, at := -1, Place{}
		for i, p := range m.open {
			if place := (Place{p.rows[0].At, p.source, p.rows[0].Offset}); best < 0 || place.Compare(at) < 0 {
				best, at = i, place
			}
		}
		if len(m.waiting) > 0 && (best < 0 || m.waiting[0].begins() <= at.At) {
			if err := m.read(ctx); err != nil {
				return Row{}, at, false, err
			}
			continue
		}
		if best < 0 {
			return Row{}, at, false, nil
		}
		r := m.open[best].rows[0]
		if m.open[best].rows = m.open[best].rows[1:]; len(m.open[best].rows) == 0 {
			m.open = slices.Delete(m.open, best, best+1)
		}
		return r, at, true, nil
	}
}

// read opens the row group that waits first.
func (m *merge) read(ctx context.Context) error {
	p := m.waiting[0]
	m.waiting = m.waiting[1:]
	rows, err := m.store.rows(ctx, p.footer, p.number)
	if err != nil {
		return err
	}
	for len(rows) > 0 && rows[0].At < m.from {
		rows = rows[1:]
	}
	for len(rows) > 0 && rows[len(rows)-1].At >= m.to {
		rows = rows[:len(rows)-1]
	}
	if len(rows) > 0 {
		p.rows = rows
		m.open = append(m.open, p)
	}
	return nil
}
