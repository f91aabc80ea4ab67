// Package objectstest gives tests buckets of a real S3 gateway, which checks signatures as the embedded fake does not.
package objectstest

import (
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/barrage-live/barrage/shared/objects"
)

const region = "us-east-1"

// Real makes an empty bucket on the gateway that BARRAGE_TEST_S3 names (http://KEY:SECRET@host:port); without one the test
// is skipped.
func Real(t testing.TB) objects.Config {
	t.Helper()
	raw := os.Getenv("BARRAGE_TEST_S3")
	if raw == "" {
		t.Skip("BARRAGE_TEST_S3 names no server")
	}
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		t.Fatal("BARRAGE_TEST_S3: want http://KEY:SECRET@host:port")
	}
	secret, _ := u.User.Password()
	cfg := objects.Config{
		Bucket: "test-" + strings.ToLower(rand.Text()), Endpoint: u.Scheme + "://" + u.Host, Region: region,
		Key: u.User.Username(), Secret: secret,
	}
	client := s3.New(s3.Options{
		BaseEndpoint: &cfg.Endpoint, UsePathStyle: true, Region: region,
		Credentials: credentials.NewStaticCredentialsProvider(cfg.Key, cfg.Secret, ""),
	})
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(cfg.Bucket)}); err != nil {
		t.Fatal(err)
	}
	return cfg
}
