//go:build !awsenv

package identity

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
)

// Load finds region, credentials and endpoints as the SDK does everywhere: environment, profiles, a web identity, the
// container's and the machine's role. Nobody is asked before the credentials are needed.
func Load(ctx context.Context) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err == nil && cfg.HTTPClient == nil { // each of the SDK's clients would make its own of the same kind
		cfg.HTTPClient = awshttp.NewBuildableClient()
	}
	return cfg, err
}
