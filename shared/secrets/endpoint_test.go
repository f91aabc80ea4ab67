package secrets

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

var caller = aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret-key", SessionToken: "of-this-hour"}

// endpoint speaks the protocol of Secrets Manager on loopback and refuses what is not signed by caller.
type endpoint struct {
	t      *testing.T
	value  string
	broken int // so many answers are 500 first
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		e.t.Error(err)
		return
	}
	if want := e.sign(r, body); r.Header.Get("Authorization") != want {
		e.t.Errorf("got authorization %s, want %s", r.Header.Get("Authorization"), want)
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"__type":"InvalidSignatureException","message":"signature does not match"}`)
		return
	}
	if e.broken > 0 {
		e.broken--
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"__type":"InternalServiceError"}`)
		return
	}
	if got := r.Header.Get("X-Amz-Target"); got != "secretsmanager.GetSecretValue" {
		e.t.Errorf("got target %s", got)
	}
	var asked struct{ SecretId string }
	if err := json.Unmarshal(body, &asked); err != nil || asked.SecretId != signingKey {
		e.t.Errorf("got body %s, %v", body, err)
	}
	_ = json.NewEncoder(w).Encode(map[string]string{"ARN": asked.SecretId, "SecretString": e.value})
}

// sign computes what the Authorization header must be, from the headers that it says it signs and the secret that only
// the two sides know.
func (e *endpoint) sign(r *http.Request, body []byte) string {
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		e.t.Errorf("X-Amz-Date: %v", err)
	}
	again, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+r.Host+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		e.t.Error(err)
		return ""
	}
	_, signed, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	signed, _, _ = strings.Cut(signed, ",")
	for _, must := range []string{"host", "x-amz-date", "x-amz-target", "x-amz-security-token"} {
		if !strings.Contains(";"+signed+";", ";"+must+";") {
			e.t.Errorf("header %s is not signed: %s", must, signed)
		}
	}
	for name := range strings.SplitSeq(signed, ";") {
		if name != "host" && name != "content-length" {
			again.Header.Set(name, r.Header.Get(name))
		}
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(r.Context(), caller, again, hex.EncodeToString(sum[:]), "secretsmanager", "eu-west-1", at); err != nil {
		e.t.Error(err)
	}
	return again.Header.Get("Authorization")
}

func serve(t *testing.T, e *endpoint) {
	t.Helper()
	e.t = t
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": server.URL,
		"AWS_ACCESS_KEY_ID":                caller.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY":            caller.SecretAccessKey,
		"AWS_SESSION_TOKEN":                caller.SessionToken,
		"AWS_EC2_METADATA_DISABLED":        "true",
		"AWS_CONFIG_FILE":                  "/dev/null",
		"AWS_REGION":                       "us-east-1", // the secret's own region counts
	} {
		t.Setenv(name, value)
	}
}

func TestRequestIsSignedForTheSecretsRegion(t *testing.T) {
	serve(t, &endpoint{value: "-----BEGIN PRIVATE KEY-----"})
	got, err := New(0).Value(t.Context(), signingKey)
	if err != nil || got != "-----BEGIN PRIVATE KEY-----" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAFailureOfTheServiceIsTriedAgain(t *testing.T) {
	serve(t, &endpoint{value: "late", broken: 1})
	if got, err := New(0).Value(t.Context(), signingKey); err != nil || got != "late" {
		t.Errorf("got %q, %v", got, err)
	}
}
