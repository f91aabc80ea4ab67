package manifest

import "time"

// The topics of the platform, as shared/stream has them (a test compares).
const (
	liveMessages     = "live-messages"
	liveGiftRequests = "live-gift-requests"
	livePresence     = "live-presence"
)

// Functions is the table. A new function gets its row here, its wiring in package functions and a main a host.
func Functions() []Function {
	return []Function{
		{
			// Memory buys processor time, and argon2id wants 19 MiB and a core for each login.
			Name: "auth", MemoryMB: 1024, Timeout: 15 * time.Second,
			Routes: []string{"/.well-known/jwks.json", "/api/v1/auth/{proxy+}", "/api/v1/users/{proxy+}"},
			Uses:   []Resource{Database, Redis, Signer, Covers},
		}, {
			Name: "room", MemoryMB: 512, Timeout: 15 * time.Second,
			Routes: []string{"/api/v1/rooms", "/api/v1/rooms/{proxy+}"},
			Uses:   []Resource{Database, Redis, Kafka, Tokens, Covers},
			Settings: []string{
				"BLOCKED_WORDS_FILES", "MODERATOR_MESSAGE_RATE", "PUBLIC_SOCKET_URL", "REVIEW_HOOK_CONCURRENCY", "REVIEW_HOOK_FAIL_OPEN", "REVIEW_HOOK_SECRET",
				"REVIEW_HOOK_TIMEOUT", "REVIEW_HOOK_URL", "ROOM_DISPLAY_RATE", "USER_MESSAGE_RATE",
			},
			Jobs:   []Job{{Name: "heal", Every: time.Minute}},
			Writes: []string{liveMessages},
		}, {
			// A client may wait for its order up to 30 s, which is the HTTP API's own end.
			Name: "gift", MemoryMB: 512, Timeout: 30 * time.Second,
			Routes: []string{
				"/api/v1/gifts", "/api/v1/gifts/{proxy+}", "/api/v1/rooms/{id}/gifts",
				"/api/v1/wallet", "/api/v1/wallet/{proxy+}",
			},
			Batches:  []Batch{batch(liveGiftRequests, "gift", 200, 0)},
			Jobs:     []Job{{Name: "fold", Every: 10 * time.Second}},
			Uses:     []Resource{Database, Redis, Kafka, Tokens},
			Settings: []string{"ANCHOR_PER_MILLE", "PAYMENT_WEBHOOK_SECRET"},
			Writes:   []string{liveGiftRequests, liveMessages},
		}, {
			Name: "stats", MemoryMB: 1024, Timeout: 30 * time.Second,
			Routes: []string{"/api/v1/stats/{proxy+}"},
			Batches: []Batch{
				batch(liveMessages, "stats", 1000, 50*time.Millisecond),
				batch(livePresence, "stats-presence", 1000, 50*time.Millisecond),
			},
			Jobs:     []Job{{Name: "sample", Every: 10 * time.Second}},
			Uses:     []Resource{Database, Redis, Kafka, History, Tokens},
			Settings: []string{"HOT_COIN_POINTS", "HOT_DANMU_POINTS", "HOT_HALF_LIFE", "HOT_LIKE_POINTS", "HOT_VIEWER_POINTS"},
			Watches:  []string{"archive", "gift", "history", "stats", "stats-presence"},
		}, {
			Name: "history", MemoryMB: 1024, Timeout: time.Minute,
			Batches: []Batch{batch(liveMessages, "history", 5000, time.Second)},
			Jobs:    []Job{{Name: "prune", Every: time.Hour}},
			Uses:    []Resource{Database, Redis, Kafka, History},
		}, {
			// Memory holds the objects that a batch adds to, eight at once.
			Name: "archive", MemoryMB: 1769, Timeout: 30 * time.Second,
			Routes:   []string{"/api/v1/rooms/{id}/replay", "/api/v1/rooms/{id}/sessions"},
			Batches:  []Batch{batch(liveMessages, "archive", 10_000, 5*time.Second)},
			Jobs:     []Job{{Name: "prune", Every: 24 * time.Hour}, {Name: "join", Every: 10 * time.Minute}},
			Uses:     []Resource{Kafka, Archive, Tokens},
			Settings: []string{"ARCHIVE_DAYS"},
		}, {
			// Tables and topics, before a release's functions.
			Name: "setup", MemoryMB: 512, Timeout: 5 * time.Minute,
			Jobs: []Job{{Name: "setup"}},
			Uses: []Resource{Database, Kafka, History},
		},
	}
}

// batch gives a topic the bounds that all share. A record that can't be handled goes to the dead letters by the
// function's own doing (stream.WithDeadLetters); Lambda's bounds only end what not even that could end.
func batch(topic, group string, size int, window time.Duration) Batch {
	return Batch{
		Topic: topic, Group: group, Size: size, Window: window, OnFailure: topic + ".dlq",
		MaxAttempts: 100, MaxAge: 24 * time.Hour, MinPollers: 1, MaxPollers: 10,
	}
}
