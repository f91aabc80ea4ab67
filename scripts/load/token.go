package main

import (
	"fmt"
	"os"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/token"
)

// tokenLife outlasts any run.
const tokenLife = 12 * time.Hour

// A tokenKey travels from the driver to its workers. The zero value makes guests.
type tokenKey struct {
	PEM      string `json:"pem,omitempty"`
	Issuer   string `json:"issuer,omitempty"`
	Audience string `json:"audience,omitempty"`
}

// A passport issues the tokens of the connections.
type passport struct{ signer *token.Signer }

func readTokenKey(o options) (tokenKey, error) {
	if o.tokenKey == "" {
		return tokenKey{}, nil
	}
	if _, err := token.LoadOrCreateKeys(o.tokenKey); err != nil {
		return tokenKey{}, err
	}
	text, err := os.ReadFile(o.tokenKey)
	if err != nil {
		return tokenKey{}, fmt.Errorf("read the signing key: %w", err)
	}
	return tokenKey{PEM: string(text), Issuer: o.issuer, Audience: o.audience}, nil
}

func newPassport(k tokenKey) (passport, error) {
	if k.PEM == "" {
		return passport{}, nil
	}
	keys, err := token.ParseKeys(k.PEM)
	if err != nil {
		return passport{}, err
	}
	signer, err := token.NewSigner(keys, k.Issuer, k.Audience, tokenLife)
	return passport{signer: signer}, err
}

// token returns the user's token, or "" for a guest.
func (p passport) token(user int64) (string, error) {
	if p.signer == nil {
		return "", nil
	}
	raw, _, err := p.signer.Sign(token.Identity{User: live.UserID(user), Nickname: fmt.Sprintf("load %d", user), Role: live.RoleViewer})
	return raw, err
}
