-- How many watched a room, or all of them (room 0): the most in any sample of the minute.
CREATE TABLE IF NOT EXISTS watching (
    room_id Int64,
    minute  DateTime('UTC'),
    online  SimpleAggregateFunction(max, UInt64)
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (room_id, minute)
TTL minute + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1;
