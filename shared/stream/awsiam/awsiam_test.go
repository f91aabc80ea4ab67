package awsiam

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/twmb/franz-go/pkg/sasl"
)

const broker = "b-1.barrage.abc123.c2.kafka.eu-west-1.amazonaws.com:9098"

// hello is what a broker reads first (github.com/aws/aws-msk-iam-auth, "Details").
func hello(t *testing.T, m sasl.Mechanism) map[string]string {
	t.Helper()
	_, text, err := m.Authenticate(t.Context(), broker)
	if err != nil {
		t.Fatal(err)
	}
	fields := make(map[string]string)
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return fields
}

func TestMechanismSignsWithTheEnvironmentsIdentity(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "a-secret-that-must-not-travel")
	t.Setenv("AWS_SESSION_TOKEN", "of-this-hour")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	m, err := Mechanism(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if m.Name() != "AWS_MSK_IAM" {
		t.Errorf("got mechanism %s", m.Name())
	}
	got := hello(t, m)
	for field, want := range map[string]string{
		"action":               `^kafka-cluster:Connect$`,
		"host":                 `^b-1\.barrage\.abc123\.c2\.kafka\.eu-west-1\.amazonaws\.com$`,
		"x-amz-algorithm":      `^AWS4-HMAC-SHA256$`,
		"x-amz-credential":     `^AKIDEXAMPLE/\d{8}/eu-west-1/kafka-cluster/aws4_request$`,
		"x-amz-date":           `^\d{8}T\d{6}Z$`,
		"x-amz-security-token": `^of-this-hour$`,
		"x-amz-signedheaders":  `^host$`,
		"x-amz-signature":      `^[0-9a-f]{64}$`,
	} {
		if !regexp.MustCompile(want).MatchString(got[field]) {
			t.Errorf("%s: got %q, want %s", field, got[field], want)
		}
	}
	if strings.Contains(fmt.Sprint(got), "must-not-travel") {
		t.Error("the secret key is in what is sent")
	}
}

func TestEachSessionAsksForCredentialsAgain(t *testing.T) {
	asked := 0
	m := mechanism(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		asked++
		return aws.Credentials{AccessKeyID: fmt.Sprintf("KEY%d", asked), SecretAccessKey: "s"}, nil
	}))
	for want := 1; want <= 2; want++ {
		if got := hello(t, m)["x-amz-credential"]; !strings.HasPrefix(got, fmt.Sprintf("KEY%d/", want)) {
			t.Errorf("session %d: got credential %q", want, got)
		}
	}
}

func TestSessionWithoutCredentialsFails(t *testing.T) {
	none := errors.New("no role here")
	m := mechanism(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, none }))
	if _, _, err := m.Authenticate(t.Context(), broker); !errors.Is(err, none) {
		t.Errorf("got %v, want %v", err, none)
	}
}
