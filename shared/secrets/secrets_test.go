package secrets

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

const (
	signingKey = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:barrage/signing-key-AbCdEf"
	webhook    = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:barrage/webhook-AbCdEf"
)

// vault answers in place of Secrets Manager.
type vault struct {
	mu    sync.Mutex
	value string
	err   error
	calls int
	gate  chan struct{} // not nil: calls wait for it
}

func (v *vault) set(value string, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.value, v.err = value, err
}

func (v *vault) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	if v.gate != nil {
		select {
		case <-v.gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls++
	return &secretsmanager.GetSecretValueOutput{SecretString: aws.String(v.value)}, v.err
}

func (v *vault) asked() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.calls
}

func withVault(v *vault) *Client {
	c := New(time.Minute)
	c.connect = func(context.Context, string) (reader, error) { return v, nil }
	return c
}

func TestValueIsKeptAndReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{value: "first"}
		c := withVault(v)
		want := func(value string, calls int) {
			t.Helper()
			got, err := c.Value(t.Context(), signingKey)
			if err != nil || got != value || v.asked() != calls {
				t.Errorf("got %q, %v after %d calls; want %q after %d", got, err, v.asked(), value, calls)
			}
		}
		want("first", 1)
		v.set("rotated", nil)
		time.Sleep(59 * time.Second)
		want("first", 1)
		time.Sleep(time.Second)
		want("rotated", 2)
	})
}

func TestOutageIsBridgedForADayAndNotHammered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{value: "kept"}
		c := withVault(v)
		if _, err := c.Value(t.Context(), signingKey); err != nil {
			t.Fatal(err)
		}
		v.set("", errors.New("out of service"))
		time.Sleep(time.Hour)
		for range 100 {
			if got, err := c.Value(t.Context(), signingKey); err != nil || got != "kept" {
				t.Fatalf("got %q, %v; want the kept value", got, err)
			}
		}
		if v.asked() != 2 {
			t.Errorf("asked %d times, want once more than the first", v.asked())
		}
		time.Sleep(23 * time.Hour)
		if got, err := c.Value(t.Context(), signingKey); err == nil || !strings.Contains(err.Error(), "out of service") {
			t.Errorf("after a day: got %q, %v; want the outage", got, err)
		}
		v.set("back", nil)
		time.Sleep(retryAfter)
		if got, err := c.Value(t.Context(), signingKey); err != nil || got != "back" {
			t.Errorf("got %q, %v; want the new value", got, err)
		}
	})
}

func TestManyWhoAskAtOnceAreOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{value: "shared", gate: make(chan struct{})}
		c := withVault(v)
		var asking sync.WaitGroup
		for range 50 {
			asking.Go(func() {
				if got, err := c.Value(t.Context(), signingKey); err != nil || got != "shared" {
					t.Errorf("got %q, %v", got, err)
				}
			})
		}
		synctest.Wait()
		hasty, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Value(hasty, signingKey); !errors.Is(err, context.Canceled) {
			t.Errorf("who gives up: got %v", err)
		}
		close(v.gate)
		asking.Wait()
		if v.asked() != 1 {
			t.Errorf("asked %d times", v.asked())
		}
	})
}

func TestHangingCallIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := withVault(&vault{gate: make(chan struct{})}).Value(t.Context(), signingKey)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != readTimeout {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
	})
}

func TestWhatIsRefused(t *testing.T) {
	for _, v := range []string{"", strings.Repeat("x", maxBytes+1)} {
		if _, err := withVault(&vault{value: v}).Value(t.Context(), signingKey); err == nil {
			t.Errorf("value of %d bytes was taken", len(v))
		}
	}
	c := withVault(&vault{value: "v"})
	if _, err := c.Value(t.Context(), "the-secret-itself"); err == nil || strings.Contains(err.Error(), "the-secret-itself") {
		t.Errorf("got %v, want an error that does not quote what was given", err)
	}
	for i := range maxSecrets {
		if _, err := c.Value(t.Context(), webhook+string(rune('A'+i))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Value(t.Context(), signingKey); err == nil {
		t.Error("kept more secrets than it may")
	}
}

func TestIsARN(t *testing.T) {
	for value, want := range map[string]bool{
		signingKey: true,
		"arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:x-AbCdEf": true,
		"arn:aws:s3:::bucket":               false,
		"-----BEGIN PRIVATE KEY-----":       false,
		"arn:aws:secretsmanager:::secret:x": false,
		"":                                  false,
	} {
		if IsARN(value) != want {
			t.Errorf("%q: got %v", value, !want)
		}
	}
}

func TestGetenvResolvesWhatIsAnARN(t *testing.T) {
	env := map[string]string{"TOKEN_SIGNING_KEY": signingKey, "REDIS_PASSWORD": "plain", "KAFKA_USER": webhook}
	getenv, err := withVault(&vault{value: "from the vault"}).Getenv(t.Context(), func(n string) string { return env[n] },
		"TOKEN_SIGNING_KEY", "REDIS_PASSWORD", "PAYMENT_WEBHOOK_SECRET")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"TOKEN_SIGNING_KEY": "from the vault", "REDIS_PASSWORD": "plain", "PAYMENT_WEBHOOK_SECRET": "", "KAFKA_USER": webhook,
	} {
		if got := getenv(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	_, err = withVault(&vault{err: errors.New("denied")}).Getenv(t.Context(), func(string) string { return webhook }, "A_KEY", "B_KEY")
	if err == nil || !strings.Contains(err.Error(), "A_KEY") || !strings.Contains(err.Error(), "B_KEY") {
		t.Errorf("got %v, want both names", err)
	}
}
