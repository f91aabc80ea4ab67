package token

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func newRemote(t *testing.T, url string) *Remote {
	t.Helper()
	r, err := NewRemote(issuer, url, 0)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRemoteVerifiesByPublishedKeys(t *testing.T) {
	s := newSigner(t, newEd25519(t), newP256(t))
	next := newSigner(t, newP256(t))
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write(s.JWKS())
	}))
	defer server.Close()
	r := newRemote(t, server.URL)
	v := newVerifier(t, r.Keyring())
	if _, err := v.Verify(sign(t, s)); !errors.Is(err, ErrInvalid) || r.Check(t.Context()) == nil {
		t.Errorf("before the first fetch: got %v", err)
	}
	if err := r.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(sign(t, s)); err != nil || r.Check(t.Context()) != nil {
		t.Errorf("after the first fetch: got %v", err)
	}
	for range 10 {
		if _, err := v.Verify(sign(t, next)); !errors.Is(err, ErrInvalid) {
			t.Errorf("unknown kid: got %v", err)
		}
	}
	if got := asked.Load(); got != 1 {
		t.Errorf("the issuer was asked %d times, want 1: no token may cause a fetch", got)
	}
}

// countingTransport counts what goes out, and lets nothing through but to the one host.
type countingTransport struct {
	host  string
	calls atomic.Int32
}

func (c *countingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	c.calls.Add(1)
	if r.URL.Host != c.host {
		return nil, errors.New("who is that")
	}
	return http.DefaultTransport.RoundTrip(r)
}

// Nothing a token says, not even a key's name that nobody knows, causes a call: an attacker could make a fleet ask, or
// choose whom it asks.
func TestRefusedTokensCauseNoNetworkCall(t *testing.T) {
	c := newCrowd(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(c.signer.JWKS()) }))
	defer server.Close()
	r := newRemote(t, server.URL)
	out := &countingTransport{host: strings.TrimPrefix(server.URL, "http://")}
	r.client.Transport = out
	if err := r.Refresh(t.Context()); err != nil || out.calls.Load() != 1 {
		t.Fatalf("first fetch: %v, %d calls", err, out.calls.Load())
	}
	v := newVerifier(t, r.Keyring())
	if _, err := v.Verify(sign(t, c.signer)); err != nil {
		t.Fatal(err)
	}
	refused := c.forgeries(t)
	refused["expired"] = c.expired(t)
	for name, raw := range refused {
		if _, err := v.Verify(raw); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if n := out.calls.Load(); n != 1 {
			t.Fatalf("%s: got %d calls, want none but the first", name, n)
		}
	}
}

func TestFailedRefreshKeepsTheKeys(t *testing.T) {
	s := newSigner(t, newEd25519(t))
	var answer atomic.Pointer[http.HandlerFunc]
	good := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(s.JWKS()) })
	answer.Store(&good)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { (*answer.Load())(w, req) }))
	defer server.Close()
	r := newRemote(t, server.URL)
	v := newVerifier(t, r.Keyring())
	if err := r.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	body := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
	}
	many, err := json.Marshal(KeySet{Keys: make([]JWK, maxKeys+1)})
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]http.HandlerFunc{
		"error":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"redirect":     func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, "/elsewhere", http.StatusFound) },
		"html":         body("<html>"),
		"no keys":      body(`{"keys":[]}`),
		"symmetric":    body(`{"keys":[{"kty":"oct","kid":"a","k":"c2VjcmV0","alg":"HS256"}]}`),
		"too many":     body(string(many)),
		"too long":     body(`{"keys":[]}` + strings.Repeat(" ", maxKeySetBytes)),
		"off curve":    body(`{"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":"` + strings.Repeat("A", 43) + `","y":"` + strings.Repeat("A", 43) + `"}]}`),
		"wrong alg":    body(strings.Replace(string(s.JWKS()), `"EdDSA"`, `"ES256"`, 1)),
		"for ciphers":  body(strings.Replace(string(s.JWKS()), `"sig"`, `"enc"`, 1)),
		"without kid":  body(strings.Replace(string(s.JWKS()), s.keys[0].ID, "", 1)),
		"short x":      body(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"AAAA"}]}`),
		"oversize kid": body(strings.Replace(string(s.JWKS()), s.keys[0].ID, strings.Repeat("k", maxKeyID+1), 1)),
	} {
		answer.Store(&bad)
		if err := r.Refresh(t.Context()); err == nil {
			t.Errorf("%s: got no error", name)
		}
		if _, err := v.Verify(sign(t, s)); err != nil {
			t.Errorf("%s: the old key is gone: %v", name, err)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestRunRefreshesOnScheduleAndRetriesSooner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigner(t, newEd25519(t))
		r := newRemote(t, "http://issuer.test/jwks.json")
		var asked atomic.Int32
		var up atomic.Bool
		r.client.Transport = roundTrip(func(*http.Request) (*http.Response, error) {
			asked.Add(1)
			if !up.Load() {
				return nil, errors.New("down")
			}
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(s.JWKS()))}, nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		var failures atomic.Int32
		go r.Run(ctx, func(error) { failures.Add(1) })
		time.Sleep(10 * time.Second) // tries at 0, 1, 3 and 7 s
		synctest.Wait()
		if got := failures.Load(); got != 4 {
			t.Errorf("got %d failures within 10 s, want 4", got)
		}
		up.Store(true)
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := asked.Load(); got < 15 || got > 20 {
			t.Errorf("asked %d times, want about 4 + 1 every 5 minutes", got)
		}
		cancel()
	})
}

func TestNewRemoteRefuses(t *testing.T) {
	for _, url := range []string{"", "file:///etc/passwd", "jwks.json", "https://", "http://a b/"} {
		if _, err := NewRemote(issuer, url, 0); err == nil {
			t.Errorf("%q: got no error", url)
		}
	}
}
