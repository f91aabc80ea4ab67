-- One statement, so that it happens as a whole: a sender's gifts to a room are summed from the index alone, after each
-- batch that settles some of them.

-- +goose Up
ALTER TABLE gift_orders
    ADD KEY gifts_of_sender (sender_id, room_id, settled_ms, status, refunded_ms, cost),
    DROP KEY orders_of_sender;

-- +goose Down
ALTER TABLE gift_orders
    ADD KEY orders_of_sender (sender_id, settled_ms),
    DROP KEY gifts_of_sender;
