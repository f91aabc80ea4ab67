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
	china, dotted, local := fixed, fixed, fixed
	china.Region = "cn-north-1"
	dotted.Bucket = "covers.example.org"
	local.Endpoint = "http://127.0.0.1:19000"
	none := map[string]string{}
	for _, tc := range []struct {
		cfg  objects.Config
		env  map[string]string
		want string
	}{
		{fixed, none, "https://covers.s3.eu-west-1.amazonaws.com/rooms/1/x%20y.png"},
		{china, none, "https://covers.s3.cn-north-1.amazonaws.com.cn/rooms/1/x%20y.png"},
		{dotted, none, "https://s3.eu-west-1.amazonaws.com/covers.example.org/rooms/1/x%20y.png"}, // its certificate has one label
		{local, none, "http://127.0.0.1:19000/covers/rooms/1/x%20y.png"},
		{fixed, map[string]string{"AWS_USE_FIPS_ENDPOINT": "true"}, "https://covers.s3-fips.eu-west-1.amazonaws.com/rooms/1/x%20y.png"},
		{fixed, map[string]string{"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "https://covers.s3.dualstack.eu-west-1.amazonaws.com/rooms/1/x%20y.png"},
		{fixed, map[string]string{"AWS_ENDPOINT_URL_S3": "http://store:9000"}, "http://store:9000/covers/rooms/1/x%20y.png"},
		{fixed, map[string]string{"AWS_ENDPOINT_URL": "http://all:4566"}, "http://all:4566/covers/rooms/1/x%20y.png"},
		{fixed, map[string]string{"AWS_ENDPOINT_URL_S3": "http://store:9000", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, "https://covers.s3.eu-west-1.amazonaws.com/rooms/1/x%20y.png"},
	} {
		t.Run(tc.want, func(t *testing.T) {
			for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"} {
				t.Setenv(name, tc.env[name])
			}
			t.Setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", tc.env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"])
			t.Setenv("AWS_CONFIG_FILE", "/dev/null")
			if got := signer(t, tc.cfg).URL("rooms/1/x y.png"); got != tc.want {
				t.Errorf("got %s", got)
			}
		})
	}
	local.Endpoint = "127.0.0.1:19000"
	if _, err := objects.OpenSigner(t.Context(), local); err == nil {
		t.Error("an endpoint without its scheme was taken")
	}
	express := fixed
	express.Bucket = "fast--euw1-az1--x-s3"
	if _, err := objects.Open(t.Context(), express); err == nil {
		t.Error("a bucket that wants another kind of signature was taken")
	}
}
