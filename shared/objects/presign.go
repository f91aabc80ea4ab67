package objects

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Upload is the permission to put one object, of one type and size, until it expires. Whoever holds it needs no
// credentials: a browser can use it.
type Upload struct {
	URL     string
	Header  http.Header // to be sent as they are; they are signed
	Expires time.Time
}

// PresignPut signs an upload of exactly size bytes of the type. Nobody is asked, so the bucket need not be there.
func (b *Bucket) PresignPut(ctx context.Context, key, contentType string, size int64, ttl time.Duration) (Upload, error) {
	client := s3.NewPresignClient(b.client, s3.WithPresignExpires(ttl), s3.WithPresignClientFromClientOptions(func(o *s3.Options) {
		// Else the SDK signs the checksum of the body that it does not have.
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	}))
	signed, err := client.PresignPutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: &key, ContentType: &contentType, ContentLength: &size,
	})
	if err != nil {
		return Upload{}, b.wrap("presign", key, err)
	}
	header := signed.SignedHeader.Clone()
	header.Del("Host") // every client sends these two by itself, and a browser lets nobody else do it
	header.Del("Content-Length")
	return Upload{URL: signed.URL, Header: header, Expires: time.Now().Add(ttl)}, nil
}

// URL is where the object is read without a signature, if the bucket lets anybody do so.
func (b *Bucket) URL(ctx context.Context, key string) (string, error) {
	signed, err := s3.NewPresignClient(b.client).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
	if err != nil {
		return "", b.wrap("address", key, err)
	}
	plain, _, _ := strings.Cut(signed.URL, "?")
	return plain, nil
}
