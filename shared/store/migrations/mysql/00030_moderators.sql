-- +goose Up
CREATE TABLE IF NOT EXISTS moderators (
    room_id      BIGINT NOT NULL,
    user_id      BIGINT NOT NULL,
    appointed_by BIGINT NOT NULL,
    created_ms   BIGINT NOT NULL,
    PRIMARY KEY (room_id, user_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
