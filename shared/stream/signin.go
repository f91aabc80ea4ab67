package stream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/sasl"
)

// Values of KAFKA_AUTH (CONTRACT §5).
const (
	authNone  = "none"
	authScram = "sasl-scram"
	authIAM   = "aws-iam"
)

// SignIn is the part of a binary's settings that says how it signs in at Kafka.
type SignIn struct {
	Kind     string `env:"KAFKA_AUTH" envDefault:"none"`
	User     string `env:"KAFKA_USER"`
	Password string `env:"KAFKA_PASSWORD"`
	TLS      bool   `env:"KAFKA_TLS" envDefault:"false"` // aws-iam always has it
}

// Check refuses what does not go together, with every problem at once.
func (s SignIn) Check() error {
	switch s.Kind {
	case authNone, authIAM:
		if s.User != "" || s.Password != "" {
			return fmt.Errorf("KAFKA_USER, KAFKA_PASSWORD: without meaning with KAFKA_AUTH=%s", s.Kind)
		}
	case authScram:
		if s.User == "" || s.Password == "" {
			return errors.New("KAFKA_USER, KAFKA_PASSWORD: required with KAFKA_AUTH=" + authScram)
		}
	default:
		return fmt.Errorf("KAFKA_AUTH: want one of %s, %s, %s", authNone, authScram, authIAM)
	}
	return nil
}

// Auth is the sign-in that the settings ask for. iam makes the mechanism of AWS IAM, and is called for that alone.
func (s SignIn) Auth(ctx context.Context, iam func(context.Context) (sasl.Mechanism, error)) (Auth, error) {
	if err := s.Check(); err != nil {
		return Auth{}, err
	}
	auth := Auth{User: s.User, Password: s.Password}
	if s.TLS || s.Kind == authIAM {
		auth.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if s.Kind == authIAM {
		var err error
		if auth.Mechanism, err = iam(ctx); err != nil {
			return Auth{}, err
		}
	}
	return auth, nil
}
