-- How far each partition of the log is counted, and the events that a producer may tell again.

-- +goose Up
CREATE TABLE history_sources (
    topic       VARCHAR(190) NOT NULL,
    part        INT          NOT NULL,
    topic_id    VARCHAR(64)  NOT NULL,
    next_offset BIGINT       NOT NULL,
    PRIMARY KEY (topic, part)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE history_sources;
