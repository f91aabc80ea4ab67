package objects

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

// bigBody is from where on a body waits until the server has agreed to the header: a condition that does not hold then
// costs no upload.
const bigBody = 2 << 20

// maxDrained is how much of an answer that nobody wants is read to keep its connection.
const maxDrained = 64 << 10

// client makes the few calls of S3 that the platform needs. Credentials, signatures, endpoints and the rules of trying
// again are the SDK's; its client of S3, with a hundred operations, would be three megabytes of each binary.
type client struct {
	place
	credentials aws.CredentialsProvider
	signer      *v4.Signer
	http        aws.HTTPClient
	attempts    *retry.Attempt
}

func newClient(p place, cfg aws.Config) *client {
	same := func(c any) any { return c } // a call is not changed by sending it
	return &client{
		place: p, credentials: cfg.Credentials, signer: newSigner(), http: cfg.HTTPClient,
		attempts: retry.NewAttemptMiddleware(retryer(cfg), same),
	}
}

func newSigner() *v4.Signer {
	return v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }) // S3 alone signs paths as they are
}

// retryer is what AWS_MAX_ATTEMPTS and AWS_RETRY_MODE ask for: three attempts unless they say otherwise.
func retryer(cfg aws.Config) aws.Retryer {
	bound := func(o *retry.StandardOptions) {
		if cfg.RetryMaxAttempts > 0 {
			o.MaxAttempts = cfg.RetryMaxAttempts
		}
	}
	if cfg.RetryMode == aws.RetryModeAdaptive {
		return retry.NewAdaptiveMode(func(o *retry.AdaptiveModeOptions) { o.StandardOptions = append(o.StandardOptions, bound) })
	}
	return retry.NewStandard(bound)
}

// call is one operation on the bucket or on an object in it.
type call struct {
	method string
	key    string // empty: the bucket itself
	query  url.Values
	header http.Header
	body   []byte
	read   func(*http.Response) error // of an answer of 2xx, once an attempt; nil: nothing in it is wanted
}

// do makes a call, again where that may help, until ctx ends.
func (c *client) do(ctx context.Context, op call) error {
	sum := sha256.Sum256(op.body)
	hash := hex.EncodeToString(sum[:])
	once := func(ctx context.Context, _ middleware.FinalizeInput) (middleware.FinalizeOutput, middleware.Metadata, error) {
		return middleware.FinalizeOutput{}, middleware.Metadata{}, c.once(ctx, op, hash)
	}
	_, _, err := c.attempts.HandleFinalize(ctx, middleware.FinalizeInput{Request: op}, middleware.FinalizeHandlerFunc(once))
	return err
}

func (c *client) once(ctx context.Context, op call, hash string) (err error) {
	req, err := c.request(ctx, op, hash)
	if err != nil {
		return err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return unfinished(ctx, err)
	}
	defer func() {
		_, _ = io.CopyN(io.Discard, res.Body, maxDrained) // what can't be read ends the connection, no more
		err = errors.Join(err, res.Body.Close())
	}()
	if res.StatusCode/100 != 2 {
		return refused(res)
	}
	if op.read == nil {
		return nil
	}
	return op.read(res)
}

// request is the call signed.
func (c *client) request(ctx context.Context, op call, hash string) (*http.Request, error) {
	address := c.url(op.key)
	address.RawQuery = op.query.Encode()
	req, err := http.NewRequestWithContext(ctx, op.method, address.String(), bytes.NewReader(op.body))
	if err != nil {
		return nil, err
	}
	if op.header != nil {
		req.Header = op.header.Clone()
	}
	req.Header.Set("X-Amz-Content-Sha256", hash)
	if len(op.body) > bigBody {
		req.Header.Set("Expect", "100-continue")
	}
	identity, err := c.credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	if err := c.signer.SignHTTP(ctx, identity, req, hash, "s3", c.region, time.Now()); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	req.Header.Set("Accept-Encoding", "identity") // bytes as they are stored; not signed, for proxies change it
	return req, nil
}

// unfinished says to the retryer what became of an exchange that broke off.
func unfinished(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &smithy.CanceledError{Err: ctx.Err()}
	}
	return brokenError{err}
}

// brokenError is a connection that broke before all of the answer was there.
type brokenError struct{ error }

func (e brokenError) Unwrap() error { return e.error }

// ConnectionError is what the SDK's retryer asks.
func (e brokenError) ConnectionError() bool { return true }
