-- +goose Up
CREATE TABLE IF NOT EXISTS room_rules (
    room_id      BIGINT NOT NULL PRIMARY KEY,
    version      BIGINT NOT NULL,
    slow_ms      BIGINT NOT NULL DEFAULT 0,
    adaptive     BOOLEAN NOT NULL DEFAULT FALSE,
    display_rate BIGINT NOT NULL DEFAULT 0,
    words        MEDIUMTEXT NOT NULL,
    changed_ms   BIGINT NOT NULL,
    KEY room_rules_changed (changed_ms)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS sanctions (
    room_id    BIGINT NOT NULL,
    kind       VARCHAR(8) NOT NULL,
    user_id    BIGINT NOT NULL,
    until_ms   BIGINT NOT NULL,
    reason     VARCHAR(200) NOT NULL,
    decided_by BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (room_id, kind, user_id),
    KEY sanctions_ends (room_id, until_ms)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS moderation_log (
    id         BIGINT AUTO_INCREMENT PRIMARY KEY,
    room_id    BIGINT NOT NULL,
    action     VARCHAR(16) NOT NULL,
    user_id    BIGINT NOT NULL,
    decided_by BIGINT NOT NULL,
    message_id VARCHAR(64) NOT NULL,
    until_ms   BIGINT NOT NULL,
    reason     VARCHAR(200) NOT NULL,
    detail     VARCHAR(1000) NOT NULL,
    created_ms BIGINT NOT NULL,
    KEY moderation_log_room (room_id, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
