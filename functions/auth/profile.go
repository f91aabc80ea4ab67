package auth

import (
	"context"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/pictures"
	"github.com/barrage-live/barrage/shared/store"
)

// Me is the account as its owner sees it, fresh from the primary.
func (s *Service) Me(ctx context.Context, id live.UserID) (live.User, error) {
	return s.store.User(store.Primary(ctx), id)
}

// User is the public view: without the username.
func (s *Service) User(ctx context.Context, id live.UserID) (live.User, error) {
	u, err := s.store.User(ctx, id)
	return u.Public(), err
}

// Profile is what users may change of themselves; nil leaves a field as it is.
type Profile struct {
	Nickname  *string
	AvatarURL *string
	Bio       *string
}

// UpdateMe changes the caller's profile. Messages carry the new nickname from the next access token on.
func (s *Service) UpdateMe(ctx context.Context, id live.UserID, p Profile) (live.User, error) {
	patch := store.UserPatch{AvatarURL: p.AvatarURL}
	if p.AvatarURL != nil {
		if err := checkAvatarURL(*p.AvatarURL); err != nil {
			return live.User{}, err
		}
	}
	for _, field := range []struct {
		typed     *string
		set       **string
		normalize func(string) (string, error)
	}{
		{p.Nickname, &patch.Nickname, normalizeNickname},
		{p.Bio, &patch.Bio, normalizeBio},
	} {
		if field.typed == nil {
			continue
		}
		text, err := field.normalize(*field.typed)
		if err != nil {
			return live.User{}, err
		}
		*field.set = &text
	}
	return s.store.UpdateUser(ctx, id, patch)
}

// OfferAvatar lets the caller upload a picture. It is the avatar once the profile names its address.
func (s *Service) OfferAvatar(ctx context.Context, id live.UserID, r pictures.Request) (pictures.Offer, error) {
	return s.shelf.Avatar(ctx, id, r)
}
