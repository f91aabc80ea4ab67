package token

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// The bounds of fetching a key set.
const (
	DefaultRefresh  = 5 * time.Minute
	firstRetry      = time.Second
	maxKeySetBytes  = 64 << 10
	keySetTimeout   = 5 * time.Second
	refreshJitter   = 0.1 // of the interval, so that a fleet doesn't ask at once
	maxHeaderKeySet = 16 << 10
)

// Remote keeps a keyring equal to an issuer's JWKS. It fetches on a schedule and never because of a token, so a new key
// must be published for longer than Interval before it signs.
type Remote struct {
	ring     *Keyring
	url      string
	client   *http.Client
	interval time.Duration
	fetched  atomic.Int64 // Unix ms of the last success; 0: never
}

// NewRemote prepares the keyring; it is empty, and refuses every token, until [Remote.Refresh] or [Remote.Run] has
// fetched once. Interval 0 is DefaultRefresh.
func NewRemote(issuer, jwksURL string, interval time.Duration) (*Remote, error) {
	u, err := url.Parse(jwksURL)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return nil, errors.New("key set: want an http or https URL")
	}
	if issuer == "" || interval < 0 {
		return nil, errors.New("key set: issuer must be set and the interval positive")
	}
	if interval == 0 {
		interval = DefaultRefresh
	}
	return &Remote{
		ring: NewKeyring(issuer, nil),
		url:  jwksURL,
		client: &http.Client{
			Timeout:       keySetTimeout,
			Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxResponseHeaderBytes: maxHeaderKeySet, DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		interval: interval,
	}, nil
}

// Keyring is the keyring that is kept up to date.
func (r *Remote) Keyring() *Keyring { return r.ring }

// Check is nil once there are keys: for readiness.
func (r *Remote) Check(context.Context) error {
	if r.fetched.Load() == 0 {
		return errors.New("no key set was fetched yet")
	}
	return nil
}

// Refresh fetches once. When it fails the old keys stay: an issuer that is down for an hour must not lock out those
// who already hold tokens.
func (r *Remote) Refresh(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return fmt.Errorf("fetch key set: %w", err)
	}
	res, err := r.client.Do(req)
	if err != nil {
		return fmt.Errorf("fetch key set: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("fetch key set: status %d", res.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxKeySetBytes+1))
	if err != nil {
		return fmt.Errorf("fetch key set: %w", err)
	}
	if len(text) > maxKeySetBytes {
		return fmt.Errorf("fetch key set: longer than %d bytes", maxKeySetBytes)
	}
	keys, err := parseJWKS(text)
	if err != nil {
		return fmt.Errorf("fetch key set: %w", err)
	}
	r.ring.replace(keys)
	r.fetched.Store(time.Now().UnixMilli())
	return nil
}

// Run refreshes at the interval until ctx ends; failures go to report and are tried again soon, then less often.
func (r *Remote) Run(ctx context.Context, report func(error)) {
	wait := time.Duration(0)
	retry := firstRetry
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		if err := r.Refresh(ctx); err != nil {
			if ctx.Err() != nil {
				return
			}
			report(err)
			wait = retry
			retry = min(2*retry, r.interval)
			continue
		}
		retry = firstRetry
		spread := time.Duration(float64(r.interval) * refreshJitter)
		wait = r.interval - spread + rand.N(2*spread+1)
	}
}
