// Package secrets reads settings that are kept in AWS Secrets Manager: wherever a setting holds the ARN of a secret, the
// secret's value is meant. Nothing secret is then in a template, a manifest or a process's environment.
package secrets

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/barrage-live/barrage/shared/identity"
)

const (
	// DefaultTTL is how long a value is given without asking again: a rotation is noticed within it.
	DefaultTTL = 5 * time.Minute

	readTimeout = 5 * time.Second
	tries       = 3
	maxBytes    = 64 << 10       // Secrets Manager's own limit
	maxSecrets  = 32             // that one Client keeps
	retryAfter  = time.Second    // a failure is not repeated sooner, however many ask
	staleFor    = 24 * time.Hour // how long the last value stands in while it can't be read again
)

// pattern is the ARN of a secret, in any partition.
var pattern = regexp.MustCompile(`^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^\s:]+$`)

// IsARN says whether the value of a setting is the ARN of a secret rather than the value itself.
func IsARN(value string) bool { return pattern.MatchString(value) }

// reader is the one call that is made; secretsmanager.Client is the one in use.
type reader interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// Client reads secrets and keeps them for a while. Its methods may be called concurrently.
type Client struct {
	connect func(ctx context.Context, region string) (reader, error)
	ttl     time.Duration
	now     func() time.Time

	mu   sync.Mutex
	kept map[string]*entry
}

// entry is one secret. Its lock is held while it is read: whoever asks meanwhile waits for the same answer.
type entry struct {
	turn   chan struct{}
	value  string
	read   time.Time // of the last success; zero: never
	failed time.Time
	err    error // of the last try, when it failed
}

// New makes a client; nothing is asked yet, not even for credentials. ttl 0 is DefaultTTL.
func New(ttl time.Duration) *Client {
	if ttl == 0 {
		ttl = DefaultTTL
	}
	return &Client{connect: connect, ttl: ttl, now: time.Now, kept: make(map[string]*entry)}
}

// connect takes region and credentials from the SDK's default chain, and the endpoint from AWS_ENDPOINT_URL_SECRETS_MANAGER
// or AWS_ENDPOINT_URL where one is set.
func connect(ctx context.Context, region string) (reader, error) {
	cfg, err := identity.Load(ctx)
	if err != nil {
		return nil, err
	}
	cfg.Region, cfg.RetryMaxAttempts = region, tries
	return secretsmanager.NewFromConfig(cfg), nil
}

// Value is the secret's current value, as it was at most the client's ttl ago. While it can't be read again, the last
// value stands in for up to a day: an outage of Secrets Manager must not end sign-ins.
func (c *Client) Value(ctx context.Context, id string) (string, error) {
	e, err := c.entry(id)
	if err != nil {
		return "", err
	}
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return "", fmt.Errorf("read secret %s: %w", id, ctx.Err())
	}
	now := c.now()
	if !e.read.IsZero() && now.Sub(e.read) < c.ttl {
		return e.value, nil
	}
	if e.failed.IsZero() || now.Sub(e.failed) >= retryAfter {
		e.err = c.refresh(ctx, id, e)
	}
	if e.err != nil && (e.read.IsZero() || now.Sub(e.read) >= staleFor) {
		return "", fmt.Errorf("read secret %s: %w", id, e.err)
	}
	return e.value, nil
}

func (c *Client) entry(id string) (*entry, error) {
	if !IsARN(id) {
		return nil, errors.New("read secret: want the ARN of a secret") // what was given may be a secret itself
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.kept[id]
	if !ok {
		if len(c.kept) == maxSecrets {
			return nil, fmt.Errorf("read secret %s: at most %d secrets are kept", id, maxSecrets)
		}
		e = &entry{turn: make(chan struct{}, 1)}
		c.kept[id] = e
	}
	return e, nil
}

// refresh reads once. A caller who gives up counts as no failure of the secret's.
func (c *Client) refresh(ctx context.Context, id string, e *entry) error {
	value, err := c.read(ctx, id)
	if err != nil {
		if ctx.Err() == nil {
			e.failed = c.now()
		}
		return err
	}
	e.value, e.read, e.failed = value, c.now(), time.Time{}
	return nil
}

func (c *Client) read(ctx context.Context, id string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	parsed, err := arn.Parse(id)
	if err != nil {
		return "", err
	}
	sm, err := c.connect(ctx, parsed.Region)
	if err != nil {
		return "", err
	}
	out, err := sm.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(id)})
	if err != nil {
		return "", err
	}
	value := aws.ToString(out.SecretString)
	switch {
	case value == "":
		return "", errors.New("has no text")
	case len(value) > maxBytes:
		return "", fmt.Errorf("longer than %d bytes", maxBytes)
	}
	return value, nil
}
