-- +goose Up
CREATE TABLE gifts (
    id         INTEGER NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    price      INTEGER NOT NULL CHECK (price > 0),
    icon       TEXT    NOT NULL DEFAULT '',
    effect     TEXT    NOT NULL DEFAULT '',
    active     BOOLEAN NOT NULL DEFAULT TRUE,
    sort_order INTEGER NOT NULL DEFAULT 0
);

INSERT INTO gifts (id, name, price, icon, effect, sort_order) VALUES
    (1, 'Rose', 1, '🌹', '', 1),
    (2, 'Clap', 5, '👏', '', 2),
    (3, 'Coffee', 20, '☕', '', 3),
    (4, 'Star', 99, '⭐', 'stars', 4),
    (5, 'Rocket', 500, '🚀', 'rocket', 5),
    (6, 'Castle', 5000, '🏰', 'fireworks', 6);

-- An account's balance is balance + the sum of its pending rows. Only a user's own account is debited in place; what
-- many senders pay to one anchor is appended to ledger_pending and folded later, so that it never serializes them.
CREATE TABLE ledger_accounts (
    name    TEXT    NOT NULL PRIMARY KEY,
    balance INTEGER NOT NULL DEFAULT 0,
    CHECK (balance >= 0 OR name = 'payments')
);

-- Double entry: the amounts of one transfer sum to zero. The unique key makes a transfer happen once.
CREATE TABLE ledger_entries (
    id         INTEGER  NOT NULL PRIMARY KEY AUTOINCREMENT,
    transfer   TEXT     NOT NULL,
    account    TEXT     NOT NULL,
    amount     INTEGER  NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (transfer, account)
);
CREATE INDEX entries_of_account ON ledger_entries (account, id);

CREATE TABLE ledger_pending (
    id      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account TEXT    NOT NULL,
    amount  INTEGER NOT NULL
);
CREATE INDEX pending_of_account ON ledger_pending (account, amount);

CREATE TABLE gift_orders (
    id          TEXT     NOT NULL PRIMARY KEY,
    fingerprint TEXT     NOT NULL,
    sender_id   INTEGER  NOT NULL,
    anchor_id   INTEGER  NOT NULL,
    room_id     INTEGER  NOT NULL,
    gift_id     INTEGER  NOT NULL,
    gift_count  INTEGER  NOT NULL,
    cost        INTEGER  NOT NULL,
    status      TEXT     NOT NULL,
    code        TEXT     NOT NULL DEFAULT '',
    balance     INTEGER  NOT NULL,
    settled_ms  INTEGER NOT NULL,
    refunded_ms INTEGER NULL
);
CREATE INDEX orders_of_sender ON gift_orders (sender_id, settled_ms);
CREATE INDEX orders_of_room ON gift_orders (room_id, settled_ms);
CREATE INDEX orders_by_time ON gift_orders (settled_ms);

-- +goose Down
DROP TABLE gift_orders;
DROP TABLE ledger_pending;
DROP TABLE ledger_entries;
DROP TABLE ledger_accounts;
DROP TABLE gifts;
