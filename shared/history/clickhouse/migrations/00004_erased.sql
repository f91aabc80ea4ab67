-- Users whose events are nobody's, up to a moment: for as long as Kafka may deliver them again.
CREATE TABLE IF NOT EXISTS erased (
    user_id Int64,
    until   DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(until)
ORDER BY user_id
TTL toDateTime(until) + INTERVAL 8 DAY;
