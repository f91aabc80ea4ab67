package gift_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/barrage-live/barrage/functions/gift"
	"github.com/barrage-live/barrage/shared/ledger"
)

// call returns the status and the body's fields.
func (b *bench) call(who, method, path, body string, headers ...string) (int, map[string]any) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.url+"/api/v1"+path, strings.NewReader(body))
	must(b.t, err)
	if who != "" {
		req.Header.Set("Authorization", "Bearer "+who)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	must(b.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	must(b.t, err)
	var fields map[string]any
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&fields); err != nil {
		b.t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, raw)
	}
	return resp.StatusCode, fields
}

func TestAGiftOverHTTP(t *testing.T) {
	b := newBench(t, sqlite(t))
	b.consume()
	b.topUp(alice, 10, "p")
	const body = `{"gift_id":1,"count":4}`
	for range 2 { // the second time it is the same order
		status, got := b.call("alice", "POST", "/rooms/1/gifts", body, "Idempotency-Key", "k1", "Prefer", "respond-async, wait=10")
		if status != 200 || got["status"] != "settled" || got["cost"] != 4.0 || got["balance"] != 6.0 {
			t.Fatalf("%d %v", status, got)
		}
		status, order := b.call("alice", "GET", "/gifts/orders/"+got["order_id"].(string), "")
		if status != 200 || order["status"] != "settled" || order["count"] != 4.0 {
			t.Errorf("order: %d %v", status, order)
		}
		if status, _ := b.call("bob", "GET", "/gifts/orders/"+got["order_id"].(string), ""); status != 404 {
			t.Errorf("somebody else's order: %d", status)
		}
	}
	if status, got := b.call("alice", "POST", "/rooms/1/gifts", `{"gift_id":1,"count":5}`, "Idempotency-Key", "k1"); status != 422 || got["code"] != "key_reused" {
		t.Errorf("the key with another body: %d %v", status, got)
	}
	if status, got := b.call("alice", "GET", "/wallet", ""); status != 200 || got["balance"] != 6.0 {
		t.Errorf("wallet: %d %v", status, got)
	}
	if status, got := b.call("anchor", "GET", "/wallet", ""); status != 200 || got["income"] != 2.0 {
		t.Errorf("anchor's wallet: %d %v", status, got)
	}
	if status, got := b.call("admin", "POST", "/wallet/reconcile", ""); status != 200 || len(got["differences"].([]any)) != 0 {
		t.Errorf("reconcile: %d %v", status, got)
	}
}

func TestAPendingOrderIsItsSendersOnly(t *testing.T) {
	b := newBench(t, sqlite(t)) // nothing settles
	status, got := b.call("alice", "POST", "/rooms/1/gifts", `{"gift_id":1,"count":1}`, "Idempotency-Key", "k1")
	if status != 202 || got["status"] != "pending" {
		t.Fatalf("%d %v", status, got)
	}
	path := "/gifts/orders/" + got["order_id"].(string)
	if status, got := b.call("alice", "GET", path, ""); status != 200 || got["status"] != "pending" {
		t.Errorf("mine: %d %v", status, got)
	}
	if status, _ := b.call("bob", "GET", path, ""); status != 404 {
		t.Errorf("somebody else's: %d", status)
	}
	if status, got := b.call("alice", "POST", "/rooms/1/gifts", `{"gift_id":2,"count":1}`, "Idempotency-Key", "k1"); status != 422 || got["code"] != "key_reused" {
		t.Errorf("the key with another body: %d %v", status, got)
	}
}

func TestBadGiftsAreRefusedAtTheDoor(t *testing.T) {
	b := newBench(t, sqlite(t))
	b.topUp(alice, 10, "p")
	for name, tc := range map[string]struct {
		who, room, body, key string
		status               int
		code                 string
	}{
		"nobody":          {"", "1", `{"gift_id":1,"count":1}`, "k", 401, ""},
		"no key":          {"alice", "1", `{"gift_id":1,"count":1}`, "", 422, ""},
		"bad key":         {"alice", "1", `{"gift_id":1,"count":1}`, "a b", 422, "bad_key"},
		"long key":        {"alice", "1", `{"gift_id":1,"count":1}`, strings.Repeat("k", 65), 422, ""},
		"zero":            {"alice", "1", `{"gift_id":1,"count":0}`, "k", 422, "bad_count"},
		"negative":        {"alice", "1", `{"gift_id":1,"count":-1}`, "k", 422, "bad_count"},
		"too many":        {"alice", "1", `{"gift_id":1,"count":10000}`, "k", 422, "bad_count"},
		"overflow":        {"alice", "1", `{"gift_id":1,"count":9223372036854775807}`, "k", 422, "bad_count"},
		"beyond int64":    {"alice", "1", `{"gift_id":1,"count":9223372036854775808}`, "k", 422, ""},
		"negative gift":   {"alice", "1", `{"gift_id":-1,"count":1}`, "k", 422, "unknown_gift"},
		"unknown field":   {"alice", "1", `{"gift_id":1,"count":1,"price":0}`, "k", 422, ""},
		"fraction":        {"alice", "1", `{"gift_id":1,"count":1.5}`, "k", 422, ""},
		"not a room":      {"alice", "0", `{"gift_id":1,"count":1}`, "k", 422, ""},
		"not JSON at all": {"alice", "1", `{`, "k", 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var headers []string
			if tc.key != "" {
				headers = []string{"Idempotency-Key", tc.key}
			}
			status, got := b.call(tc.who, "POST", "/rooms/"+tc.room+"/gifts", tc.body, headers...)
			if status != tc.status || tc.code != "" && got["code"] != tc.code || got["code"] == "" {
				t.Errorf("%d %v, want %d %s", status, got, tc.status, tc.code)
			}
		})
	}
	b.wantBalance(ledger.User(alice), 10)
}

func TestTopUpsNeedAnAdminOrASignature(t *testing.T) {
	b := newBench(t, sqlite(t))
	const body = `{"user_id":3,"amount":50,"payment_ref":"pay-1"}`
	now := time.Now().Unix()
	signed := func(secret string, at int64, body string) []string {
		return []string{"Barrage-Timestamp", strconv.FormatInt(at, 10), "Barrage-Signature", gift.Sign(secret, at, []byte(body))}
	}
	for name, tc := range map[string]struct {
		who, body string
		headers   []string
		status    int
		code      string
	}{
		"nobody":            {"", body, nil, 401, "bad_signature"},
		"a viewer":          {"alice", body, nil, 401, "bad_signature"},
		"another secret":    {"", body, signed("guess", now, body), 401, "bad_signature"},
		"an empty secret":   {"", body, signed("", now, body), 401, "bad_signature"},
		"another body":      {"", body, signed(secret, now, body+" "), 401, "bad_signature"},
		"another time":      {"", body, []string{"Barrage-Timestamp", strconv.FormatInt(now+1, 10), "Barrage-Signature", gift.Sign(secret, now, []byte(body))}, 401, "bad_signature"},
		"an hour old":       {"", body, signed(secret, now-3600, body), 401, "stale_signature"},
		"an hour ahead":     {"", body, signed(secret, now+3600, body), 401, "stale_signature"},
		"negative":          {"admin", `{"user_id":3,"amount":-5,"payment_ref":"x"}`, nil, 422, "bad_amount"},
		"zero":              {"admin", `{"user_id":3,"amount":0,"payment_ref":"x"}`, nil, 422, "bad_amount"},
		"overflow":          {"admin", `{"user_id":3,"amount":9223372036854775807,"payment_ref":"x"}`, nil, 422, "bad_amount"},
		"nobody's account":  {"admin", `{"user_id":999,"amount":5,"payment_ref":"x"}`, nil, 404, ""},
		"without reference": {"admin", `{"user_id":3,"amount":5,"payment_ref":""}`, nil, 422, "bad_ref"},
	} {
		t.Run(name, func(t *testing.T) {
			if status, got := b.call(tc.who, "POST", "/wallet/topups", tc.body, tc.headers...); status != tc.status || tc.code != "" && got["code"] != tc.code {
				t.Errorf("%d %v, want %d %s", status, got, tc.status, tc.code)
			}
		})
	}
	b.wantBalance(ledger.User(alice), 0)
	for range 2 { // a replay inside the window is the same entry
		if status, got := b.call("", "POST", "/wallet/topups", body, signed(secret, now, body)...); status != 201 || got["amount"] != 50.0 {
			t.Errorf("signed: %d %v", status, got)
		}
	}
	b.wantBalance(ledger.User(alice), 50)
}
