-- +goose Up
-- A sender's gifts to a room are summed from the index alone, after each batch that settles some of them.
CREATE INDEX gifts_of_sender ON gift_orders (sender_id, room_id, settled_ms, status, refunded_ms, cost);
DROP INDEX orders_of_sender;

-- +goose Down
CREATE INDEX orders_of_sender ON gift_orders (sender_id, settled_ms);
DROP INDEX gifts_of_sender;
