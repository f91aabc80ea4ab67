package gateway

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
)

// rights is how those who are in a room stand to it: its anchor, and the moderators among those who are here. It is
// asked for every message, so it is kept beside the room instead of being read from its state.
type rights struct {
	mu         sync.RWMutex
	anchor     live.UserID
	asOf       time.Time // of the room that the anchor was read from
	moderators map[live.UserID]bool
	doubtful   []live.UserID // whose standing has changed and is to be read again
}

// party is how the caller stands to the room, for the table of rights.
func (r *rights) party(who right.Who) right.Party {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return who.In(r.anchor, r.moderators[who.User])
}

// keepers are the anchor and the moderators who are here.
func (r *rights) keepers() []live.UserID {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return append(slices.Collect(maps.Keys(r.moderators)), r.anchor)
}

// learn takes over what a newer version of the room says, and reports whether it is one.
func (r *rights) learn(info live.Room) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if info.UpdatedAt.Before(r.asOf) {
		return false
	}
	r.anchor, r.asOf = info.AnchorID, info.UpdatedAt
	return true
}

func (r *rights) setModerator(user live.UserID, is bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !is:
		delete(r.moderators, user)
	case r.moderators == nil:
		r.moderators = map[live.UserID]bool{user: true}
	default:
		r.moderators[user] = true
	}
}

// doubt takes a user's rights away until the standing has been read again. Few standings change; a list that is
// full nevertheless only delays them to the next connection.
func (r *rights) doubt(user live.UserID) {
	r.setModerator(user, false)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.doubtful) < maxDoubtful {
		r.doubtful = append(r.doubtful, user)
	}
}

const maxDoubtful = 1000

func (r *rights) takeDoubtful() []live.UserID {
	r.mu.Lock()
	defer r.mu.Unlock()
	users := r.doubtful
	r.doubtful = nil
	return users
}
