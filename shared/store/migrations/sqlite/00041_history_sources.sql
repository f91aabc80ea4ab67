-- +goose Up
-- How far each partition of the log is counted.
CREATE TABLE history_sources (
    topic       TEXT    NOT NULL,
    part        INTEGER NOT NULL,
    topic_id    TEXT    NOT NULL,
    next_offset INTEGER NOT NULL,
    PRIMARY KEY (topic, part)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE history_sources;
