package objects

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Signer signs uploads to one bucket and asks nobody. Its methods may be called concurrently.
type Signer struct {
	place
	credentials aws.CredentialsProvider
	signer      *v4.Signer
}

// OpenSigner takes the same settings as Open.
func OpenSigner(ctx context.Context, cfg Config) (*Signer, error) {
	if cfg.Bucket == "" {
		return nil, errors.New("objects: the bucket's name is needed")
	}
	loaded, err := load(ctx, cfg)
	if err != nil {
		return nil, err
	}
	where, err := find(ctx, cfg.Bucket, cfg.Endpoint, loaded)
	if err != nil {
		return nil, err
	}
	return &Signer{place: where, credentials: loaded.Credentials, signer: newSigner()}, nil
}

// Upload is the permission to put one object, of one type and size, until it expires. Whoever holds it needs no
// credentials: a browser can use it.
type Upload struct {
	URL     string
	Header  http.Header // to be sent as they are; they are signed
	Expires time.Time
}

// Put signs an upload of exactly size bytes of the type. Nobody is asked, so the bucket need not be there.
func (s *Signer) Put(ctx context.Context, key, contentType string, size int64, ttl time.Duration) (Upload, error) {
	credentials, err := s.credentials.Retrieve(ctx)
	if err != nil {
		return Upload{}, fmt.Errorf("presign %s: %w", key, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, s.URL(key), nil)
	if err != nil {
		return Upload{}, fmt.Errorf("presign %s: %w", key, err)
	}
	req.URL.RawQuery = url.Values{"X-Amz-Expires": {strconv.Itoa(int(ttl.Seconds()))}}.Encode()
	req.Header.Set("Content-Type", contentType)
	req.ContentLength = size
	now := time.Now()
	signed, header, err := s.signer.PresignHTTP(ctx, credentials, req, "UNSIGNED-PAYLOAD", "s3", s.region, now)
	if err != nil {
		return Upload{}, fmt.Errorf("presign %s: %w", key, err)
	}
	header.Del("Host") // every client sends these two by itself, and a browser lets nobody else do it
	header.Del("Content-Length")
	return Upload{URL: signed, Header: header, Expires: now.Add(ttl)}, nil
}

// URL is where the object is read without a signature, if the bucket lets anybody do so.
func (s *Signer) URL(key string) string { return s.url(key).String() }
