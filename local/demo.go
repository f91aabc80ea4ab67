package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/barrage-live/barrage/functions"
	"github.com/barrage-live/barrage/functions/auth"
	"github.com/barrage-live/barrage/functions/room"
	"github.com/barrage-live/barrage/local/web"
	"github.com/barrage-live/barrage/shared/ledger"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/token"
)

// demoPassword is printed and public: local mode is for trying things out.
const demoPassword = "barrage-demo"

// demoTokenTTL lets the printed wscat line work for as long as a person may leave it on the screen.
const demoTokenTTL = 12 * time.Hour

// demoCoins are in each demo user's wallet at the first start.
const demoCoins = live.Coins(100_000)

type demoUser struct {
	username, nickname string
	role               live.Role
}

// demoUsers are made at the first start and kept as they are afterwards.
func demoUsers() []demoUser {
	return []demoUser{
		{"anchor", "主播小栗", live.RoleViewer},
		{"viewer", "观众 V", live.RoleViewer},
		{"admin", "admin", live.RoleAdmin},
	}
}

// pageUsers are offered on the page's login panel.
func pageUsers() []web.DemoUser {
	var list []web.DemoUser
	for _, u := range demoUsers() {
		list = append(list, web.DemoUser{Username: u.username, Password: demoPassword})
	}
	return list
}

// makeDemo makes users and the live room, and lets the bots in. They wait for the door to open.
func (s *Stack) makeDemo(ctx context.Context, o Options, keys []token.Key) (err error) {
	o.progress("demo users and room 1 take their places")
	d := demo{store: s.parts.Store}
	if d.signer, err = token.NewSigner(keys, issuer, audience, demoTokenTTL); err != nil {
		return err
	}
	if d.book, err = functions.Ledger(s.parts); err != nil {
		return err
	}
	if d.users, err = functions.AuthService(s.parts); err != nil {
		return err
	}
	if d.rooms, err = functions.RoomService(s.parts); err != nil {
		return err
	}
	defer d.rooms.Close()
	if s.DemoRoom, s.DemoToken, err = d.prepare(ctx); err != nil {
		return err
	}
	for i := range o.Bots {
		p, sign, err := d.bot(ctx, i)
		if err != nil {
			return err
		}
		b := bot{persona: p, socket: s.SocketURL, room: s.DemoRoom, token: sign, pause: botPause, logger: s.log()}
		s.bots.run(func(ctx context.Context) error { b.run(ctx); return nil })
	}
	return nil
}

// demo makes the demo users and sees to it that the first room is live.
type demo struct {
	users  *auth.Service
	rooms  *room.Service
	store  *store.Store
	book   *ledger.Ledger
	signer *token.Signer // with demoTokenTTL
}

// prepare returns the live room and a token of the user "viewer". What is there already stays.
func (d demo) prepare(ctx context.Context) (live.RoomID, string, error) {
	users := make(map[string]live.User)
	for _, u := range demoUsers() {
		made, err := d.users.EnsureUser(ctx, auth.Account{Username: u.username, Password: demoPassword, Nickname: u.nickname}, u.role)
		if err != nil {
			return 0, "", fmt.Errorf("demo user %s: %w", u.username, err)
		}
		users[u.username] = made
		if _, err := d.book.TopUp(ctx, ledger.TopUp{User: made.ID, Amount: demoCoins, Ref: "demo-" + u.username}); err != nil {
			return 0, "", fmt.Errorf("coins of demo user %s: %w", u.username, err)
		}
	}
	id, err := d.liveRoom(ctx, users["anchor"].ID)
	if err != nil {
		return 0, "", fmt.Errorf("demo room: %w", err)
	}
	raw, err := d.sign(users["viewer"])
	return id, raw, err
}

// liveRoom is room 1 in a database of our own. In a shared one room 1 may be somebody else's: then it is left alone and
// the demo takes the first room of its anchor.
func (d demo) liveRoom(ctx context.Context, anchor live.UserID) (live.RoomID, error) {
	first, err := d.store.Room(store.Primary(ctx), 1)
	switch {
	case errors.Is(err, store.ErrRoomNotFound) || err == nil && first.AnchorID != anchor:
		if first, err = d.ownRoom(ctx, anchor); err != nil {
			return 0, err
		}
	case err != nil:
		return 0, err
	}
	_, err = d.rooms.Start(ctx, anchor, first.ID)
	return first.ID, err
}

func (d demo) ownRoom(ctx context.Context, anchor live.UserID) (live.Room, error) {
	q := store.RoomQuery{Sort: store.SortNew, Limit: store.MaxLimit}
	for {
		rooms, next, err := d.store.Rooms(store.Primary(ctx), q)
		if err != nil {
			return live.Room{}, err
		}
		for _, r := range rooms {
			if r.AnchorID == anchor {
				return r, nil
			}
		}
		if q.Cursor = next; next == "" {
			return d.rooms.Create(ctx, anchor, "小栗的直播间 · Chestnut live", "")
		}
	}
}

func (d demo) sign(u live.User) (string, error) {
	raw, _, err := d.signer.Sign(token.Identity{User: u.ID, Nickname: u.Nickname, Role: u.Role})
	return raw, err
}

// bot is the i-th ordinary user who will chat in the room. Nobody can log in as one: it has no password.
func (d demo) bot(ctx context.Context, i int) (persona, func(context.Context) (string, error), error) {
	p := personaOf(i)
	u, err := d.store.CreateUser(ctx, store.NewUser{Username: p.username, Nickname: p.nickname, Role: live.RoleViewer})
	if errors.Is(err, store.ErrUsernameTaken) {
		u, _, err = d.store.UserByName(ctx, p.username)
	}
	if err != nil {
		return p, nil, fmt.Errorf("bot %s: %w", p.username, err)
	}
	return p, func(context.Context) (string, error) { return d.sign(u) }, nil
}
