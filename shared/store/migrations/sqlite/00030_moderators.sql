-- +goose Up
CREATE TABLE moderators (
    room_id      BIGINT NOT NULL,
    user_id      BIGINT NOT NULL,
    appointed_by BIGINT NOT NULL,
    created_ms   BIGINT NOT NULL,
    PRIMARY KEY (room_id, user_id)
) WITHOUT ROWID;
