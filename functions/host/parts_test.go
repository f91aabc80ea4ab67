package host

import (
	"net/url"
	"testing"

	"github.com/barrage-live/barrage/functions/manifest"
	"github.com/barrage-live/barrage/shared/pictures"
)

// A store of one's own has no name for each bucket: they are addressed by path there.
func TestTheEndpointOfS3ReachesWhatIsSigned(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_REGION", "eu-west-1")
	for endpoint, want := range map[string]string{"http://127.0.0.1:9000": "127.0.0.1:9000", "": "covers.s3.eu-west-1.amazonaws.com"} {
		row, err := manifest.Lookup("auth")
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := load(row, func(name string) string {
			return map[string]string{
				"AWS_ENDPOINT_URL_S3": endpoint, "COVER_BUCKET": "covers", "DATABASE_URL": "sqlite:x", "REDIS_ADDRS": "x:1", "TOKEN_SIGNING_KEY": "k",
			}[name]
		})
		if err != nil {
			t.Fatal(err)
		}
		p := parts{cfg: cfg, row: row}
		if err := p.openCovers(t.Context()); err != nil {
			t.Fatal(err)
		}
		offer, err := p.Shelf.Avatar(t.Context(), 7, pictures.Request{ContentType: "image/png", Size: 1})
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(offer.UploadURL)
		if err != nil || u.Host != want {
			t.Errorf("endpoint %q: got %s, want it at %s", endpoint, offer.UploadURL, want)
		}
	}
}
