// Package awsiam signs in at Amazon MSK as the AWS identity of the process: a Lambda's role, a pod's service account, or
// whatever else the SDK's default chain finds. It is a package of its own so that AWS stays out of shared/stream.
package awsiam

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/twmb/franz-go/pkg/sasl"
	mskiam "github.com/twmb/franz-go/pkg/sasl/aws"

	"github.com/barrage-live/barrage/shared/identity"
)

// Mechanism signs in with the credentials that the default chain gives for each new session: they are temporary, and a
// connection opened an hour from now needs those of then. The region comes from the broker's name, else from AWS_REGION.
func Mechanism(ctx context.Context) (sasl.Mechanism, error) {
	cfg, err := identity.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("kafka sign-in by AWS IAM: %w", err)
	}
	return mechanism(cfg.Credentials), nil
}

func mechanism(credentials aws.CredentialsProvider) sasl.Mechanism {
	return mskiam.ManagedStreamingIAM(func(ctx context.Context) (mskiam.Auth, error) {
		c, err := credentials.Retrieve(ctx)
		if err != nil {
			return mskiam.Auth{}, fmt.Errorf("kafka sign-in by AWS IAM: %w", err)
		}
		return mskiam.Auth{AccessKey: c.AccessKeyID, SecretKey: c.SecretAccessKey, SessionToken: c.SessionToken}, nil
	})
}
