package httpapi

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/token"
)

// Limiter says how long the key has to wait, 0 if it need not; limit.Guard is the one in use. Check decides for this
// process, Share for all of them.
type Limiter interface {
	Check(key string) (retryAfter time.Duration)
	Share(ctx context.Context, key string) (retryAfter time.Duration)
}

// limits bound the requests to routes. What is mounted beside them, such as health, is not counted, nor is who calls
// from a trusted network: the platform's own servers. A server's token is nobody's, and has the limit of its address.
type limits struct{ address, user Limiter }

// before comes before anything that costs. It returns the name under which the address is counted, "" for none.
func (l limits) before(ex *exchange) (household string, refusal *live.Error) {
	if l.address == nil {
		return "", nil
	}
	addr := ClientAddrOf(ex.remote, ex.forwarded, ex.api.proxies)
	ours := func(p netip.Prefix) bool { return p.Contains(addr) }
	if !addr.IsValid() || slices.ContainsFunc(ex.api.proxies, ours) {
		return "", nil
	}
	household = Household(addr).String()
	return household, tooMany(l.address.Check(household), "Too many requests from your address.")
}

// after may ask another server, and so is not for those whose token was refused: a stranger must not cause that.
func (l limits) after(ctx context.Context, household string, caller *token.Identity) *live.Error {
	if household != "" {
		if refusal := tooMany(l.address.Share(ctx, household), "Too many requests from your address."); refusal != nil {
			return refusal
		}
	}
	if l.user == nil || caller == nil || caller.Role == live.RoleService {
		return nil
	}
	user := strconv.FormatInt(int64(caller.User), 10)
	wait := l.user.Check(user)
	if wait == 0 {
		wait = l.user.Share(ctx, user)
	}
	return tooMany(wait, "You send too many requests.")
}

func tooMany(wait time.Duration, why string) *live.Error {
	if wait <= 0 {
		return nil
	}
	return &live.Error{Kind: live.KindRateLimited, Code: "rate_limited", Message: why, RetryAfter: wait}
}
