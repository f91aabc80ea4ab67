package main

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/objectstest"
	"github.com/barrage-live/barrage/shared/pictures"
)

// put uploads a body as offered and returns the answer's status.
func put(t *testing.T, o pictures.Offer, body []byte) int {
	t.Helper()
	return objectstest.Upload(t, o.UploadURL, objectstest.Header(o.Headers), string(body))
}

func TestAvatarsAndCoversAreUploadedPastTheFunctions(t *testing.T) {
	picture := []byte("\x89PNG\r\n\x1a\n and so on")
	file := map[string]any{"content_type": "image/png", "size": len(picture)}
	offers := func(t *testing.T, s *Stack) (avatar, cover pictures.Offer) {
		who := register(t, s, "uploads")
		room := who.liveRoom("pictures")
		who.must(http.StatusOK, "POST", "/api/v1/users/me/avatar-upload", file, &avatar)
		who.must(http.StatusOK, "POST", path(room.ID, "/cover-upload"), file, &cover)
		var me live.User
		who.must(http.StatusOK, "PATCH", "/api/v1/users/me", map[string]any{"avatar_url": avatar.URL}, &me)
		who.must(http.StatusOK, "PATCH", path(room.ID, ""), map[string]any{"cover": cover.URL}, &room)
		if me.AvatarURL != avatar.URL || room.Cover != cover.URL {
			t.Errorf("got %q and %q, want the addresses that were offered", me.AvatarURL, room.Cover)
		}
		refused := who.call("POST", "/api/v1/users/me/avatar-upload", map[string]any{"content_type": "image/svg+xml", "size": 1})
		if refused.status != http.StatusUnprocessableEntity || !bytes.Contains(refused.body, []byte("bad_picture_type")) {
			t.Errorf("a script: got %d %s", refused.status, refused.body)
		}
		for _, o := range []pictures.Offer{avatar, cover} {
			if got := put(t, o, picture); got != http.StatusOK {
				t.Errorf("put to %s: got %d", o.UploadURL, got)
			}
		}
		return avatar, cover
	}
	t.Run("embedded", func(t *testing.T) {
		avatar, cover := offers(t, startStack(t))
		for _, o := range []pictures.Offer{avatar, cover} {
			if kind, body := see(t, o.URL); kind != "image/png" || !bytes.Equal(body, picture) {
				t.Errorf("%s: got %s of %d bytes", o.URL, kind, len(body))
			}
		}
	})
	t.Run("a server that checks signatures", func(t *testing.T) {
		cfg := objectstest.Real(t)
		t.Setenv("AWS_ACCESS_KEY_ID", cfg.Key)
		t.Setenv("AWS_SECRET_ACCESS_KEY", cfg.Secret)
		avatar, _ := offers(t, startStack(t, env("AWS_ENDPOINT_URL_S3="+cfg.Endpoint, "COVER_BUCKET="+cfg.Bucket, "COVER_URL=https://cdn.test")))
		if u, err := url.Parse(avatar.URL); err != nil || u.Host != "cdn.test" {
			t.Errorf("it is seen at %s", avatar.URL)
		}
		if got := put(t, avatar, append(picture, 0)); got < http.StatusBadRequest {
			t.Errorf("a byte more than offered: got %d", got)
		}
	})
}

// see is what a browser gets.
func see(t *testing.T, address string) (kind string, body []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err = io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	return res.Header.Get("Content-Type"), body
}
