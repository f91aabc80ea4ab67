package objects_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/barrage-live/barrage/shared/objects"
	"github.com/barrage-live/barrage/shared/objectstest"
)

func TestAWrongSecretIsRefused(t *testing.T) {
	cfg := objectstest.Real(t)
	cfg.Secret += "x"
	if err := open(t, cfg).Put(t.Context(), "a", text, []byte("1")); err == nil {
		t.Error("the server took a wrong signature: what it accepts proves nothing")
	}
}

// The SDK's whole client, which is no part of any binary, is the judge of ours.
func TestTheSDKReadsWhatWeWroteAndWeWhatItWrote(t *testing.T) {
	everywhere(t, func(t *testing.T, cfg objects.Config) {
		b, ctx := open(t, cfg), t.Context()
		sdk := s3.New(s3.Options{
			BaseEndpoint: &cfg.Endpoint, UsePathStyle: true, Region: cfg.Region,
			Credentials: credentials.NewStaticCredentialsProvider(cfg.Key, cfg.Secret, ""),
		})
		const key = "room=1/a b+c/弹幕.json"
		if err := b.Put(ctx, key, text, []byte("ours")); err != nil {
			t.Fatal(err)
		}
		out, err := sdk.GetObject(ctx, &s3.GetObjectInput{Bucket: &cfg.Bucket, Key: aws.String(key)})
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(out.Body)
		if err := out.Body.Close(); err != nil {
			t.Error(err)
		}
		if err != nil || string(body) != "ours" || aws.ToString(out.ContentType) != text {
			t.Errorf("the SDK got %q of type %s, %v", body, aws.ToString(out.ContentType), err)
		}
		_, is, err := b.Get(ctx, key)
		if err != nil || is != objects.Version(aws.ToString(out.ETag)) {
			t.Errorf("got version %q, %v, and the SDK %q", is, err, aws.ToString(out.ETag))
		}
		const its = "room=1/its"
		put, err := sdk.PutObject(ctx, &s3.PutObjectInput{Bucket: &cfg.Bucket, Key: aws.String(its), Body: bytes.NewReader([]byte("its"))})
		if err != nil {
			t.Fatal(err)
		}
		if body, is, err := b.Get(ctx, its); err != nil || string(body) != "its" || is != objects.Version(aws.ToString(put.ETag)) {
			t.Errorf("got %q of version %q, %v", body, is, err)
		}
		if _, err := b.PutIf(ctx, its, text, []byte("ours"), objects.Version(aws.ToString(put.ETag))); err != nil {
			t.Errorf("over the SDK's version: %v", err)
		}
	})
}
