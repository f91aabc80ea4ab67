-- +goose Up
CREATE TABLE history_seen (
    id      BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL,
    PRIMARY KEY (id),
    KEY seen_by_age (seen_ms)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE history_seen;
