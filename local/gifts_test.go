package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/barrage-live/barrage/functions"
	"github.com/barrage-live/barrage/shared/ledger"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
	"github.com/barrage-live/barrage/sockets/client"
)

// next returns the first message of one of the types and skips the others.
func next(t *testing.T, c *client.Conn, data any, types ...live.MessageType) live.Message {
	t.Helper()
	for {
		m, err := c.Read()
		if err != nil {
			t.Fatalf("waiting for %v: %v", types, err)
		}
		for _, want := range types {
			if m.Type == want {
				if err := json.Unmarshal(m.Data, data); err != nil {
					t.Fatalf("%s: %v", m.Data, err)
				}
				return m
			}
		}
	}
}

// Both doors, one settlement: the room sees each gift once, the sender its result, and the coins are where they belong.
func TestGiftsFromBothDoors(t *testing.T) {
	eachStack(t, func(t *testing.T, s *Stack) {
		anchor, sender := register(t, s, "gift-anchor"), register(t, s, "gift-sender")
		room := anchor.liveRoom("gifts")
		book, err := functions.Ledger(s.parts)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := book.TopUp(t.Context(), ledger.TopUp{User: sender.user.ID, Amount: 100, Ref: "e2e"}); err != nil {
			t.Fatal(err)
		}
		dial := func(who caller) *client.Conn {
			c, err := client.Dial(t.Context(), client.Options{URL: s.SocketURL, Room: room.ID, Token: who.token})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			return c
		}
		watcher, giver := dial(anchor), dial(sender)

		for range 2 { // the same id again is the same order
			err := giver.Send(live.Message{Type: live.Gift, ID: "socket-1", Data: json.RawMessage(`{"gift_id":2,"count":3}`)})
			if err != nil {
				t.Fatal(err)
			}
		}
		results := map[string]int{}
		for results["settled"] < 2 {
			var result wire.GiftResultData
			m := next(t, giver, &result, live.GiftResult)
			if m.ID != "socket-1" || result.Code != "" || result.Status == "settled" && result.Balance != 85 {
				t.Fatalf("result %s of %s: %+v", m.ID, m.Data, result)
			}
			results[result.Status]++
		}
		if results["pending"] != 2 {
			t.Errorf("results %v, want each request taken and settled", results)
		}

		var order struct {
			Status  string
			Balance live.Coins
		}
		path := fmt.Sprintf("/api/v1/rooms/%d/gifts", room.ID)
		sender.mustGive(t, path, "http-1", &order)
		if order.Status != "settled" || order.Balance != 84 {
			t.Errorf("order over HTTP: %+v", order)
		}
		var shown [2]wire.GiftData
		for i, want := range []wire.GiftData{{GiftID: 2, Count: 3, Combo: 3, Cost: 15}, {GiftID: 1, Count: 1, Combo: 1, Cost: 1}} {
			m := next(t, watcher, &shown[i], live.Gift)
			got := shown[i]
			if got.GiftID != want.GiftID || got.Count != want.Count || got.Combo != want.Combo || got.Cost != want.Cost || m.UserID != sender.user.ID || got.Nickname != "gift-sender" {
				t.Errorf("gift %d: got %+v, want %+v", i, got, want)
			}
		}
		report, err := book.Reconcile(t.Context())
		if err != nil || !report.Clean() {
			t.Errorf("reconcile: %v %q", err, report.Differences)
		}
		var wallet struct{ Income live.Coins }
		anchor.must(http.StatusOK, "GET", "/api/v1/wallet", nil, &wallet)
		if wallet.Income != 7 { // halves of 15 and 1, each rounded down
			t.Errorf("income %d", wallet.Income)
		}
	})
}

// mustGive gives one rose and waits for the result.
func (c caller) mustGive(t *testing.T, path, key string, out any) {
	t.Helper()
	r := c.callWith("POST", path, map[string]int{"gift_id": 1, "count": 1}, map[string]string{"Idempotency-Key": key, "Prefer": "wait=10"})
	if r.status != http.StatusOK {
		t.Fatalf("give: %d %s", r.status, r.body)
	}
	if err := json.Unmarshal(r.body, out); err != nil {
		t.Fatal(err)
	}
}

// A user who has just registered can try gifts out: the demo fills wallets up, each its caller's own.
func TestTheDemoFillsAWalletUp(t *testing.T) {
	s := startStack(t)
	fresh := register(t, s, "coins-fresh")
	balance := func() (wallet struct {
		Balance live.Coins `json:"balance"`
	}) {
		fresh.must(http.StatusOK, "GET", "/api/v1/wallet", nil, &wallet)
		return wallet
	}
	if got := balance().Balance; got != 0 {
		t.Fatalf("a new wallet holds %d", got)
	}
	for range 2 { // a full wallet stays as it is
		fresh.must(http.StatusOK, "POST", coinsPath, nil, nil)
		if got := balance().Balance; got != demoCoins {
			t.Errorf("got %d, want %d", got, demoCoins)
		}
	}
	if got := (caller{t: t, s: s}).call("POST", coinsPath, nil); got.status != http.StatusUnauthorized {
		t.Errorf("a guest: got %d %s", got.status, got.body)
	}
}
