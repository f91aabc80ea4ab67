// Package awsiam makes the passwords with which the AWS identity of the process signs in at RDS, Aurora and RDS Proxy.
// It is a package of its own so that AWS stays out of shared/store.
package awsiam

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/rds/auth"

	"github.com/barrage-live/barrage/shared/identity"
)

// Passwords gives the password for a new connection of user to the server at address (host:port): a token that is signed
// here, without a call to AWS, and that the server takes for 15 minutes. A connection made with it lives longer.
// Region and identity are looked for when the first one is asked for.
func Passwords() func(ctx context.Context, address, user string) (string, error) {
	found := sync.OnceValues(load)
	return func(ctx context.Context, address, user string) (string, error) {
		cfg, err := found()
		if err != nil {
			return "", fmt.Errorf("database sign-in by AWS IAM: %w", err)
		}
		token, err := auth.BuildAuthToken(ctx, address, cfg.Region, user, cfg.Credentials)
		if err != nil {
			return "", fmt.Errorf("database sign-in by AWS IAM: %w", err)
		}
		return token, nil
	}
}

// load must not depend on the one caller's context: what it finds serves all that come later.
func load() (aws.Config, error) {
	cfg, err := identity.Load(context.Background())
	if err == nil && cfg.Region == "" {
		err = errors.New("no region: set AWS_REGION")
	}
	return cfg, err
}
