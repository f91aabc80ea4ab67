package gift

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/ledger"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/order"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/wire"
)

// announce publishes what was settled, ranks its senders, shows it to the rooms, and tells every sender how its order ended.
func (s *Service) announce(ctx context.Context, requests []order.Request, receipts []ledger.Receipt, gifts map[live.GiftID]store.Gift) error {
	combos, err := s.combos(ctx, receipts)
	if err != nil {
		return stream.Outage(err)
	}
	var records []stream.Outgoing
	shown := map[live.RoomID][]fanout.Item{}
	for i, r := range receipts {
		if r.Status != ledger.Settled {
			continue
		}
		m, err := event(requests[i], r, gifts[r.Gift], combos[i])
		if err != nil {
			return err
		}
		payload, err := wire.Marshal(m)
		if err != nil {
			return fmt.Errorf("event of order %s: %w", r.OrderID, err)
		}
		records = append(records, stream.RoomValue(ctx, stream.LiveMessages, r.Room, r.OrderID, payload, s.Kafka.Partitions()))
		item := fanout.Item{Sender: "gift", ID: r.OrderID, Class: live.ClassGift, Payload: payload, Settled: true}
		shown[r.Room] = append(shown[r.Room], item)
	}
	if err := s.Kafka.Publish(ctx, records...); err != nil {
		return stream.Outage(fmt.Errorf("publish %d gifts: %w", len(records), err))
	}
	// Before the room hears of them: who then asks for the ranking finds them in it.
	if err := s.rank(ctx, requests, receipts); err != nil {
		return err
	}
	for room, items := range shown {
		if _, err := s.Fanout.Publish(ctx, room, items); err != nil {
			return stream.Outage(fmt.Errorf("fan out %d gifts to room %d: %w", len(items), room, err))
		}
	}
	return s.tell(ctx, requests, receipts)
}

// event is the settled gift as the room and the other functions see it. Its id is the order's, however often it is
// published.
func event(r order.Request, receipt ledger.Receipt, g store.Gift, combo int) (live.Message, error) {
	data, err := json.Marshal(wire.GiftData{Nickname: r.Nickname, Role: r.Role, OrderID: receipt.OrderID, GiftID: receipt.Gift,
		Name: g.Name, Count: receipt.Count, Combo: combo, Cost: receipt.Cost, Effect: g.Effect})
	if err != nil {
		return live.Message{}, fmt.Errorf("event of order %s: %w", receipt.OrderID, err)
	}
	return live.Message{Type: live.Gift, ID: receipt.OrderID, RoomID: receipt.Room, UserID: receipt.Sender, Data: data,
		Timestamp: receipt.SettledAt.UnixMilli(), TraceID: r.TraceID}, nil
}

// tell sends each result to all connections that the sender has in the room.
func (s *Service) tell(ctx context.Context, requests []order.Request, receipts []ledger.Receipt) error {
	for i, r := range receipts {
		data, err := json.Marshal(wire.GiftResultData{OrderID: r.OrderID, Status: string(r.Status), Code: r.Code, Balance: r.Balance})
		if err != nil {
			return fmt.Errorf("result of order %s: %w", r.OrderID, err)
		}
		// The request's room, not the receipt's: an id that was used twice is answered where it was asked.
		payload, err := wire.Marshal(live.Message{Type: live.GiftResult, ID: requests[i].Key, RoomID: requests[i].Room, Data: data})
		if err != nil {
			return fmt.Errorf("result of order %s: %w", r.OrderID, err)
		}
		if err := s.Fanout.Send(ctx, requests[i].Room, requests[i].Sender, payload); err != nil {
			return stream.Outage(fmt.Errorf("send result of order %s: %w", r.OrderID, err))
		}
	}
	return nil
}

// comboFor is how long a combo lasts after its last gift.
const comboFor = 10 * time.Second

// comboOrders bounds how many orders a combo remembers: many more than are ever delivered again.
const comboOrders = 2 * MaxBatch

// comboScript adds an order to its combo, once: KEYS[1] is the combo, ARGV the order, its count, comboFor in ms, and
// comboOrders.
var comboScript = redis.NewScript(`
local had = redis.call('HGET', KEYS[1], ARGV[1])
if had then return tonumber(had) end
local total = redis.call('HINCRBY', KEYS[1], 'total', ARGV[2])
if redis.call('HLEN', KEYS[1]) > tonumber(ARGV[4]) then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'total', total)
end
redis.call('HSET', KEYS[1], ARGV[1], total)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return total`)

// combos returns how many of the same gift the sender has given to the room in one go, this order included. It is
// presentation only: a replay after the combo has ended begins a new one.
func (s *Service) combos(ctx context.Context, receipts []ledger.Receipt) ([]int, error) {
	counts := make([]int, len(receipts))
	for i, r := range receipts {
		if r.Status != ledger.Settled {
			continue
		}
		n, err := comboScript.Run(ctx, s.Redis, []string{roomstate.ComboKey(r.Room, r.Sender, r.Gift)},
			r.OrderID, r.Count, comboFor.Milliseconds(), comboOrders).Int()
		if err != nil {
			return nil, fmt.Errorf("combo of order %s: %w", r.OrderID, err)
		}
		counts[i] = n
	}
	return counts, nil
}
