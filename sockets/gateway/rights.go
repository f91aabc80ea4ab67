package gateway

import (
	"sync"
	"time"

	"github.com/barrage-live/barrage/shared/live"
)

// rights is who in a room is exempt from rates: its anchor, and the moderators among those who are here. It is asked
// for every message, so it is kept beside the room instead of being read from its state.
type rights struct {
	mu         sync.RWMutex
	anchor     live.UserID
	asOf       time.Time // of the room that the anchor was read from
	moderators map[live.UserID]bool
	doubtful   []live.UserID // whose standing has changed and is to be read again
}

func (r *rights) exempt(user live.UserID) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return user == r.anchor || r.moderators[user]
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

// doubt takes a user's exemption away until the standing has been read again. Few standings change; a list that is
// full nevertheless only delays an exemption to the next connection.
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
