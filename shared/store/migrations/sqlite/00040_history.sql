-- +goose Up
-- What happened by the minute, for platforms without ClickHouse: counts of rooms, and in room 0 how many watched in all.
CREATE TABLE history_minutes (
    room_id   INTEGER NOT NULL,
    minute_ms INTEGER NOT NULL,
    online    INTEGER NOT NULL DEFAULT 0,
    danmu     INTEGER NOT NULL DEFAULT 0,
    likes     INTEGER NOT NULL DEFAULT 0,
    gifts     INTEGER NOT NULL DEFAULT 0,
    coins     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (room_id, minute_ms)
) WITHOUT ROWID;
CREATE INDEX minutes_of_all ON history_minutes (minute_ms);

-- +goose Down
DROP TABLE history_minutes;
