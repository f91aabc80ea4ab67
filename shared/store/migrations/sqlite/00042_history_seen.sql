-- +goose Up
-- The events that a producer may tell again.
CREATE TABLE history_seen (
    id      INTEGER NOT NULL PRIMARY KEY,
    seen_ms INTEGER NOT NULL
);
CREATE INDEX seen_by_age ON history_seen (seen_ms);

-- +goose Down
DROP TABLE history_seen;
