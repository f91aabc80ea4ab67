-- Raw events, each once however often it is told: of two rows with one id the one that happened first stays. Ids are hashes,
-- so rows of a room lie in no order of time; minutes are what is looked at.
CREATE TABLE IF NOT EXISTS events (
    room_id   Int64,
    event_id  UInt64,
    type      LowCardinality(String),
    user_id   Int64,
    at        DateTime64(3, 'UTC'),
    danmu     UInt64,
    likes     UInt64,
    gifts     UInt64,
    coins     UInt64,
    earliness UInt64 DEFAULT 18446744073709551615 - toUnixTimestamp64Milli(at),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3),
    INDEX stored stored_at TYPE minmax
)
ENGINE = ReplacingMergeTree(earliness)
PARTITION BY toDate(at)
ORDER BY (room_id, event_id)
TTL toDateTime(at) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1;
