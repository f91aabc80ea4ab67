package awsiam

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func caller(t *testing.T, region string) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "a-secret-that-must-not-travel")
	t.Setenv("AWS_SESSION_TOKEN", "of-this-hour")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_REGION", region)
	t.Setenv("AWS_DEFAULT_REGION", "")
}

// A token is a presigned URL of the action rds-db:connect without its scheme
// (Aurora user guide, "Connecting to your DB cluster using IAM authentication").
func TestPasswordIsAPresignedConnect(t *testing.T) {
	caller(t, "eu-west-1")
	const address = "barrage.proxy-abc.eu-west-1.rds.amazonaws.com:3306"
	token, err := Passwords()(t.Context(), address, "barrage")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(token, "://") || strings.Contains(token, "must-not-travel") {
		t.Errorf("got %s: has a scheme or the secret key in it", token)
	}
	u, err := url.Parse("https://" + token)
	if err != nil {
		t.Fatal(err)
	}
	if u.Host != address || strings.Trim(u.Path, "/") != "" {
		t.Errorf("got host %s path %s, want %s", u.Host, u.Path, address)
	}
	for name, want := range map[string]string{
		"Action":               `^connect$`,
		"DBUser":               `^barrage$`,
		"X-Amz-Algorithm":      `^AWS4-HMAC-SHA256$`,
		"X-Amz-Credential":     `^AKIDEXAMPLE/\d{8}/eu-west-1/rds-db/aws4_request$`,
		"X-Amz-Date":           `^\d{8}T\d{6}Z$`,
		"X-Amz-Expires":        `^900$`,
		"X-Amz-Security-Token": `^of-this-hour$`,
		"X-Amz-SignedHeaders":  `^host$`,
		"X-Amz-Signature":      `^[0-9a-f]{64}$`,
	} {
		if got := u.Query().Get(name); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s: got %q, want %s", name, got, want)
		}
	}
}

func TestNoRegionIsTold(t *testing.T) {
	caller(t, "")
	if _, err := Passwords()(t.Context(), "h:3306", "barrage"); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("got %v, want an error that names AWS_REGION", err)
	}
}

func TestAddressWithoutPortIsRefused(t *testing.T) {
	caller(t, "eu-west-1")
	if token, err := Passwords()(t.Context(), "host-without-port", "barrage"); err == nil {
		t.Errorf("got %q, want an error", token)
	}
}
