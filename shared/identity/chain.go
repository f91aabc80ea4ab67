//go:build !awsenv

package identity

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// Load finds region, credentials and endpoints as the SDK does everywhere: environment, profiles, a web identity, the
// container's and the machine's role. Nobody is asked before the credentials are needed.
func Load(ctx context.Context) (aws.Config, error) { return config.LoadDefaultConfig(ctx) }
