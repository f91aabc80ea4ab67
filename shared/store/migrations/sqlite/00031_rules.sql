-- +goose Up
CREATE TABLE room_rules (
    room_id      INTEGER NOT NULL PRIMARY KEY,
    version      BIGINT NOT NULL,
    slow_ms      BIGINT NOT NULL DEFAULT 0,
    adaptive     BOOLEAN NOT NULL DEFAULT FALSE,
    display_rate BIGINT NOT NULL DEFAULT 0,
    words        TEXT NOT NULL,
    changed_ms   BIGINT NOT NULL
);
CREATE INDEX room_rules_changed ON room_rules (changed_ms);
CREATE TABLE sanctions (
    room_id    BIGINT NOT NULL,
    kind       VARCHAR(8) NOT NULL,
    user_id    BIGINT NOT NULL,
    until_ms   BIGINT NOT NULL,
    reason     VARCHAR(200) NOT NULL,
    decided_by BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (room_id, kind, user_id)
) WITHOUT ROWID;
CREATE INDEX sanctions_ends ON sanctions (room_id, until_ms);
CREATE TABLE moderation_log (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    room_id    BIGINT NOT NULL,
    action     VARCHAR(16) NOT NULL,
    user_id    BIGINT NOT NULL,
    decided_by BIGINT NOT NULL,
    message_id VARCHAR(64) NOT NULL,
    until_ms   BIGINT NOT NULL,
    reason     VARCHAR(200) NOT NULL,
    detail     VARCHAR(1000) NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX moderation_log_room ON moderation_log (room_id, id);
