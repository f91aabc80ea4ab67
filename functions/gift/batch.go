package gift

import (
	"context"
	"errors"
	"fmt"

	"github.com/barrage-live/barrage/shared/ledger"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/order"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// MaxBatch is how many requests one transaction settles: enough to share its commit, few enough to hold its locks for
// some tens of milliseconds.
const MaxBatch = 200

// HandleRequests settles the gift requests of one partition and is a stream.BatchFunc. Its steps, each healed by
// redelivery when the process dies behind it: settle in SQL, publish to Kafka, fan out, tell the senders. A replay
// finds the orders ended and does the rest again under the same ids.
func (s *Service) HandleRequests(ctx context.Context, part []stream.Record) (done int, err error) {
	requests, err := parse(part)
	if len(requests) == 0 {
		return 0, err
	}
	gifts, failed := s.byID(ctx)
	if failed != nil {
		return 0, stream.Outage(failed)
	}
	receipts, failed := s.settle(ctx, requests, gifts)
	if failed != nil {
		return 0, failed
	}
	if failed := s.announce(ctx, requests, receipts, gifts); failed != nil {
		return 0, failed
	}
	return len(requests), err
}

// parse reads the records up to the first that can't be read, whose error is Poison.
func parse(part []stream.Record) ([]order.Request, error) {
	requests := make([]order.Request, 0, min(len(part), MaxBatch))
	for _, rec := range part {
		r, err := order.Parse(rec.Value)
		if err != nil {
			return requests, stream.Poison(err)
		}
		requests = append(requests, r)
	}
	return requests, nil
}

// byID is the catalogue as one batch sees it.
func (s *Service) byID(ctx context.Context) (map[live.GiftID]store.Gift, error) {
	list, err := s.Gifts(ctx)
	if err != nil {
		return nil, err
	}
	gifts := make(map[live.GiftID]store.Gift, len(list))
	for _, g := range list {
		gifts[g.ID] = g
	}
	return gifts, nil
}

func (s *Service) settle(ctx context.Context, requests []order.Request, gifts map[live.GiftID]store.Gift) ([]ledger.Receipt, error) {
	rooms := map[live.RoomID]live.Room{}
	orders := make([]ledger.Order, len(requests))
	for i, r := range requests {
		room, seen := rooms[r.Room]
		if !seen {
			var err error
			if room, err = s.roomOf(ctx, r.Room); err != nil {
				return nil, stream.Outage(fmt.Errorf("room %d of order %s: %w", r.Room, r.ID(), err))
			}
			rooms[r.Room] = room
		}
		orders[i] = orderOf(r, room, gifts[r.Gift])
	}
	receipts, err := s.Ledger.Settle(ctx, orders)
	if err != nil {
		return nil, stream.Outage(err)
	}
	for i, r := range receipts {
		if r.Fingerprint != orders[i].Fingerprint {
			s.Logger.WarnContext(ctx, "order id was used for another request", telemetry.Order, r.OrderID)
		}
	}
	return receipts, nil
}

// roomOf returns the zero Room for a room that does not exist: a refusal, not an error.
func (s *Service) roomOf(ctx context.Context, id live.RoomID) (live.Room, error) {
	room, err := s.Rooms(ctx, id)
	if errors.Is(err, store.ErrRoomNotFound) {
		return live.Room{}, nil
	}
	return room, err
}

func orderOf(r order.Request, room live.Room, g store.Gift) ledger.Order {
	o := ledger.Order{ID: string(r.ID()), Fingerprint: r.Fingerprint(), Sender: r.Sender, Anchor: room.AnchorID, Room: r.Room,
		Gift: r.Gift, Count: r.Count, Price: g.Price}
	switch {
	case room.Status != live.RoomLive:
		o.Refusal = ledger.RoomNotLive
	case !g.Active:
		o.Refusal = ledger.UnknownGift
	}
	return o
}
