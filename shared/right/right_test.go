package right_test

import (
	"errors"
	"testing"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
)

const anchor live.UserID = 7

func TestCheck(t *testing.T) {
	viewer := right.Who{User: 8, Role: live.RoleViewer}
	admin := right.Who{User: 9, Role: live.RoleAdmin}
	service := right.Who{Role: live.RoleService, Scopes: right.Scopes(right.TopUpWallets)}
	guest := right.Who{}
	for _, c := range []struct {
		do   right.Action
		who  right.Who
		p    right.Party
		want error
	}{
		{right.Look, guest, guest.Party(), nil},
		{right.Look, guest, right.Nobody, right.ErrUnauthenticated},
		{right.SignIn, guest, right.Nobody, nil},
		{right.Speak, guest, guest.Party(), right.ErrUnauthenticated},
		{right.Speak, viewer, viewer.Party(), nil},
		{right.Speak, service, service.Party(), right.ErrForbidden},
		{right.RunRoom, viewer, viewer.In(anchor, false), right.ErrNotAnchor},
		{right.RunRoom, viewer, viewer.In(anchor, true), right.ErrNotAnchor},
		{right.RunRoom, viewer, viewer.In(viewer.User, false), nil},
		{right.RunRoom, admin, admin.In(anchor, false), nil},
		{right.Moderate, viewer, viewer.In(anchor, false), right.ErrNotModerator},
		{right.Moderate, viewer, viewer.In(anchor, true), nil},
		{right.Appoint, viewer, viewer.In(anchor, true), right.ErrNotAnchor},
		{right.KeepWallet, viewer, viewer.Party(), right.ErrForbidden},
		{right.KeepWallet, viewer, viewer.Party() | right.Owner, nil},
		{right.KeepWallet, admin, admin.Party(), right.ErrForbidden},
		{right.SeeOrder, admin, admin.Party(), nil},
		{right.TopUp, viewer, viewer.Party(), right.ErrForbidden},
		{right.TopUp, service, service.Party(), nil},
		{right.Reconcile, service, service.Party(), right.ErrForbidden},
		{0, admin, admin.In(admin.User, true) | right.Owner, right.ErrForbidden},
		{255, admin, admin.In(admin.User, true) | right.Owner, right.ErrForbidden},
	} {
		if got := right.Check(c.do, c.who, c.p); !errors.Is(got, c.want) {
			t.Errorf("Check(%d, %+v, %b): got %v, want %v", c.do, c.who, c.p, got, c.want)
		}
	}
}

// What the door refuses, Check refuses for every way in which a caller can stand to a thing.
func TestDoorRefusesNobodyWhoMay(t *testing.T) {
	var all right.Scopes
	for _, s := range right.AllScopes() {
		all += right.Scopes(s) + " "
	}
	callers := []right.Who{
		{}, {User: 8, Role: live.RoleViewer}, {User: 9, Role: live.RoleAdmin},
		{Role: live.RoleService}, {Role: live.RoleService, Scopes: all},
	}
	for do := range right.Action(255) {
		for _, who := range callers {
			if right.Door(do, who) == nil {
				continue
			}
			ways := []right.Party{who.Party(), who.In(anchor, true), who.In(who.User, true)}
			if who.User != 0 {
				ways = append(ways, who.In(who.User, true)|right.Owner)
			}
			for _, p := range ways {
				if right.Check(do, who, p) == nil {
					t.Errorf("action %d: the door refuses %+v, who may as %b", do, who, p)
				}
			}
		}
	}
}

// Whom a token doesn't name can't be a room's anchor by having the same zero.
func TestNoUserIsNobodysAnchor(t *testing.T) {
	if p := (right.Who{}).In(0, true); p != right.Guest {
		t.Errorf("guest in a room without an anchor: got %b, want %b", p, right.Guest)
	}
	if p := (right.Who{Role: live.RoleService}).In(0, true); p != right.Service {
		t.Errorf("server in a room without an anchor: got %b, want %b", p, right.Service)
	}
}

func TestOutranks(t *testing.T) {
	order := []right.Party{
		right.Guest, right.Viewer | right.Moderator, right.Viewer | right.Moderator | right.Anchor, right.Viewer | right.Admin,
	}
	for i, p := range order {
		for j, other := range order {
			if got, want := p.Outranks(other), i > j; got != want {
				t.Errorf("%b outranks %b: got %v, want %v", p, other, got, want)
			}
		}
	}
	if right.Service.Outranks(right.Anchor) || !right.Service.Outranks(right.Moderator) {
		t.Error("a server ranks with the anchor")
	}
}
