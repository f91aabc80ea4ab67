package auth

import (
	"context"
	"net/http"
	"time"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/pictures"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/token"
)

// Routes registers the function's calls (CONTRACT §1).
func (s *Service) Routes(api *httpapi.API) {
	httpapi.Route(api, httpapi.Op{Method: http.MethodPost, Path: "/api/v1/auth/register", Action: right.SignIn,
		Status: http.StatusCreated, Summary: "Make an account", Errors: []*live.Error{store.ErrUsernameTaken}}, s.postRegister)
	httpapi.Route(api, httpapi.Op{Method: http.MethodPost, Path: "/api/v1/auth/login", Action: right.SignIn,
		Summary: "Get an access and a refresh token", Errors: []*live.Error{ErrBadCredentials}}, s.postLogin)
	httpapi.Route(api, httpapi.Op{Method: http.MethodPost, Path: "/api/v1/auth/refresh", Action: right.SignIn,
		Summary:     "Spend a refresh token for a new pair",
		Description: "A refresh token works once. Using a spent one ends every token that came of the same login.",
		Errors:      []*live.Error{store.ErrRefreshUnknown, store.ErrRefreshReused}}, s.postRefresh)
	httpapi.Route(api, httpapi.Op{Method: http.MethodPost, Path: "/api/v1/auth/logout", Action: right.SignIn,
		Status: http.StatusNoContent, Summary: "End a login"}, s.postLogout)
	httpapi.Route(api, httpapi.Op{Method: http.MethodGet, Path: "/.well-known/jwks.json", Action: right.SignIn,
		Tags: []string{"auth"}, Summary: "The public keys of access tokens"}, s.getKeys)
	httpapi.Route(api, httpapi.Op{Method: http.MethodGet, Path: "/api/v1/users/me", Action: right.KeepAccount,
		Summary: "Your account"}, s.getMe)
	httpapi.Route(api, httpapi.Op{Method: http.MethodPatch, Path: "/api/v1/users/me", Action: right.KeepAccount,
		Summary: "Change your profile", Description: "Messages carry a new nickname from your next access token on."}, s.patchMe)
	httpapi.Route(api, httpapi.Op{Method: http.MethodGet, Path: "/api/v1/users/{user_id}", Action: right.Look,
		Summary: "Somebody's public profile", Errors: []*live.Error{store.ErrUserNotFound}}, s.getUser)
	httpapi.Route(api, httpapi.Op{Method: http.MethodPost, Path: "/api/v1/users/me/avatar-upload", Action: right.KeepAccount,
		Status: http.StatusOK, Summary: "Upload an avatar",
		Description: "PUT the file to `upload_url` with `headers`; then set `avatar_url` of your profile to `url`.",
		Errors:      pictures.Errors()}, s.postAvatarUpload)
	s.presenceRoutes(api)
}

// The rules of names and passwords are the service's: tags bound only what is read.
type registerInput struct {
	Body struct {
		Username string `json:"username" maxLength:"256" doc:"3 to 32 letters a-z, digits, dots, dashes, underscores; capitals don't count."`
		Password string `json:"password" maxLength:"1024" doc:"8 to 128 characters."`
		Nickname string `json:"nickname,omitempty" maxLength:"256" doc:"Shown to others; made up when it is left out."`
	}
}

func (s *Service) postRegister(ctx context.Context, in *registerInput) (*httpapi.Body[live.User], error) {
	u, err := s.Register(ctx, httpapi.ClientAddr(ctx), Account(in.Body))
	if err != nil {
		return nil, err
	}
	return &httpapi.Body[live.User]{Body: u}, nil
}

type loginInput struct {
	Body struct {
		Username string `json:"username" maxLength:"256"`
		Password string `json:"password" maxLength:"1024"`
	}
}

type tokenPair struct {
	AccessToken  string    `json:"access_token"`
	TokenType    string    `json:"token_type" enum:"Bearer"`
	ExpiresIn    int64     `json:"expires_in" doc:"Seconds."`
	RefreshToken string    `json:"refresh_token"`
	User         live.User `json:"user"`
}

func pair(t Tokens, err error) (*httpapi.Body[tokenPair], error) {
	if err != nil {
		return nil, err
	}
	return &httpapi.Body[tokenPair]{Body: tokenPair{
		AccessToken: t.Access, TokenType: "Bearer", ExpiresIn: int64(time.Until(t.Expires).Seconds()),
		RefreshToken: t.Refresh, User: t.User,
	}}, nil
}

func (s *Service) postLogin(ctx context.Context, in *loginInput) (*httpapi.Body[tokenPair], error) {
	return pair(s.Login(ctx, httpapi.ClientAddr(ctx), in.Body.Username, in.Body.Password))
}

type refreshInput struct {
	Body struct {
		RefreshToken string `json:"refresh_token" maxLength:"256"`
	}
}

func (s *Service) postRefresh(ctx context.Context, in *refreshInput) (*httpapi.Body[tokenPair], error) {
	return pair(s.Refresh(ctx, in.Body.RefreshToken))
}

func (s *Service) postLogout(ctx context.Context, in *refreshInput) (*httpapi.None, error) {
	return nil, s.Logout(ctx, in.Body.RefreshToken)
}

type keySet struct {
	CacheControl string `header:"Cache-Control"`
	Body         token.KeySet
}

// getKeys lets proxies keep the keys for a minute, less than verifiers do.
func (s *Service) getKeys(context.Context, *httpapi.None) (*keySet, error) {
	return &keySet{CacheControl: "public, max-age=60", Body: s.signer.KeySet()}, nil
}

func (s *Service) getMe(ctx context.Context, _ *httpapi.None) (*httpapi.Body[live.User], error) {
	caller, _ := httpapi.Caller(ctx)
	u, err := s.Me(ctx, caller.User)
	return &httpapi.Body[live.User]{Body: u}, err
}

type profileInput struct {
	Body struct {
		Nickname  *string `json:"nickname,omitempty" maxLength:"256" doc:"1 to 32 visible characters."`
		AvatarURL *string `json:"avatar_url,omitempty" maxLength:"512" doc:"http or https; empty for none."`
		Bio       *string `json:"bio,omitempty" maxLength:"1024" doc:"At most 200 characters of plain text."`
	}
}

func (s *Service) patchMe(ctx context.Context, in *profileInput) (*httpapi.Body[live.User], error) {
	caller, _ := httpapi.Caller(ctx)
	u, err := s.UpdateMe(ctx, caller.User, Profile(in.Body))
	return &httpapi.Body[live.User]{Body: u}, err
}

type avatarInput struct {
	Body pictures.Request
}

func (s *Service) postAvatarUpload(ctx context.Context, in *avatarInput) (*httpapi.Body[pictures.Offer], error) {
	caller, _ := httpapi.Caller(ctx)
	offer, err := s.OfferAvatar(ctx, caller.User, in.Body)
	return &httpapi.Body[pictures.Offer]{Body: offer}, err
}

type userInput struct {
	UserID int64 `path:"user_id" minimum:"1" maximum:"9007199254740991"`
}

// getUser shows the username to nobody but its owner.
func (s *Service) getUser(ctx context.Context, in *userInput) (*httpapi.Body[live.User], error) {
	id := live.UserID(in.UserID)
	if caller, ok := httpapi.Caller(ctx); ok && caller.User == id {
		u, err := s.Me(ctx, id)
		return &httpapi.Body[live.User]{Body: u}, err
	}
	u, err := s.User(ctx, id)
	return &httpapi.Body[live.User]{Body: u}, err
}
