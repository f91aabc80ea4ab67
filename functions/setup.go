package functions

import (
	"context"
)

// Setup needs Store, Kafka and History. It is called once a release, before the release's other functions, and is the
// only one that has to be allowed to make tables and topics.
func Setup(p Parts) (Function, error) {
	run := func(ctx context.Context) error {
		if err := p.Store.Migrate(ctx); err != nil {
			return err
		}
		if err := p.History.Migrate(ctx); err != nil {
			return err
		}
		return p.Kafka.EnsureTopics(ctx)
	}
	return Function{Name: "setup", Checks: checks{"database": p.Store.Ping, "kafka": p.Kafka.Ping}, Jobs: []Job{{Name: "setup", Run: run}}}, nil
}
