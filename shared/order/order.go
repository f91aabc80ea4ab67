// Package order is how a gift is asked for, the same through both doors, HTTP and socket: an order id made from the
// sender's own key, a request in Kafka, and a note in Redis that it is on its way. It touches no money.
package order

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

// Refusals at the door: nothing was asked of the ledger.
var (
	ErrBadCount  = live.Errorf(live.KindInvalid, "bad_count", "count is 1 to %d", wire.MaxGiftCount)
	ErrBadGift   = live.Errorf(live.KindInvalid, "unknown_gift", "gift_id is a positive number")
	ErrBadKey    = live.Errorf(live.KindInvalid, "bad_key", "the idempotency key is 1 to %d visible ASCII characters", MaxKey)
	ErrKeyReused = live.Errorf(live.KindInvalid, "key_reused", "this idempotency key was used for another gift, count or room")
)

// MaxKey is the longest idempotency key in bytes.
const MaxKey = 64

// An ID names an order: 26 characters of a–z and 2–7.
type ID string

// A Request asks for gifts. Key is the sender's own: the Idempotency-Key header, or the id of the socket's message.
type Request struct {
	Sender   live.UserID
	Nickname string
	Role     live.Role
	Room     live.RoomID
	Gift     live.GiftID
	Count    int
	Key      string
	TraceID  string
	At       time.Time
}

// Check refuses what no ledger needs to see.
func (r Request) Check() error {
	if r.Count < 1 || r.Count > wire.MaxGiftCount {
		return ErrBadCount
	}
	if r.Gift < 1 {
		return ErrBadGift
	}
	if r.Key == "" || len(r.Key) > MaxKey || strings.ContainsFunc(r.Key, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return ErrBadKey
	}
	return nil
}

// ID is the same for the same sender and key, whatever the door, and can't be guessed into somebody else's.
func (r Request) ID() ID { return ID(digest("order", int64(r.Sender), r.Key)) }

// Fingerprint tells two requests under one key apart.
func (r Request) Fingerprint() string {
	return digest("body", int64(r.Room), fmt.Sprintf("%d/%d", r.Gift, r.Count))
}

func digest(kind string, id int64, text string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%s", kind, id, text))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
}

// requestData is the data of a request's record in Kafka.
type requestData struct {
	Nickname string      `json:"nickname,omitempty"`
	Role     live.Role   `json:"role,omitempty"`
	GiftID   live.GiftID `json:"gift_id"`
	Count    int         `json:"count"`
	Key      string      `json:"key"`
}

// Message is the request as it travels through Kafka; its id is the order's.
func (r Request) Message() (live.Message, error) {
	data, err := json.Marshal(requestData{Nickname: r.Nickname, Role: r.Role, GiftID: r.Gift, Count: r.Count, Key: r.Key})
	if err != nil {
		return live.Message{}, fmt.Errorf("request of order %s: %w", r.ID(), err)
	}
	return live.Message{Type: live.Gift, ID: string(r.ID()), RoomID: r.Room, UserID: r.Sender, Data: data,
		Timestamp: r.At.UnixMilli(), TraceID: r.TraceID}, nil
}

var errForged = errors.New("the order id does not belong to sender and key")

// Parse reads a request's record. What it returns has passed Check.
func Parse(value []byte) (Request, error) {
	m, err := wire.Unmarshal(value)
	if err != nil {
		return Request{}, fmt.Errorf("gift request: %w", err)
	}
	var d requestData
	if err := json.Unmarshal(m.Data, &d); err != nil {
		return Request{}, fmt.Errorf("gift request %s: %w", m.ID, err)
	}
	r := Request{Sender: m.UserID, Nickname: d.Nickname, Role: d.Role, Room: m.RoomID, Gift: d.GiftID, Count: d.Count,
		Key: d.Key, TraceID: m.TraceID, At: time.UnixMilli(m.Timestamp)}
	if err := r.Check(); err != nil {
		return Request{}, fmt.Errorf("gift request %s: %w", m.ID, err)
	}
	if m.Type != live.Gift || string(r.ID()) != m.ID || r.Sender < 1 || r.Room < 1 {
		return Request{}, fmt.Errorf("gift request %s: %w", m.ID, errForged)
	}
	return r, nil
}
