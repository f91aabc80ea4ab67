package fleet

import "github.com/barrage-live/barrage/infra/cdk/servers"

// Settings are those of the fleet that the stack knows, and those that must be the same for functions; infra/k8s has the
// others.
func Settings() []string {
	return []string{
		"ALLOWED_ORIGINS", "JWKS_URL", "KAFKA_BROKERS", "MODERATOR_MESSAGE_RATE", "REDIS_ADDRS", "REDIS_PASSWORD", "REVIEW_HOOK_CONCURRENCY", "REVIEW_HOOK_FAIL_OPEN",
		"REVIEW_HOOK_SECRET", "REVIEW_HOOK_TIMEOUT", "REVIEW_HOOK_URL", "ROOM_API_URL", "ROOM_DISPLAY_RATE", "TOKEN_AUDIENCE", "TOKEN_ISSUER",
		"USER_MESSAGE_RATE",
	}
}

// AllowKafka lets the pods write what viewers say and who is there.
func (f *Fleet) AllowKafka(k *servers.Kafka) {
	k.AllowCluster(f.Pods, "DescribeCluster", "WriteDataIdempotently")
	k.Allow(f.Pods, "topic", writes(), "DescribeTopic", "WriteData")
}

// writes are the topics that pods write: messages, orders of gifts, presence.
func writes() []string { return []string{"live-gift-requests", "live-messages", "live-presence"} }
