package identity_test

import (
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/barrage-live/barrage/shared/identity"
)

// The same of both builds: go test -tags awsenv.
func TestLoadTakesWhatLambdaSets(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "of-this-hour",
		"AWS_MAX_ATTEMPTS": "5", "AWS_RETRY_MODE": "adaptive", "AWS_ENDPOINT_URL": "http://all:4566", "AWS_CONFIG_FILE": "/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_CA_BUNDLE": "", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "",
	} {
		t.Setenv(name, value)
	}
	cfg, err := identity.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Region != "eu-west-1" || cfg.RetryMaxAttempts != 5 || cfg.RetryMode != aws.RetryModeAdaptive || aws.ToString(cfg.BaseEndpoint) != "http://all:4566" ||
		len(cfg.ConfigSources) == 0 || cfg.HTTPClient == nil {
		t.Errorf("got region %s, %d attempts in mode %s, endpoint %s, %d sources, client %v", cfg.Region, cfg.RetryMaxAttempts, cfg.RetryMode,
			aws.ToString(cfg.BaseEndpoint), len(cfg.ConfigSources), cfg.HTTPClient)
	}
	got, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil || got.AccessKeyID != "AKID" || got.SecretAccessKey != "secret" || got.SessionToken != "of-this-hour" {
		t.Errorf("got other credentials, %v", err)
	}
	t.Setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
	if cfg, err = identity.Load(t.Context()); err != nil || cfg.BaseEndpoint != nil {
		t.Errorf("got the endpoint %v, %v though none shall be", cfg.BaseEndpoint, err)
	}
	t.Setenv("AWS_CA_BUNDLE", filepath.Join(t.TempDir(), "none.pem"))
	if _, err := identity.Load(t.Context()); err == nil {
		t.Error("certificates that are not there: got no error")
	}
}
