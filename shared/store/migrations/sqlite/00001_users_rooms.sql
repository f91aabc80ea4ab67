-- +goose Up
-- AUTOINCREMENT: an id is never given out twice, even after its row is gone.
CREATE TABLE users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    username      TEXT   NOT NULL UNIQUE,
    nickname      TEXT   NOT NULL,
    password_hash TEXT   NOT NULL,
    role          TEXT   NOT NULL,
    avatar_url    TEXT   NOT NULL DEFAULT '',
    bio           TEXT   NOT NULL DEFAULT '',
    created_ms    BIGINT NOT NULL,
    updated_ms    BIGINT NOT NULL
);

-- One row a sign-in: secret is the hash of the one refresh token that is valid now.
CREATE TABLE refresh_families (
    family     BLOB    NOT NULL PRIMARY KEY,
    secret     BLOB    NOT NULL,
    user_id    BIGINT  NOT NULL,
    created_ms BIGINT  NOT NULL,
    expires_ms BIGINT  NOT NULL,
    reused     BOOLEAN NOT NULL DEFAULT FALSE
) WITHOUT ROWID;
CREATE INDEX refresh_families_user ON refresh_families (user_id, expires_ms);

CREATE TABLE rooms (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    anchor_id    BIGINT NOT NULL,
    title        TEXT   NOT NULL,
    cover        TEXT   NOT NULL DEFAULT '',
    playback_url TEXT   NOT NULL DEFAULT '',
    status       INTEGER NOT NULL DEFAULT 0,
    hot          BIGINT NOT NULL DEFAULT 0,
    created_ms   BIGINT NOT NULL,
    updated_ms   BIGINT NOT NULL,
    started_ms   BIGINT NULL,
    ended_ms     BIGINT NULL
);
CREATE INDEX rooms_anchor ON rooms (anchor_id);
CREATE INDEX rooms_new ON rooms (status, id);
CREATE INDEX rooms_hot ON rooms (status, hot, id);
CREATE INDEX rooms_all_hot ON rooms (hot, id);
