// Package objects is the platform's way to S3: whole objects, ranges of them, and writes that happen only if nobody else
// wrote meanwhile, in one bucket.
package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// MaxSize of an object in bytes: whole objects are held in memory.
const MaxSize = 256 << 20

// Errors that callers branch on.
var (
	ErrNotFound = errors.New("no such object")
	ErrChanged  = errors.New("the object is not the version that was asked for")
	ErrTooBig   = fmt.Errorf("the object is bigger than %d bytes", MaxSize)
)

var errNoKey = errors.New("an object has a key")

// Version names one content of an object, as S3's ETag does. Absent names the lack of the object.
type Version string

// Absent is the version of an object that is not there.
const Absent Version = ""

// Bucket is one bucket. All methods may be called concurrently.
type Bucket struct {
	client  *client
	name    string
	timeout time.Duration
}

// Name is the bucket's name.
func (b *Bucket) Name() string { return b.name }

// Ping asks for a sign of life.
func (b *Bucket) Ping(ctx context.Context) error {
	return b.wrap("ping", "", b.do(ctx, call{method: http.MethodHead}))
}

// do makes a call within the bucket's timeout.
func (b *Bucket) do(ctx context.Context, op call) error {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	return b.client.do(ctx, op)
}

// Put writes an object, whatever was there.
func (b *Bucket) Put(ctx context.Context, key, contentType string, body []byte) error {
	_, err := b.put(ctx, key, http.Header{"Content-Type": {contentType}}, body)
	return b.wrap("put", key, err)
}

// PutIf writes an object if it still is the given version (Absent: if it is not there), and returns its new version;
// else ErrChanged. Of any number of callers with the same version one succeeds, on S3 and on stores that check and write
// in one step as it does. A gateway over a folder, such as versitygw's, does so in two: there it keeps apart only callers
// that don't meet within a millisecond.
func (b *Bucket) PutIf(ctx context.Context, key, contentType string, body []byte, is Version) (Version, error) {
	header := http.Header{"Content-Type": {contentType}}
	if is == Absent {
		header.Set("If-None-Match", "*")
	} else {
		header.Set("If-Match", string(is))
	}
	version, err := b.put(ctx, key, header, body)
	return version, b.wrap("put", key, err)
}

func (b *Bucket) put(ctx context.Context, key string, header http.Header, body []byte) (version Version, err error) {
	if key == "" {
		return "", errNoKey
	}
	if len(body) > MaxSize {
		return "", ErrTooBig
	}
	header.Set(checksum, crc(body))
	err = b.do(ctx, call{method: http.MethodPut, key: key, header: header, body: body, read: func(res *http.Response) error {
		version = Version(res.Header.Get("ETag"))
		return nil
	}})
	return version, err
}

// Get reads a whole object; ErrNotFound when it is not there.
func (b *Bucket) Get(ctx context.Context, key string) ([]byte, Version, error) {
	part, err := b.get(ctx, key, http.Header{"X-Amz-Checksum-Mode": {"ENABLED"}})
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
	part, err := b.get(ctx, key, http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", from, from+n-1)}})
	return part, b.wrap("get", key, err)
}

// GetTail reads the last n bytes, or the whole of a smaller object.
func (b *Bucket) GetTail(ctx context.Context, key string, n int64) (Part, error) {
	if n <= 0 || n > MaxSize {
		return Part{}, fmt.Errorf("get %s: no range of the last %d bytes", key, n)
	}
	part, err := b.get(ctx, key, http.Header{"Range": {fmt.Sprintf("bytes=-%d", n)}})
	if statusOf(err) == http.StatusRequestedRangeNotSatisfiable { // some stores refuse more than there is
		part, err = b.get(ctx, key, nil)
	}
	return part, b.wrap("get", key, err)
}

func (b *Bucket) get(ctx context.Context, key string, header http.Header) (part Part, err error) {
	if key == "" {
		return Part{}, errNoKey
	}
	err = b.do(ctx, call{method: http.MethodGet, key: key, header: header, read: func(res *http.Response) (err error) {
		part, err = readPart(ctx, res)
		return err
	}})
	return part, err
}

// readPart reads all of an answer: what breaks off is tried again from the beginning.
func readPart(ctx context.Context, res *http.Response) (Part, error) {
	if res.ContentLength > MaxSize {
		return Part{}, ErrTooBig
	}
	part := Part{Version: Version(res.Header.Get("ETag")), Size: res.ContentLength}
	var err error
	if res.ContentLength >= 0 {
		part.Body = make([]byte, res.ContentLength)
		_, err = io.ReadFull(res.Body, part.Body)
	} else { // a store that does not say how much it will be
		part.Body, err = io.ReadAll(io.LimitReader(res.Body, MaxSize+1))
		part.Size = int64(len(part.Body))
	}
	if err != nil {
		return Part{}, unfinished(ctx, err)
	}
	if len(part.Body) > MaxSize {
		return Part{}, ErrTooBig
	}
	if span := res.Header.Get("Content-Range"); span != "" {
		if part.From, part.Size, err = parseRange(span, int64(len(part.Body))); err != nil {
			return Part{}, err
		}
	}
	// That of an object in parts ("…-3") is of their checksums, not of its bytes; that of a range is of the whole.
	if want := res.Header.Get(checksum); want != "" && res.StatusCode == http.StatusOK && !strings.Contains(want, "-") && want != crc(part.Body) {
		return Part{}, brokenError{fmt.Errorf("%d bytes with another checksum than %s", len(part.Body), want)}
	}
	return part, nil
}

// parseRange reads a Content-Range whose bytes were n.
func parseRange(span string, n int64) (from, size int64, err error) {
	var last int64
	if _, err := fmt.Sscanf(span, "bytes %d-%d/%d", &from, &last, &size); err != nil {
		return 0, 0, fmt.Errorf("content range %q: %w", span, err)
	}
	if from < 0 || last-from+1 != n || last >= size {
		return 0, 0, fmt.Errorf("content range %q of %d bytes", span, n)
	}
	return from, size, nil
}
