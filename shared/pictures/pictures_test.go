package pictures_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/objects"
	"github.com/barrage-live/barrage/shared/objectstest"
	"github.com/barrage-live/barrage/shared/pictures"
)

func shelf(t *testing.T, base string, cfg objects.Config) *pictures.Shelf {
	t.Helper()
	signer, err := objects.OpenSigner(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return pictures.New(signer, base)
}

var nowhere = objects.Config{Bucket: "covers", Endpoint: "http://127.0.0.1:1", Key: "k", Secret: "s"}

func TestOffersAreForPicturesOfAFairSize(t *testing.T) {
	s := shelf(t, "https://cdn.test/", nowhere)
	for name, tc := range map[string]struct {
		shelf *pictures.Shelf
		r     pictures.Request
		want  error
	}{
		"good":      {s, pictures.Request{ContentType: "image/webp", Size: pictures.MaxSize}, nil},
		"script":    {s, pictures.Request{ContentType: "image/svg+xml", Size: 1}, pictures.ErrBadType},
		"page":      {s, pictures.Request{ContentType: "text/html", Size: 1}, pictures.ErrBadType},
		"parameter": {s, pictures.Request{ContentType: "image/png; x=y", Size: 1}, pictures.ErrBadType},
		"empty":     {s, pictures.Request{ContentType: "image/png"}, pictures.ErrBadSize},
		"negative":  {s, pictures.Request{ContentType: "image/png", Size: -1}, pictures.ErrBadSize},
		"too big":   {s, pictures.Request{ContentType: "image/png", Size: pictures.MaxSize + 1}, pictures.ErrBadSize},
		"no bucket": {nil, pictures.Request{ContentType: "image/png", Size: 1}, pictures.ErrOff},
	} {
		offer, err := tc.shelf.Avatar(t.Context(), 7, tc.r)
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", name, err, tc.want)
		}
		if seen := strings.HasPrefix(offer.URL, "https://cdn.test/avatars/7/") && strings.HasSuffix(offer.URL, ".webp"); seen != (tc.want == nil) {
			t.Errorf("%s: got %+v", name, offer)
		}
	}
}

func TestOneUserGetsNoEndOfOffers(t *testing.T) {
	s := shelf(t, "", nowhere)
	r := pictures.Request{ContentType: "image/png", Size: 1}
	for i := range 20 {
		_, err := s.Cover(t.Context(), 7, 1, r)
		if refused, ok := live.AsError(err); ok && refused.Kind == live.KindRateLimited {
			if refused.RetryAfter <= 0 || i == 0 {
				t.Errorf("offer %d: got %+v", i, refused)
			}
			if _, err := s.Cover(t.Context(), 8, 1, r); err != nil {
				t.Errorf("somebody else: %v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Error("got 20 offers at once")
}

func TestAPictureIsPutAsOffered(t *testing.T) {
	cfg := objectstest.Real(t)
	picture := []byte("\x89PNG\r\n\x1a\n")
	offer, err := shelf(t, "", cfg).Avatar(t.Context(), 7, pictures.Request{ContentType: "image/png", Size: int64(len(picture))})
	if err != nil {
		t.Fatal(err)
	}
	put := func(body []byte) int {
		return objectstest.Upload(t, offer.UploadURL, objectstest.Header(offer.Headers), string(body))
	}
	if got := put(append(picture, 0)); got < 400 {
		t.Errorf("a byte more than offered: got %d", got)
	}
	if got := put(picture); got != http.StatusOK {
		t.Errorf("as offered: got %d", got)
	}
}
