package gateway

import (
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/barrage-live/barrage/shared/live"
)

// seats is who may be connected at once.
type seats struct {
	max       int64 // 0: no limit
	taken     atomic.Int64
	addresses *counts[netip.Addr]
	users     *counts[live.UserID]
}

// seat is one connection's place in all limits.
type seat struct {
	address netip.Addr
	user    live.UserID
}

const fullRetry = 5 * time.Second

// take gives a seat or says why there is none; a seat goes back by give.
func (s *seats) take(address netip.Addr, user live.UserID) (seat, *live.Error) {
	if s.taken.Add(1) > s.max && s.max > 0 {
		s.taken.Add(-1)
		return seat{}, &live.Error{Kind: live.KindUnavailable, Code: codeFull, Message: "this server is full", RetryAfter: fullRetry}
	}
	if !s.addresses.take(address) {
		s.taken.Add(-1)
		return seat{}, tooMany("too many connections from your address")
	}
	if user != 0 && !s.users.take(user) {
		s.addresses.give(address)
		s.taken.Add(-1)
		return seat{}, tooMany("too many connections of yours")
	}
	return seat{address: address, user: user}, nil
}

func (s *seats) give(t seat) {
	if t.user != 0 {
		s.users.give(t.user)
	}
	s.addresses.give(t.address)
	s.taken.Add(-1)
}

func tooMany(text string) *live.Error {
	return &live.Error{Kind: live.KindRateLimited, Code: codeTooMany, Message: text, RetryAfter: fullRetry}
}
