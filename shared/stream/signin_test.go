package stream

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sasl"

	"github.com/barrage-live/barrage/shared/settings"
	"github.com/barrage-live/barrage/shared/stream/embedded"
)

// signIn is what a binary reads from such an environment.
func signIn(t *testing.T, env map[string]string) (SignIn, error) {
	t.Helper()
	return settings.Load[SignIn](func(name string) string { return env[name] })
}

func TestScramSettingsSignInAtABrokerThatWantsIt(t *testing.T) {
	b, err := embedded.Start(embedded.Options{User: "barrage", Password: "right"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	s, err := signIn(t, map[string]string{"KAFKA_AUTH": "sasl-scram", "KAFKA_USER": "barrage", "KAFKA_PASSWORD": "right"})
	if err != nil {
		t.Fatal(err)
	}
	auth, err := s.Auth(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, Config{Brokers: []string{b.Addr()}, Auth: auth})
	publish(t, c, newTopic(t, c), 0, 3)
}

func TestIAMSettingsTakeTheMechanismAndTLS(t *testing.T) {
	s, err := signIn(t, map[string]string{"KAFKA_AUTH": "aws-iam"})
	if err != nil {
		t.Fatal(err)
	}
	auth, err := s.Auth(t.Context(), func(context.Context) (sasl.Mechanism, error) { return named("AWS_MSK_IAM"), nil })
	if err != nil {
		t.Fatal(err)
	}
	if auth.TLS == nil || auth.String() != "AWS_MSK_IAM" {
		t.Errorf("got %v with TLS %v, want the mechanism over TLS", auth, auth.TLS)
	}
	none := errors.New("no identity")
	if _, err := s.Auth(t.Context(), func(context.Context) (sasl.Mechanism, error) { return nil, none }); !errors.Is(err, none) {
		t.Errorf("got %v, want %v", err, none)
	}
}

func TestTLSOnlyWhereAskedFor(t *testing.T) {
	for env, want := range map[string]bool{"": false, "true": true} {
		s, err := signIn(t, map[string]string{"KAFKA_TLS": env})
		if err != nil {
			t.Fatal(err)
		}
		if auth, err := s.Auth(t.Context(), nil); err != nil || (auth.TLS != nil) != want {
			t.Errorf("KAFKA_TLS=%q: got TLS %v, %v; want %v", env, auth.TLS != nil, err, want)
		}
	}
}

func TestSignInRefusesWhatDoesNotGoTogether(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"unknown kind":          {"KAFKA_AUTH": "kerberos"},
		"scram without user":    {"KAFKA_AUTH": "sasl-scram", "KAFKA_PASSWORD": "hidden"},
		"password without kind": {"KAFKA_PASSWORD": "hidden"},
		"password with iam":     {"KAFKA_AUTH": "aws-iam", "KAFKA_USER": "barrage", "KAFKA_PASSWORD": "hidden"},
	} {
		_, err := signIn(t, env)
		if err == nil {
			t.Errorf("%s: got no error", name)
		} else if strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v tells the password", name, err)
		}
	}
}

// named is a mechanism that has a name and nothing else.
type named string

func (n named) Name() string { return string(n) }

func (n named) Authenticate(context.Context, string) (sasl.Session, []byte, error) {
	return nil, nil, errors.New("not here")
}
