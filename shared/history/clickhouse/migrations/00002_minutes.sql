-- Counts by the minute. A minute is never added to: it is counted anew from its events when some were stored, and the last
-- count stands. So what is stored twice, in whatever portions, counts once.
CREATE TABLE IF NOT EXISTS minutes (
    room_id    Int64,
    minute     DateTime('UTC'),
    danmu      UInt64,
    likes      UInt64,
    gifts      UInt64,
    coins      UInt64,
    counted_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(counted_at)
PARTITION BY toYYYYMM(minute)
ORDER BY (room_id, minute)
TTL minute + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1;

-- The minutes whose events were stored since the last count, with half a minute to spare for what was on its way then.
CREATE VIEW IF NOT EXISTS minutes_since AS
SELECT room_id, toStartOfMinute(at) AS minute,
       sum(danmu) AS danmu, sum(likes) AS likes, sum(gifts) AS gifts, sum(coins) AS coins, now64(3) AS counted_at
FROM events FINAL
WHERE (room_id, toStartOfMinute(at)) IN (
    SELECT room_id, toStartOfMinute(at) FROM events
    WHERE stored_at >= (SELECT max(counted_at) FROM minutes) - INTERVAL 30 SECOND)
GROUP BY room_id, minute;

CREATE MATERIALIZED VIEW IF NOT EXISTS minutes_counted REFRESH EVERY 1 MINUTE APPEND TO minutes AS SELECT * FROM minutes_since;
