package fanout

import (
	"slices"
	"strconv"
	"time"

	"github.com/barrage-live/barrage/shared/limit"
)

// limits tells publish.lua whose rate each item of a step has to keep: column has four bytes an item.
type limits struct {
	column  []byte
	senders []string
	kinds   []limit.Rate
}

// maxAge is what the two bytes of an item's age hold.
const maxAge = 1<<16 - 1

func newLimits(at []int, items []Item) *limits {
	l := &limits{}
	if !slices.ContainsFunc(at, func(i int) bool { return items[i].limited() }) {
		return l
	}
	l.column = make([]byte, 0, 4*len(at))
	places := make(map[string]byte, len(at))
	now := time.Now()
	for _, i := range at {
		it := &items[i]
		if !it.limited() {
			l.column = append(l.column, 0, 0, 0, 0)
			continue
		}
		place, known := places[it.Sender]
		if !known {
			l.senders = append(l.senders, it.Sender)
			place = byte(len(l.senders)) // a step has at most 250 items
			places[it.Sender] = place
		}
		age := it.age(now)
		l.column = append(l.column, l.kind(it.Rate), place, byte(age>>8), byte(age))
	}
	return l
}

func (it *Item) limited() bool { return it.Rate.Events > 0 }

func (it *Item) age(now time.Time) int64 {
	if it.At.IsZero() {
		return 0
	}
	return min(max(now.Sub(it.At).Milliseconds(), 0), maxAge)
}

// kind numbers the rate. There are as many as there are roles with a rate.
func (l *limits) kind(r limit.Rate) byte {
	i := slices.Index(l.kinds, r)
	if i < 0 {
		l.kinds = append(l.kinds, r)
		i = len(l.kinds) - 1
	}
	return byte(i + 1)
}

func (l *limits) rates() []byte {
	var b []byte
	for _, r := range l.kinds {
		b = strconv.AppendInt(b, max(r.Interval().Microseconds(), 1), 10)
		b = append(b, ' ')
		b = strconv.AppendInt(b, max(r.Tolerance().Microseconds(), 1), 10)
		b = append(b, ',')
	}
	return b
}
