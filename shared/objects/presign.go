package objects

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Signer signs uploads to one bucket and asks nobody. It is apart from Bucket since a function that only signs need not
// carry the whole client, which is a megabyte of its binary. Its methods may be called concurrently.
type Signer struct {
	base        *url.URL // of the bucket
	region      string
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
	base := bucketURL(cfg.Bucket, loaded.Region)
	if cfg.Endpoint != "" {
		if base, err = url.Parse(cfg.Endpoint); err != nil || base.Host == "" {
			return nil, fmt.Errorf("objects: endpoint %q: want http(s)://host", cfg.Endpoint)
		}
		base = base.JoinPath(cfg.Bucket)
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }) // S3 alone signs paths as they are
	return &Signer{base: base, region: loaded.Region, credentials: loaded.Credentials, signer: signer}, nil
}

// bucketURL is where AWS has a bucket.
func bucketURL(bucket, region string) *url.URL {
	domain := "amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		domain += ".cn"
	}
	return &url.URL{Scheme: "https", Host: bucket + ".s3." + region + "." + domain}
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
func (s *Signer) URL(key string) string { return s.base.JoinPath(key).String() }
