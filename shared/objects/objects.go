// Package objects is the platform's way to S3: whole objects, ranges of them, and writes that happen only if nobody else
// wrote meanwhile, in one bucket.
package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// MaxSize of an object in bytes: whole objects are held in memory.
const MaxSize = 256 << 20

// Errors that callers branch on.
var (
	ErrNotFound = errors.New("no such object")
	ErrChanged  = errors.New("the object is not the version that was asked for")
	ErrTooBig   = fmt.Errorf("the object is bigger than %d bytes", MaxSize)
)

// Version names one content of an object, as S3's ETag does. Absent names the lack of the object.
type Version string

// Absent is the version of an object that is not there.
const Absent Version = ""

// Bucket is one bucket. All methods may be called concurrently.
type Bucket struct {
	client  *s3.Client
	name    string
	timeout time.Duration
}

// Name is the bucket's name.
func (b *Bucket) Name() string { return b.name }

// Ping asks for a sign of life.
func (b *Bucket) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	_, err := b.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.name})
	return b.wrap("ping", "", err)
}

// Put writes an object, whatever was there.
func (b *Bucket) Put(ctx context.Context, key, contentType string, body []byte) error {
	_, err := b.put(ctx, &s3.PutObjectInput{Key: &key, ContentType: &contentType}, body)
	return b.wrap("put", key, err)
}

// PutIf writes an object if it still is the given version (Absent: if it is not there), and returns its new version;
// else ErrChanged. Of any number of callers with the same version one succeeds, on S3 and on stores that check and write
// in one step as it does. A gateway over a folder, such as versitygw's, does so in two: there it keeps apart only callers
// that don't meet within a millisecond.
func (b *Bucket) PutIf(ctx context.Context, key, contentType string, body []byte, is Version) (Version, error) {
	in := &s3.PutObjectInput{Key: &key, ContentType: &contentType}
	if is == Absent {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = aws.String(string(is))
	}
	version, err := b.put(ctx, in, body)
	return version, b.wrap("put", key, err)
}

func (b *Bucket) put(ctx context.Context, in *s3.PutObjectInput, body []byte) (Version, error) {
	if len(body) > MaxSize {
		return "", ErrTooBig
	}
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	in.Bucket, in.Body, in.ContentLength = &b.name, bytes.NewReader(body), aws.Int64(int64(len(body)))
	out, err := b.client.PutObject(ctx, in)
	if err != nil {
		return "", err
	}
	return Version(aws.ToString(out.ETag)), nil
}

// Get reads a whole object; ErrNotFound when it is not there.
func (b *Bucket) Get(ctx context.Context, key string) ([]byte, Version, error) {
	part, err := b.get(ctx, key, "")
	return part.Body, part.Version, b.wrap("get", key, err)
}

// Part is a range of an object.
type Part struct {
	Body    []byte
	From    int64 // where Body begins in the object
	Size    int64 // of the whole object
	Version Version
}

// GetRange reads up to n bytes from an offset on; less only where the object ends. An offset behind its end is an error.
func (b *Bucket) GetRange(ctx context.Context, key string, from, n int64) (Part, error) {
	if from < 0 || n <= 0 || n > MaxSize {
		return Part{}, fmt.Errorf("get %s: no range of %d bytes from %d", key, n, from)
	}
	part, err := b.get(ctx, key, fmt.Sprintf("bytes=%d-%d", from, from+n-1))
	return part, b.wrap("get", key, err)
}

// GetTail reads the last n bytes, or the whole of a smaller object.
func (b *Bucket) GetTail(ctx context.Context, key string, n int64) (Part, error) {
	if n <= 0 || n > MaxSize {
		return Part{}, fmt.Errorf("get %s: no range of the last %d bytes", key, n)
	}
	part, err := b.get(ctx, key, fmt.Sprintf("bytes=-%d", n))
	if statusOf(err) == http.StatusRequestedRangeNotSatisfiable { // some stores refuse more than there is
		part, err = b.get(ctx, key, "")
	}
	return part, b.wrap("get", key, err)
}

func (b *Bucket) get(ctx context.Context, key, span string) (part Part, err error) {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	in := &s3.GetObjectInput{Bucket: &b.name, Key: &key}
	if span != "" {
		in.Range = &span
	}
	out, err := b.client.GetObject(ctx, in)
	if err != nil {
		return Part{}, err
	}
	defer func() { err = errors.Join(err, out.Body.Close()) }()
	part = Part{Version: Version(aws.ToString(out.ETag)), Size: aws.ToInt64(out.ContentLength)}
	if out.ContentRange != nil {
		var last int64
		if _, err := fmt.Sscanf(*out.ContentRange, "bytes %d-%d/%d", &part.From, &last, &part.Size); err != nil {
			return Part{}, fmt.Errorf("content range %q: %w", *out.ContentRange, err)
		}
	}
	if aws.ToInt64(out.ContentLength) > MaxSize {
		return Part{}, ErrTooBig
	}
	part.Body = make([]byte, aws.ToInt64(out.ContentLength))
	if _, err := io.ReadFull(out.Body, part.Body); err != nil {
		return Part{}, err
	}
	return part, nil
}
