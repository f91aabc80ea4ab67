-- What happened by the minute, for platforms without ClickHouse: counts of rooms, and in room 0 how many watched in all.

-- +goose Up
CREATE TABLE history_minutes (
    room_id   BIGINT NOT NULL,
    minute_ms BIGINT NOT NULL,
    online    BIGINT NOT NULL DEFAULT 0,
    danmu     BIGINT NOT NULL DEFAULT 0,
    likes     BIGINT NOT NULL DEFAULT 0,
    gifts     BIGINT NOT NULL DEFAULT 0,
    coins     BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (room_id, minute_ms),
    KEY minutes_of_all (minute_ms)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE history_minutes;
