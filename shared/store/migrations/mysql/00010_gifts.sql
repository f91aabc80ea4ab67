-- MySQL commits after every DDL statement: IF NOT EXISTS and IGNORE let a migration that was cut short run again.

-- +goose Up
CREATE TABLE IF NOT EXISTS gifts (
    id         BIGINT       NOT NULL PRIMARY KEY,
    name       VARCHAR(64)  NOT NULL,
    price      BIGINT       NOT NULL,
    icon       VARCHAR(255) NOT NULL DEFAULT '',
    effect     VARCHAR(32)  NOT NULL DEFAULT '',
    active     BOOLEAN      NOT NULL DEFAULT TRUE,
    sort_order INT          NOT NULL DEFAULT 0,
    CONSTRAINT gift_price_positive CHECK (price > 0)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

INSERT IGNORE INTO gifts (id, name, price, icon, effect, sort_order) VALUES
    (1, 'Rose', 1, '🌹', '', 1),
    (2, 'Clap', 5, '👏', '', 2),
    (3, 'Coffee', 20, '☕', '', 3),
    (4, 'Star', 99, '⭐', 'stars', 4),
    (5, 'Rocket', 500, '🚀', 'rocket', 5),
    (6, 'Castle', 5000, '🏰', 'fireworks', 6);

-- An account's balance is balance + the sum of its pending rows. Only a user's own account is debited in place; what
-- many senders pay to one anchor is appended to ledger_pending and folded later, so that it never serializes them.
CREATE TABLE IF NOT EXISTS ledger_accounts (
    name    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    balance BIGINT NOT NULL DEFAULT 0,
    CONSTRAINT account_not_negative CHECK (balance >= 0 OR name = 'payments')
) ENGINE = InnoDB;

-- Double entry: the amounts of one transfer sum to zero. The unique key makes a transfer happen once.
CREATE TABLE IF NOT EXISTS ledger_entries (
    id         BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    transfer   VARCHAR(96)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    account    VARCHAR(64)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    amount     BIGINT       NOT NULL,
    created_ms BIGINT       NOT NULL,
    UNIQUE KEY entry_once (transfer, account),
    KEY entries_of_account (account, id)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS ledger_pending (
    id      BIGINT      NOT NULL AUTO_INCREMENT PRIMARY KEY,
    account VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    amount  BIGINT      NOT NULL,
    KEY pending_of_account (account, amount)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS gift_orders (
    id          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    fingerprint VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    sender_id   BIGINT      NOT NULL,
    anchor_id   BIGINT      NOT NULL,
    room_id     BIGINT      NOT NULL,
    gift_id     BIGINT      NOT NULL,
    gift_count  INT         NOT NULL,
    cost        BIGINT      NOT NULL,
    status      VARCHAR(16) CHARACTER SET ascii NOT NULL,
    code        VARCHAR(32) CHARACTER SET ascii NOT NULL DEFAULT '',
    balance     BIGINT      NOT NULL,
    settled_ms  BIGINT      NOT NULL,
    refunded_ms BIGINT      NULL,
    KEY orders_of_sender (sender_id, settled_ms),
    KEY orders_of_room (room_id, settled_ms),
    KEY orders_by_time (settled_ms)
) ENGINE = InnoDB;

-- +goose Down
DROP TABLE IF EXISTS gift_orders;
DROP TABLE IF EXISTS ledger_pending;
DROP TABLE IF EXISTS ledger_entries;
DROP TABLE IF EXISTS ledger_accounts;
DROP TABLE IF EXISTS gifts;
