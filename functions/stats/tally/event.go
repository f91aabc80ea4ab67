package tally

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/wire"
)

// EventID names what happened, however often it was told. 0 names nothing: such an event is never a repetition.
type EventID uint64

// Event is what one record means to the counts.
type Event struct {
	ID      EventID
	Type    live.MessageType
	Room    live.RoomID
	User    live.UserID
	At      int64 // Unix ms
	Counts  Counts
	Joined  int64 // how many came in
	Started int64 // the session's start in Unix ms, when this is its beginning
	Stopped bool
	Viewers []live.UserID // who came in, of those with an account
}

// No record of the platform says more; one that does was not written by it.
const (
	maxCount = 1_000_000_000
	maxCoins = live.Coins(1_000_000_000_000)
)

// Decode reads a record of live-messages or live-presence. Types that count for nothing give an empty Event of their
// room; an error means that the record can never be read.
func Decode(r stream.Record) (Event, error) {
	m, err := wire.Unmarshal(r.Value)
	if err != nil {
		return Event{}, fmt.Errorf("decode message: %w", err)
	}
	if m.RoomID <= 0 {
		return Event{}, fmt.Errorf("%s message of no room", m.Type)
	}
	e := Event{ID: eventID(m), Type: m.Type, Room: m.RoomID, User: m.UserID, At: m.Timestamp}
	// A clock that is ahead would keep a room hot; the log's own time is as late as an event can be.
	if written := r.Timestamp.UnixMilli(); e.At <= 0 || e.At > written {
		e.At = max(0, written)
	}
	switch m.Type {
	case live.Danmu:
		e.Counts.Danmu = 1
	case live.Like:
		err = e.like(m.Data)
	case live.Gift:
		err = e.gift(m.Data)
	case live.RoomEvent:
		err = e.room(m)
	case live.Presence:
		err = e.presence(m.Data)
	}
	if err != nil {
		return Event{}, fmt.Errorf("decode data of %s message: %w", m.Type, err)
	}
	return e, nil
}

func (e *Event) like(data json.RawMessage) error {
	var d wire.LikeData
	if err := json.Unmarshal(data, &d); err != nil {
		return err
	}
	e.Counts.Likes = int64(d.Count)
	return bounded("count", d.Count, 1, maxCount)
}

func (e *Event) gift(data json.RawMessage) error {
	var d wire.GiftData
	if err := json.Unmarshal(data, &d); err != nil {
		return err
	}
	e.Counts.Gifts, e.Counts.Coins = int64(d.Count), d.Cost
	if err := bounded("count", d.Count, 1, maxCount); err != nil {
		return err
	}
	return bounded("cost", d.Cost, 0, maxCoins)
}

func (e *Event) room(m live.Message) error {
	var d wire.RoomData
	if err := json.Unmarshal(m.Data, &d); err != nil {
		return err
	}
	switch d.Event {
	case "started":
		e.Started = max(1, e.At)
		if d.Room.StartedAt != nil {
			e.Started = max(1, d.Room.StartedAt.UnixMilli())
		}
	case "stopped":
		e.Stopped = true
	}
	return nil
}

func (e *Event) presence(data json.RawMessage) error {
	var d wire.PresenceData
	if err := json.Unmarshal(data, &d); err != nil {
		return err
	}
	e.Joined, e.Viewers = int64(len(d.Joined)+d.GuestsJoined), d.Joined
	return bounded("guests_joined", d.GuestsJoined, 0, maxCount)
}

func bounded[N int | live.Coins](name string, n, least, most N) error {
	if n < least || n > most {
		return fmt.Errorf("%s %d is not between %d and %d", name, n, least, most)
	}
	return nil
}

// eventID is 64 bits of a hash. Ids are the clients' own, so two senders may use the same one.
func eventID(m live.Message) EventID {
	if m.ID == "" {
		return 0
	}
	b := make([]byte, 0, 128)
	b = append(b, m.Type...)
	b = strconv.AppendInt(append(b, 0), int64(m.RoomID), 10)
	b = strconv.AppendInt(append(b, 0), int64(m.UserID), 10)
	return Hash(append(append(b, 0), m.ID...))
}

// Hash makes an id of what names an event.
func Hash(b []byte) EventID {
	sum := sha256.Sum256(b)
	return EventID(max(1, binary.BigEndian.Uint64(sum[:8])))
}
