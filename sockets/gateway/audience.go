package gateway

import (
	"maps"
	"slices"
	"sync"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

// audience is who has come to a room and left it since this was last told on: to Kafka as records, to Redis as leases.
type audience struct {
	mu      sync.Mutex
	users   map[live.UserID]int      // connections of each user here
	changed bool                     // since the last renewal of leases
	came    map[live.UserID]struct{} // since then, and are still here
	guests  []string                 // sessions of guests that came since then
	record  wire.PresenceData        // since the last record
}

// maxNewGuests bounds what waits for Redis. Beyond it unique viewers, an estimate anyway, miss some.
const maxNewGuests = 10_000

// join reports whether this is a viewer who was not here: a user's first connection, or any guest.
func (a *audience) join(user live.UserID, session string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changed = true
	if user == 0 {
		a.record.GuestsJoined++
		if len(a.guests) < maxNewGuests {
			a.guests = append(a.guests, session)
		}
		return true
	}
	a.users[user]++
	if a.users[user] > 1 {
		return false
	}
	a.come(user)
	a.record.Joined = append(a.record.Joined, user)
	return true
}

// leave reports whether that was the user's last connection, or a guest's.
func (a *audience) leave(user live.UserID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changed = true
	if user == 0 {
		a.record.GuestsLeft++
		return true
	}
	if a.users[user]--; a.users[user] > 0 {
		return false
	}
	delete(a.users, user)
	delete(a.came, user)
	a.record.Left = append(a.record.Left, user)
	return true
}

// takeRecord returns what happened since the last call, and whether anything did.
func (a *audience) takeRecord() (wire.PresenceData, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.record
	a.record = wire.PresenceData{}
	return r, len(r.Joined)+len(r.Left)+r.GuestsJoined+r.GuestsLeft > 0
}

func (a *audience) isChanged() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.changed
}

func (a *audience) come(user live.UserID) {
	if a.came == nil {
		a.came = make(map[live.UserID]struct{})
	}
	a.came[user] = struct{}{}
}

// takeNew begins a renewal: who came since the last one.
func (a *audience) takeNew() (users []live.UserID, guests []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changed = false
	users, guests = slices.Collect(maps.Keys(a.came)), a.guests
	a.came, a.guests = nil, nil
	return users, guests
}

// putBack undoes takeNew after a renewal that failed.
func (a *audience) putBack(users []live.UserID, guests []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changed = true
	for _, user := range users {
		if a.users[user] > 0 {
			a.come(user)
		}
	}
	if len(a.guests)+len(guests) <= maxNewGuests {
		a.guests = append(a.guests, guests...)
	}
}
