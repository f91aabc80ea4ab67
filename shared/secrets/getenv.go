package secrets

import (
	"context"
	"errors"
	"fmt"
)

// Getenv resolves the named settings once: the function it returns gives, for each of them that holds the ARN of a
// secret, the secret's value, and what getenv gives for everything else. The error names every setting that could not be
// read.
func (c *Client) Getenv(ctx context.Context, getenv func(string) string, names ...string) (func(string) string, error) {
	found := make(map[string]string)
	var problems []error
	for _, name := range names {
		given := getenv(name)
		if !IsARN(given) {
			continue
		}
		value, err := c.Value(ctx, given)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
			continue
		}
		found[name] = value
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return func(name string) string {
		if value, ok := found[name]; ok {
			return value
		}
		return getenv(name)
	}, nil
}
