//go:build awsenv

package identity

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
)

// A binary that is built with the tag awsenv finds all of it in its environment, where Lambda puts it. The other links of
// the SDK's chain, with their clients of four services, would be a megabyte and a half of it.

// Load reads the environment as the SDK does. The credentials are those of the process, for its life.
func Load(context.Context) (aws.Config, error) {
	env, err := config.NewEnvConfig()
	if err != nil {
		return aws.Config{}, err
	}
	client, err := httpClient(env.CustomCABundle)
	if err != nil {
		return aws.Config{}, err
	}
	cfg := aws.Config{
		Region: env.Region, HTTPClient: client, ConfigSources: []any{env}, RetryMaxAttempts: env.RetryMaxAttempts, RetryMode: env.RetryMode,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			if !env.Credentials.HasKeys() {
				return aws.Credentials{}, errors.New("no AWS credentials in the environment, where this binary looks alone: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
			}
			return env.Credentials, nil
		}),
	}
	if ignore := env.IgnoreConfiguredEndpoints; env.BaseEndpoint != "" && (ignore == nil || !*ignore) {
		cfg.BaseEndpoint = &env.BaseEndpoint
	}
	return cfg, nil
}

// httpClient is the SDK's own, which trusts the certificates of AWS_CA_BUNDLE where one is named.
func httpClient(bundle string) (aws.HTTPClient, error) {
	client := awshttp.NewBuildableClient()
	if bundle == "" {
		return client, nil
	}
	pem, err := os.ReadFile(bundle)
	if err != nil {
		return nil, fmt.Errorf("AWS_CA_BUNDLE: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("AWS_CA_BUNDLE: no certificate in it")
	}
	return client.WithTransportOptions(func(t *http.Transport) {
		t.TLSClientConfig = t.TLSClientConfig.Clone()
		t.TLSClientConfig.RootCAs = roots
	}), nil
}
