package gift_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/ledger"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/order"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/storetest"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/wire"
)

func request(from live.UserID, room live.RoomID, giftID live.GiftID, count int, key string) order.Request {
	return order.Request{Sender: from, Nickname: "n", Role: live.RoleViewer, Room: room, Gift: giftID, Count: count, Key: key, At: time.Now()}
}

func record(t *testing.T, offset int64, r order.Request) stream.Record {
	t.Helper()
	m, err := r.Message()
	must(t, err)
	value, err := wire.Marshal(m)
	must(t, err)
	return stream.Record{Topic: stream.LiveGiftRequests, Offset: offset, Value: value}
}

func (b *bench) handle(want int, recs ...stream.Record) {
	b.t.Helper()
	done, err := b.service.HandleRequests(b.t.Context(), recs)
	must(b.t, err)
	if done != want {
		b.t.Fatalf("done %d, want %d", done, want)
	}
}

func (b *bench) shown() []wire.GiftData {
	b.t.Helper()
	stored, _, err := fanout.NewHistory(b.redis).Latest(b.t.Context(), liveRoom, 100)
	must(b.t, err)
	var gifts []wire.GiftData
	for _, one := range stored {
		m, err := wire.Unmarshal(one.Payload)
		must(b.t, err)
		var d wire.GiftData
		must(b.t, json.Unmarshal(m.Data, &d))
		if m.ID != d.OrderID || m.Type != live.Gift {
			b.t.Errorf("event %+v", m)
		}
		gifts = append(gifts, d)
	}
	return gifts
}

func TestSettledGiftsAreShownOnceWithTheirCombo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := newBench(t, s)
		b.topUp(alice, 100, "p")
		batch := []stream.Record{
			record(t, 0, request(alice, liveRoom, 1, 2, "a")), record(t, 1, request(alice, liveRoom, 1, 3, "b")),
			record(t, 2, request(bob, liveRoom, 1, 1, "a")), record(t, 3, request(alice, liveRoom, 2, 1, "c")),
		}
		for range 3 { // redelivered as often as you like
			b.handle(4, batch...)
		}
		got := b.shown()
		if len(got) != 3 || got[0].Combo != 2 || got[1].Combo != 5 || got[2].Combo != 1 || got[1].Cost != 3 || got[2].Name != "Clap" {
			t.Errorf("shown: %+v", got)
		}
		b.wantBalance(ledger.User(alice), 90)
		b.wantBalance(ledger.Anchor(anchor), 5-1) // halves of 2, 3 and 5, rounded down
	})
}

func TestBigGiftsBearTheirEffect(t *testing.T) {
	b := newBench(t, sqlite(t))
	b.topUp(alice, 600, "p")
	b.handle(2, record(t, 0, request(alice, liveRoom, 1, 1, "a")), record(t, 1, request(alice, liveRoom, 5, 1, "b")))
	if got := b.shown(); len(got) != 2 || got[0].Effect != "" || got[1].Effect != "rocket" {
		t.Errorf("shown: %+v", got)
	}
}

func TestRefusalsAreResults(t *testing.T) {
	b := newBench(t, sqlite(t))
	b.topUp(alice, 3, "p")
	b.handle(5, record(t, 0, request(alice, endedRoom, 1, 1, "a")), record(t, 1, request(alice, 99, 1, 1, "b")),
		record(t, 2, request(alice, liveRoom, 77, 1, "c")), record(t, 3, request(alice, liveRoom, 1, 4, "d")), record(t, 4, request(alice, liveRoom, 1, 3, "e")))
	for key, want := range map[string]string{"a": ledger.RoomNotLive, "b": ledger.RoomNotLive, "c": ledger.UnknownGift, "d": ledger.InsufficientBalance, "e": ""} {
		r, err := b.ledger.Order(t.Context(), string(request(alice, liveRoom, 1, 1, key).ID()))
		must(t, err)
		if r.Code != want {
			t.Errorf("order %s: code %q, want %q", key, r.Code, want)
		}
	}
	if got := b.shown(); len(got) != 1 {
		t.Errorf("refused gifts were shown: %+v", got)
	}
}

func TestResultsReachTheSenderThroughTheRoom(t *testing.T) {
	b := newBench(t, sqlite(t))
	sub := b.redis.Subscribe(t.Context(), roomstate.ChannelOf(liveRoom))
	defer sub.Close()
	if _, err := sub.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.handle(1, record(t, 0, request(bob, liveRoom, 1, 1, "k")))
	msg, err := sub.ReceiveMessage(t.Context())
	must(t, err)
	id := request(bob, liveRoom, 1, 1, "k").ID()
	want := fmt.Sprintf("A %d\n"+`{"type":"gift_result","id":"k","room_id":1,"data":{"order_id":%q,"status":"refused","code":"insufficient_balance","balance":0}}`, bob, id)
	if msg.Payload != want {
		t.Errorf("got  %s\nwant %s", msg.Payload, want)
	}
}

func TestAPoisonRecordStopsBehindWhatIsDone(t *testing.T) {
	b := newBench(t, sqlite(t))
	b.topUp(alice, 10, "p")
	good := record(t, 0, request(alice, liveRoom, 1, 1, "a"))
	forged := request(alice, liveRoom, 1, 1, "b")
	m, err := forged.Message()
	must(t, err)
	m.UserID = bob // whose coins it would take
	value, err := wire.Marshal(m)
	must(t, err)
	done, err := b.service.HandleRequests(t.Context(), []stream.Record{good, {Offset: 1, Value: value}, record(t, 2, request(alice, liveRoom, 1, 1, "c"))})
	if done != 1 || err == nil {
		t.Errorf("done %d, %v; want 1 and why the second can't be handled", done, err)
	}
	b.wantBalance(ledger.User(alice), 9)
}

func TestPricesFollowTheCatalogue(t *testing.T) {
	b := newBench(t, sqlite(t))
	b.topUp(alice, 100, "p")
	must(t, b.service.PutGift(t.Context(), store.Gift{ID: 1, Name: "Rose", Price: 7, Active: true}))
	b.handle(1, record(t, 0, request(alice, liveRoom, 1, 1, "a")))
	b.wantBalance(ledger.User(alice), 93)
	must(t, b.service.PutGift(t.Context(), store.Gift{ID: 1, Name: "Rose", Price: 7}))
	b.handle(1, record(t, 1, request(alice, liveRoom, 1, 1, "b")))
	b.wantBalance(ledger.User(alice), 93)
}
