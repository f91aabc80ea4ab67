// Package pictures lets people put avatars and covers into a bucket by themselves: a function only signs, so that no image
// passes through it.
package pictures

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/barrage-live/barrage/shared/limit"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/objects"
)

// MaxSize of a picture in bytes.
const MaxSize = 5 << 20

// goodFor is how long an offer may be used: to send 5 MiB from a phone.
const goodFor = 10 * time.Minute

// Errors that users may see.
var (
	ErrOff     = live.Errorf(live.KindUnavailable, "uploads_off", "Pictures can't be uploaded here.")
	ErrBadType = live.Errorf(live.KindInvalid, "bad_picture_type", "A picture is image/png, image/jpeg, image/webp or image/gif.")
	ErrBadSize = live.Errorf(live.KindInvalid, "bad_picture_size", "A picture has 1 to %d bytes.", MaxSize)
)

// Errors are all refusals of Offer, for descriptions of routes.
func Errors() []*live.Error { return []*live.Error{ErrOff, ErrBadType, ErrBadSize} }

// Shelf is where pictures go. A nil Shelf takes none. Its methods may be called concurrently.
type Shelf struct {
	signer *objects.Signer
	base   string // of the addresses that pictures are seen at; empty: the bucket's own
	offers *limit.Bucket[live.UserID]
}

// New makes a shelf of the signer's bucket. base is the address under which a CDN shows it.
func New(signer *objects.Signer, base string) *Shelf {
	return &Shelf{
		signer: signer, base: strings.TrimSuffix(base, "/"),
		offers: limit.NewBucket[live.UserID](limit.Rate{Events: 20, Per: time.Hour, Burst: 10}, 0),
	}
}

// Request is what somebody wants to upload, as a body of JSON.
type Request struct {
	ContentType string `json:"content_type" maxLength:"64" doc:"image/png, image/jpeg, image/webp or image/gif."`
	Size        int64  `json:"size" doc:"Of the file in bytes, at most 5 MiB."`
}

// Offer says how to upload, and where the picture is seen then.
type Offer struct {
	UploadURL string            `json:"upload_url" doc:"Takes one PUT of exactly the type and size that was asked for."`
	Headers   map[string]string `json:"headers" doc:"To be sent with the PUT as they are."`
	URL       string            `json:"url" doc:"Where the picture is seen once it is there."`
	ExpiresAt time.Time         `json:"expires_at"`
}

// Avatar offers a place for a picture of the user.
func (s *Shelf) Avatar(ctx context.Context, user live.UserID, r Request) (Offer, error) {
	return s.offer(ctx, user, fmt.Sprintf("avatars/%d", user), r)
}

// Cover offers a place for a picture of the room, to whoever runs it.
func (s *Shelf) Cover(ctx context.Context, by live.UserID, room live.RoomID, r Request) (Offer, error) {
	return s.offer(ctx, by, fmt.Sprintf("rooms/%d", room), r)
}

// offer names every picture anew: caches may keep what they have for ever.
func (s *Shelf) offer(ctx context.Context, by live.UserID, folder string, r Request) (Offer, error) {
	suffix, known := suffixes()[r.ContentType]
	switch {
	case s == nil:
		return Offer{}, ErrOff
	case !known:
		return Offer{}, ErrBadType
	case r.Size < 1 || r.Size > MaxSize:
		return Offer{}, ErrBadSize
	}
	if ok, after := s.offers.Allow(by, 1); !ok {
		return Offer{}, &live.Error{Kind: live.KindRateLimited, Code: "rate_limited", Message: "Too many pictures. Try again later.", RetryAfter: after}
	}
	key := folder + "/" + strings.ToLower(rand.Text()) + suffix
	upload, err := s.signer.Put(ctx, key, r.ContentType, r.Size, goodFor)
	if err != nil {
		return Offer{}, err
	}
	headers := make(map[string]string, len(upload.Header))
	for name := range upload.Header {
		headers[name] = upload.Header.Get(name)
	}
	seen := s.signer.URL(key)
	if s.base != "" {
		seen = s.base + "/" + key
	}
	return Offer{UploadURL: upload.URL, Headers: headers, URL: seen, ExpiresAt: upload.Expires.UTC()}, nil
}

// suffixes by type. SVG is not among them: it may hold scripts.
func suffixes() map[string]string {
	return map[string]string{"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "image/gif": ".gif"}
}
