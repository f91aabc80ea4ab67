package intake

import (
	"time"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/limit"
	"github.com/barrage-live/barrage/shared/live"
)

// rates is the local half of the rates of senders. The script that gives messages their place decides over all
// processes, at no round trip of its own, and only it knows a repeat, which costs nothing and is acked again: a client
// that lost its connection sends on another pod what it has no ack for. So some of what is too much by what is known
// here goes there all the same. The rest stops here: bursts into this process, and who was told to wait.
type rates struct {
	viewers, staff limit.Rate
	local          [2]*limit.Bucket[live.UserID] // of viewers, of staff
	doubtful       [2]*limit.Bucket[live.UserID] // what may be repeats
	rooms          *limit.Bucket[live.RoomID]
	told           *limit.Refusals[place]
}

type place struct {
	room live.RoomID
	user live.UserID
}

// doubtfulFor is how many messages that are too many go to the script for each that its sender may send. A client
// sends up to 20 again at once.
const doubtfulFor = 4

func newRates(c Config) *rates {
	r := &rates{
		viewers: c.Viewers, staff: c.Staff,
		rooms: limit.NewBucket[live.RoomID](c.Rooms, 0),
		told:  limit.NewRefusals[place](0),
	}
	for i, rate := range []limit.Rate{c.Viewers, c.Staff} {
		r.local[i] = limit.NewBucket[live.UserID](rate, 0)
		rate.Events, rate.Burst = doubtfulFor*rate.Events, doubtfulFor*max(rate.Burst, 1)
		r.doubtful[i] = limit.NewBucket[live.UserID](rate, 0)
	}
	return r
}

// of is the rate by the sender's role.
func (r *rates) of(who Sender) limit.Rate {
	if who.Exempt {
		return r.staff
	}
	return r.viewers
}

// ofSender says how long the sender has to wait; 0: the message may go to the script.
func (r *rates) ofSender(e *entry) time.Duration {
	role := 0
	if e.who.Exempt {
		role = 1
	}
	wait := r.told.Left(place{e.room, e.who.User})
	if wait == 0 {
		_, wait = r.local[role].Allow(e.who.User, 1)
	}
	if wait > 0 {
		if ok, _ := r.doubtful[role].Allow(e.who.User, 1); ok {
			return 0
		}
	}
	return wait
}

func (r *rates) ofRoom(e *entry) time.Duration {
	if e.who.Exempt {
		return 0
	}
	_, wait := r.rooms.Allow(e.room, 1)
	return wait
}

// withinRate answers those of a batch whose sender has to wait by what all processes let through.
func (in *Intake) withinRate(batch []*entry, outcomes []fanout.Outcome) ([]*entry, []fanout.Outcome) {
	kept, of := batch[:0], outcomes[:0]
	for i, e := range batch {
		if wait := outcomes[i].Wait; wait > 0 {
			in.rates.told.Note(place{e.room, e.who.User}, wait)
			in.answer(e, Reply{Err: rateLimited(wait, tooFast)})
			continue
		}
		kept, of = append(kept, e), append(of, outcomes[i])
	}
	return kept, of
}
