package function

import (
	"fmt"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"

	"github.com/barrage-live/barrage/functions/manifest"
)

// Value is what a setting is set to, and the right to use what it names.
type Value struct {
	text  *string
	allow func(awsiam.IGrantable) // nil: the name alone is enough
}

// Text is a value that needs no right.
func Text(text *string) Value { return Value{text: text} }

// With is a value, and who is given it may do something.
func With(text *string, allow func(awsiam.IGrantable)) Value { return Value{text: text, allow: allow} }

// Secret is the ARN of a secret, which the program reads at its start.
func Secret(s awssecretsmanager.ISecret) Value {
	return Value{text: s.SecretArn(), allow: func(who awsiam.IGrantable) { s.GrantRead(who, nil) }}
}

// Bucket is the name of a bucket to read from and write to.
func Bucket(b awss3.IBucket) Value {
	return Value{text: b.BucketName(), allow: func(who awsiam.IGrantable) { b.GrantReadWrite(who, nil) }}
}

// Settings are the values of the platform by environment name.
type Settings map[string]Value

// For picks those that a function reads. One that it can't start without must be there.
func (s Settings) For(f manifest.Function) (map[string]Value, error) {
	for _, name := range f.Required() {
		if _, ok := s[name]; !ok {
			return nil, fmt.Errorf("function %s needs %s, which nothing here sets", f.Name, name)
		}
	}
	return s.Only(f.Env()), nil
}

// Only picks the values of the names.
func (s Settings) Only(names []string) map[string]Value {
	picked := map[string]Value{}
	for name, v := range s {
		if slices.Contains(names, name) {
			picked[name] = v
		}
	}
	return picked
}

// Grant gives who the rights that go with the values.
func Grant(values map[string]Value, who awsiam.IGrantable) {
	for _, name := range sorted(values) {
		if allow := values[name].allow; allow != nil {
			allow(who)
		}
	}
}

// Env are the values as a Lambda function takes them.
func Env(values map[string]Value) *map[string]*string {
	env := map[string]*string{}
	for name, v := range values {
		env[name] = v.text
	}
	return &env
}

func sorted(values map[string]Value) []string {
	var names []string
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Text is the value itself.
func (v Value) Text() *string { return v.text }
