// Package right is the one table that says who may do what: every HTTP route and every socket command names its Action,
// and nothing else in the code decides whom an action is for.
package right

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/barrage-live/barrage/shared/live"
)

// Party is a set of ways in which a caller stands to what is acted on.
type Party uint8

// The parties. Whoever is signed in is a Viewer, whatever else; Moderator and Anchor are of the room that is acted on.
const (
	Nobody    Party = 1 << iota // shows a token that is not valid
	Guest                       // shows no token
	Viewer                      // is signed in
	Owner                       // is whom it is about: the profile, the wallet, the order
	Moderator                   // of the room
	Anchor                      // of the room
	Admin                       // of the platform
	Service                     // a server with a token of its own: what it may do is in its scopes
)

// Scope lets a server do one thing.
type Scope string

// The scopes.
const (
	ReadPresence  Scope = "presence:read"
	ModerateRooms Scope = "rooms:moderate"
	TopUpWallets  Scope = "wallet:topup"
	AuditWallets  Scope = "wallet:audit"
)

// AllScopes lists them.
func AllScopes() []Scope { return []Scope{ReadPresence, ModerateRooms, TopUpWallets, AuditWallets} }

// Scopes are those of one service token, with spaces between them, as in OAuth (RFC 6749 3.3).
type Scopes string

// ParseScopes refuses what is empty or not in the list.
func ParseScopes(text string) (Scopes, error) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return "", errors.New("scopes: none given")
	}
	for _, w := range words {
		if !slices.Contains(AllScopes(), Scope(w)) {
			return "", fmt.Errorf("scopes: %q: want some of %v", w, AllScopes())
		}
	}
	return Scopes(strings.Join(words, " ")), nil
}

func (s Scopes) has(one Scope) bool {
	for w := range strings.FieldsSeq(string(s)) {
		if Scope(w) == one {
			return true
		}
	}
	return false
}

// Who is a caller, as an access token says. The zero Who is a guest.
type Who struct {
	User   live.UserID // 0: a guest or a server
	Role   live.Role
	Scopes Scopes // of a server
}

// Party is how the caller stands to the platform.
func (w Who) Party() Party {
	switch {
	case w.Role == live.RoleService:
		return Service
	case w.User == 0:
		return Guest
	case w.Role == live.RoleAdmin:
		return Viewer | Admin
	default:
		return Viewer
	}
}

// In is how the caller stands to the room of an anchor, where it is a moderator or not.
func (w Who) In(anchor live.UserID, moderator bool) Party {
	p := w.Party()
	if w.User == 0 {
		return p
	}
	if w.User == anchor {
		p |= Anchor
	}
	if moderator {
		p |= Moderator
	}
	return p
}

// Role is the badge that others see beside the name of who stands so in a room.
func (p Party) Role() live.Role {
	switch {
	case p&Anchor != 0:
		return live.RoleAnchor
	case p&Admin != 0:
		return live.RoleAdmin
	case p&Moderator != 0:
		return live.RoleModerator
	default:
		return live.RoleViewer
	}
}

// Outranks reports whether p may moderate other in a room: nobody moderates an equal. A server ranks with the anchor,
// as it acts for the operator in every room but must not silence who the room belongs to.
func (p Party) Outranks(other Party) bool { return p.rank() > other.rank() }

func (p Party) rank() int {
	switch {
	case p&Admin != 0:
		return 3
	case p&(Anchor|Service) != 0:
		return 2
	case p&Moderator != 0:
		return 1
	default:
		return 0
	}
}

// The refusals. What else is refused with 403 has a code of its own.
var (
	ErrUnauthenticated = live.Errorf(live.KindUnauthenticated, "unauthenticated", "An access token is needed.")
	ErrForbidden       = live.Errorf(live.KindForbidden, "forbidden", "You may not do that.")
	ErrNotAnchor       = live.Errorf(live.KindForbidden, "not_anchor", "Only the room's anchor may do that.")
	ErrNotModerator    = live.Errorf(live.KindForbidden, "not_moderator", "Only the room's anchor and moderators may do that.")
	ErrOutranked       = live.Errorf(live.KindForbidden, "outranked", "You may not do that to somebody of your own rank or above.")
)

// Check is nil when who, standing so, may do the action; else it is one of the refusals. p is who's Party or In, with
// Owner added where it applies.
func Check(do Action, who Who, p Party) error {
	r := do.rule()
	switch {
	case r.parties&p != 0:
		return nil
	case p&Service != 0 && r.scope != "" && who.Scopes.has(r.scope):
		return nil
	case p&(Viewer|Service) == 0:
		return ErrUnauthenticated
	default:
		return r.refusal()
	}
}

// refusal is for who is known, but not one of the parties.
func (r rule) refusal() *live.Error {
	switch {
	case r.parties&Moderator != 0:
		return ErrNotModerator
	case r.parties&Anchor != 0:
		return ErrNotAnchor
	default:
		return ErrForbidden
	}
}

// Refusals are those that Check and Door may answer the action with.
func (a Action) Refusals() []*live.Error {
	r := a.rule()
	var all []*live.Error
	if r.parties&Guest == 0 {
		all = append(all, ErrUnauthenticated)
	}
	if r.parties&Viewer == 0 {
		all = append(all, r.refusal())
	}
	return all
}

// Door is nil when who may try the action: the answer of Check for the most that who could be to what is acted on,
// before that is known.
func Door(do Action, who Who) error {
	p := who.Party()
	if p&Viewer != 0 {
		p |= Owner | Moderator | Anchor
	}
	return Check(do, who, p)
}
