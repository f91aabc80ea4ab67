-- MySQL commits after every DDL statement: IF NOT EXISTS lets a migration that was cut short run again.

-- +goose Up
CREATE TABLE IF NOT EXISTS users (
    id            BIGINT       NOT NULL AUTO_INCREMENT,
    username      VARCHAR(64)  NOT NULL,
    nickname      VARCHAR(64)  NOT NULL,
    password_hash VARCHAR(255) NOT NULL,
    role          VARCHAR(16)  NOT NULL,
    avatar_url    VARCHAR(1024) NOT NULL DEFAULT '',
    bio           VARCHAR(1000) NOT NULL DEFAULT '',
    created_ms    BIGINT       NOT NULL,
    updated_ms    BIGINT       NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY users_username (username)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- One row a sign-in: secret is the hash of the one refresh token that is valid now.
CREATE TABLE IF NOT EXISTS refresh_families (
    family     BINARY(32) NOT NULL,
    secret     BINARY(32) NOT NULL,
    user_id    BIGINT     NOT NULL,
    created_ms BIGINT     NOT NULL,
    expires_ms BIGINT     NOT NULL,
    reused     BOOLEAN    NOT NULL DEFAULT FALSE,
    PRIMARY KEY (family),
    KEY refresh_families_user (user_id, expires_ms)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS rooms (
    id           BIGINT        NOT NULL AUTO_INCREMENT,
    anchor_id    BIGINT        NOT NULL,
    title        VARCHAR(255)  NOT NULL,
    cover        VARCHAR(1024) NOT NULL DEFAULT '',
    playback_url VARCHAR(1024) NOT NULL DEFAULT '',
    status       TINYINT       NOT NULL DEFAULT 0,
    hot          BIGINT        NOT NULL DEFAULT 0,
    created_ms   BIGINT        NOT NULL,
    updated_ms   BIGINT        NOT NULL,
    started_ms   BIGINT        NULL,
    ended_ms     BIGINT        NULL,
    PRIMARY KEY (id),
    KEY rooms_anchor (anchor_id),
    KEY rooms_new (status, id),
    KEY rooms_hot (status, hot, id),
    KEY rooms_all_hot (hot, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
