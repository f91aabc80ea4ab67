// Package auth is the people's function: registration, login and refresh, public keys, profiles.
package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/pictures"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/token"
)

// RefreshTTL is how long a refresh token lives; each use gives a new one with a new life.
const RefreshTTL = 30 * 24 * time.Hour

// ErrBadCredentials says no more than that: not which of the two was wrong.
var ErrBadCredentials = live.Errorf(live.KindUnauthenticated, "bad_credentials", "The username or the password is wrong.")

// Deps is what the function works with.
type Deps struct {
	Store  *store.Store
	Signer *token.Signer
	Redis  redis.UniversalClient
	Where  whereabouts
	Shelf  *pictures.Shelf // of avatars; nil: none are taken
	Logger *slog.Logger    // nil: slog.Default()
	Limits Limits
}

// Service holds the business steps. Its methods may be called concurrently.
type Service struct {
	store    *store.Store
	signer   *token.Signer
	hasher   *hasher
	where    whereabouts
	shelf    *pictures.Shelf
	byName   throttle
	byAddr   throttle
	register throttle
}

// New prepares the function.
func New(d Deps) (*Service, error) {
	if d.Store == nil || d.Signer == nil || d.Redis == nil || d.Where == nil {
		return nil, errors.New("auth: store, signer, redis and presence must be given")
	}
	h, err := newHasher()
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	if d.Logger == nil {
		d.Logger = slog.Default()
	}
	l := d.Limits.withDefaults()
	return &Service{
		store: d.Store, signer: d.Signer, hasher: h, where: d.Where, shelf: d.Shelf,
		byName:   newThrottle(d, "login-name", l.LoginByName),
		byAddr:   newThrottle(d, "login-addr", l.LoginByAddress),
		register: newThrottle(d, "register-addr", l.RegisterByAddress),
	}, nil
}

// Account is what somebody who registers chooses.
type Account struct {
	Username string
	Password string
	Nickname string // "": one is made up, as the username is nobody else's business
}

// Register makes a viewer's account.
func (s *Service) Register(ctx context.Context, from netip.Addr, a Account) (live.User, error) {
	if err := s.register.take(ctx, addressKey(from)); err != nil {
		return live.User{}, err
	}
	return s.create(ctx, a, live.RoleViewer)
}

func (s *Service) create(ctx context.Context, a Account, role live.Role) (live.User, error) {
	name, err := normalizeUsername(a.Username)
	if err != nil {
		return live.User{}, err
	}
	password := normalizePassword(a.Password)
	if err := checkPassword(password, name); err != nil {
		return live.User{}, err
	}
	nickname := "viewer-" + rand.Text()[:6]
	if a.Nickname != "" {
		if nickname, err = normalizeNickname(a.Nickname); err != nil {
			return live.User{}, err
		}
	}
	// A taken name is told before the password is hashed: names are cheap to ask for, hashes are not.
	switch _, _, err := s.store.UserByName(ctx, name); {
	case err == nil:
		return live.User{}, store.ErrUsernameTaken
	case !errors.Is(err, store.ErrUserNotFound):
		return live.User{}, err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return live.User{}, err
	}
	return s.store.CreateUser(ctx, store.NewUser{Username: name, Nickname: nickname, PasswordHash: hash, Role: role})
}

// EnsureUser makes the account unless there is one of that name, which stays as it is: for demo users and the first
// admin. Several processes may ensure the same one at once.
func (s *Service) EnsureUser(ctx context.Context, a Account, role live.Role) (live.User, error) {
	u, err := s.create(ctx, a, role)
	if !errors.Is(err, store.ErrUsernameTaken) {
		return u, err
	}
	name, err := normalizeUsername(a.Username)
	if err != nil {
		return live.User{}, err
	}
	u, _, err = s.store.UserByName(ctx, name)
	return u, err
}

// Tokens is what a login or a refresh gives.
type Tokens struct {
	Access  string
	Expires time.Time // of Access
	Refresh string
	User    live.User
}

// Login checks the password and begins a family of refresh tokens.
func (s *Service) Login(ctx context.Context, from netip.Addr, username, password string) (Tokens, error) {
	if err := s.byAddr.take(ctx, addressKey(from)); err != nil {
		return Tokens{}, err
	}
	name, err := normalizeUsername(username)
	if err != nil {
		name = "" // nobody's: it takes the time of a real one all the same
	}
	if err := s.byName.take(ctx, nameKey(name)); err != nil {
		return Tokens{}, err
	}
	user, err := s.check(ctx, name, password)
	if err != nil {
		return Tokens{}, err
	}
	now, refresh := time.Now(), newRefreshToken()
	if err := s.store.SaveRefresh(ctx, refresh.stored(user.ID, now.Add(RefreshTTL)), now); err != nil {
		return Tokens{}, err
	}
	return s.tokens(user, refresh)
}

func (s *Service) check(ctx context.Context, name, password string) (live.User, error) {
	if len(password) > maxInput {
		return live.User{}, ErrBadCredentials // whoever's it is: the same answer as fast
	}
	password = normalizePassword(password)
	user, hash, err := s.store.UserByName(ctx, name)
	if err != nil && !errors.Is(err, store.ErrUserNotFound) {
		return live.User{}, err
	}
	match, outdated, err := s.hasher.compare(ctx, password, hash)
	if err != nil {
		return live.User{}, err
	}
	if !match {
		return live.User{}, ErrBadCredentials
	}
	if outdated {
		fresh, err := s.hasher.hash(ctx, password)
		if err != nil {
			return live.User{}, err
		}
		return s.store.UpdateUser(ctx, user.ID, store.UserPatch{PasswordHash: &fresh})
	}
	return user, nil
}

// Refresh spends the token and gives a new pair, with the user's nickname and role of now.
func (s *Service) Refresh(ctx context.Context, raw string) (Tokens, error) {
	spent, ok := parseRefreshToken(raw)
	if !ok {
		return Tokens{}, store.ErrRefreshUnknown
	}
	now, next := time.Now(), spent.next()
	id, err := s.store.SpendRefresh(ctx, spent.secretHash(), next.stored(0, now.Add(RefreshTTL)), now)
	if err != nil {
		return Tokens{}, err
	}
	user, err := s.store.User(store.Primary(ctx), id)
	if errors.Is(err, store.ErrUserNotFound) {
		return Tokens{}, store.ErrRefreshUnknown
	}
	if err != nil {
		return Tokens{}, err
	}
	return s.tokens(user, next)
}

func (s *Service) tokens(user live.User, refresh refreshToken) (Tokens, error) {
	access, expires, err := s.signer.Sign(token.Identity{User: user.ID, Nickname: user.Nickname, Role: user.Role})
	if err != nil {
		return Tokens{}, err
	}
	return Tokens{Access: access, Expires: expires, Refresh: refresh.String(), User: user}, nil
}

// Logout ends the token's family, even by a token that was spent. What is no token needs no end.
func (s *Service) Logout(ctx context.Context, raw string) error {
	t, ok := parseRefreshToken(raw)
	if !ok {
		return nil
	}
	return s.store.RevokeFamily(ctx, t.familyHash())
}
