package objects

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/barrage-live/barrage/shared/identity"
)

// Config says where the bucket is. Only Bucket must be set: the rest comes from the SDK's own variables and roles.
type Config struct {
	Bucket   string
	Endpoint string        // of a store of one's own, whose buckets are addressed by path; empty: AWS_ENDPOINT_URL_S3, else AWS itself
	Region   string        // empty: AWS_REGION, or us-east-1
	Key      string        // with Secret, fixed credentials; empty: the SDK's chain, which ends at the machine's role
	Secret   string        //
	Timeout  time.Duration // of one call with its retries; 0 is 30 s
}

// maxConns bounds the connections of one client: a function that writes a thousand objects must not open a thousand.
const maxConns = 64

// Open makes the client. It asks nobody: see Ping.
func Open(ctx context.Context, cfg Config) (*Bucket, error) {
	if cfg.Bucket == "" {
		return nil, errors.New("objects: the bucket's name is needed")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	loaded, err := load(ctx, cfg)
	if err != nil {
		return nil, err
	}
	where, err := find(ctx, cfg.Bucket, cfg.Endpoint, loaded)
	if err != nil {
		return nil, err
	}
	return &Bucket{client: newClient(where, loaded), name: cfg.Bucket, timeout: cfg.Timeout}, nil
}

// load asks the SDK for what cfg leaves open.
func load(ctx context.Context, cfg Config) (aws.Config, error) {
	loaded, err := identity.Load(ctx)
	if err != nil {
		return aws.Config{}, fmt.Errorf("objects: %w", err)
	}
	if c, ok := loaded.HTTPClient.(*awshttp.BuildableClient); ok {
		loaded.HTTPClient = c.WithTransportOptions(func(t *http.Transport) {
			t.MaxConnsPerHost, t.MaxIdleConnsPerHost = maxConns, maxConns
			t.ResponseHeaderTimeout = cfg.Timeout
		})
	}
	if cfg.Key != "" {
		loaded.Credentials = credentials.NewStaticCredentialsProvider(cfg.Key, cfg.Secret, "")
	}
	loaded.Region = cmp.Or(cfg.Region, loaded.Region, "us-east-1")
	return loaded, nil
}

// wrap names the operation and the object, and turns S3's refusals into the errors that callers know.
func (b *Bucket) wrap(op, key string, err error) error {
	if err == nil {
		return nil
	}
	switch statusOf(err) {
	case http.StatusNotFound:
		// A bucket that is missing is 404, too, but nothing that a caller may take for an empty archive.
		if op != "ping" && !isNoBucket(err) {
			err = ErrNotFound
		}
	case http.StatusPreconditionFailed, http.StatusConflict: // conflict: another conditional write is under way
		err = ErrChanged
	}
	return fmt.Errorf("%s %s/%s: %w", op, b.name, key, err)
}

func isNoBucket(err error) bool {
	var coded interface{ ErrorCode() string }
	return errors.As(err, &coded) && coded.ErrorCode() == "NoSuchBucket"
}

func statusOf(err error) int {
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}
