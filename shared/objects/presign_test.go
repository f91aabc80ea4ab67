package objects_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/objects"
	"github.com/barrage-live/barrage/shared/objectstest"
)

func signer(t *testing.T, cfg objects.Config) *objects.Signer {
	t.Helper()
	s, err := objects.OpenSigner(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The server checks signatures: what differs from what was signed does not get in.
func TestAnUploadIsGoodForItsKeyTypeAndSizeAlone(t *testing.T) {
	cfg := objectstest.Real(t)
	b, s, ctx := open(t, cfg), signer(t, cfg), t.Context()
	sign := func(key string, ttl time.Duration) objects.Upload {
		u, err := s.Put(ctx, key, "image/png", 5, ttl)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	good := sign("avatars/7/a b.png", time.Minute)
	if len(good.Header) != 1 || good.Header.Get("Content-Type") != "image/png" {
		t.Errorf("to be sent: got %v, want the type alone", good.Header)
	}
	for name, tc := range map[string]struct {
		url, kind, body string
		header          http.Header
	}{
		"longer":      {url: good.URL, kind: "image/png", body: "123456"},
		"shorter":     {url: good.URL, kind: "image/png", body: "1234"},
		"other type":  {url: good.URL, kind: "text/html", body: "12345"},
		"other key":   {url: strings.Replace(good.URL, "/7/", "/8/", 1), kind: "image/png", body: "12345"},
		"longer life": {url: strings.Replace(good.URL, "X-Amz-Expires=60", "X-Amz-Expires=600", 1), kind: "image/png", body: "12345"},
	} {
		if got := objectstest.Upload(t, tc.url, http.Header{"Content-Type": {tc.kind}}, tc.body); got != http.StatusForbidden && got != http.StatusBadRequest {
			t.Errorf("%s: got %d, want a refusal", name, got)
		}
	}
	if got := objectstest.Upload(t, good.URL, good.Header, "12345"); got != http.StatusOK {
		t.Fatalf("as signed: got %d", got)
	}
	if body, _, err := b.Get(ctx, "avatars/7/a b.png"); err != nil || !bytes.Equal(body, []byte("12345")) {
		t.Errorf("got %q, %v", body, err)
	}
	cfg.Secret += "x"
	forged, err := signer(t, cfg).Put(ctx, "forged", "image/png", 5, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if got := objectstest.Upload(t, forged.URL, forged.Header, "12345"); got != http.StatusForbidden {
		t.Errorf("signed with a wrong secret: got %d", got)
	}
}

func TestAddressesOfObjects(t *testing.T) {
	fixed := objects.Config{Bucket: "covers", Key: "k", Secret: "s", Region: "eu-west-1"}
	local := fixed
	local.Endpoint = "http://127.0.0.1:19000"
	for want, cfg := range map[string]objects.Config{
		"https://covers.s3.eu-west-1.amazonaws.com/rooms/1/x%20y.png": fixed,
		"http://127.0.0.1:19000/covers/rooms/1/x%20y.png":             local,
	} {
		if got := signer(t, cfg).URL("rooms/1/x y.png"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	local.Endpoint = "127.0.0.1:19000"
	if _, err := objects.OpenSigner(t.Context(), local); err == nil {
		t.Error("an endpoint without its scheme was taken")
	}
}
