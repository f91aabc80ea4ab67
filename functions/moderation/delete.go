package moderation

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/rulebook"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/wire"
)

// What keeps a message from being deleted.
var (
	ErrUnknownMessage = live.Errorf(live.KindNotFound, "unknown_message", "The room keeps no such message; say whose it was to take it out of the archive.")
	ErrNotDanmu       = live.Errorf(live.KindConflict, "not_deletable", "Only danmu can be deleted.")
)

// Delete takes a danmu back: out of the history, off the viewers' screens, and, by the log of messages, out of the
// archive. sender tells messages apart that have the same id, and may be 0 for one that the room still keeps.
func (s *Service) Delete(ctx context.Context, by right.Who, id live.RoomID, message string, sender live.UserID) error {
	room, party, err := s.may(ctx, right.Moderate, by, id)
	if err != nil {
		return err
	}
	found, err := s.find(ctx, id, message, sender)
	if err != nil {
		return err
	}
	if found.sender != by.User {
		if err := s.outranks(ctx, party, room, found.sender); err != nil {
			return err
		}
	}
	if found.kind != live.Deleted {
		err := s.d.Book.Note(ctx, rulebook.Entry{
			Room: id, Action: rulebook.Deleted, User: found.sender, By: by.User, MessageID: message, At: time.Now(),
		})
		if err != nil {
			return err
		}
	}
	return s.withdraw(ctx, id, found, message)
}

// shown is where a message is, or only whose it was.
type shown struct {
	sender live.UserID
	kind   live.MessageType // live.Deleted: it was deleted before
	epoch  live.Epoch
	seq    live.Seq // 0: no longer in the history
}

func (s *Service) find(ctx context.Context, id live.RoomID, message string, sender live.UserID) (shown, error) {
	stored, epoch, ok, err := s.d.History.Find(ctx, id, func(payload []byte) bool {
		if !bytes.Contains(payload, []byte(message)) { // most need not be parsed
			return false
		}
		_, yes := standsFor(payload, message, sender)
		return yes
	})
	if err != nil {
		return shown{}, err
	}
	if !ok {
		if sender == 0 {
			return shown{}, ErrUnknownMessage
		}
		return shown{sender: sender, kind: live.Danmu}, nil
	}
	found, _ := standsFor(stored.Payload, message, sender)
	if found.kind != live.Danmu && found.kind != live.Deleted {
		return shown{}, ErrNotDanmu
	}
	found.epoch, found.seq = epoch, stored.Seq
	return found, nil
}

// standsFor tells whether the payload is the message, or what stands in its place since it was deleted.
func standsFor(payload []byte, message string, sender live.UserID) (shown, bool) {
	m, err := wire.Unmarshal(payload)
	if err != nil {
		return shown{}, false
	}
	found := shown{sender: m.UserID, kind: m.Type}
	if m.Type == live.Deleted {
		var was wire.DeletedData
		if err := json.Unmarshal(m.Data, &was); err != nil {
			return shown{}, false
		}
		m.ID, found.sender = was.MessageID, was.UserID
	}
	return found, m.ID == message && (sender == 0 || found.sender == sender)
}

// withdraw carries a deletion outward: history, Kafka, viewers. A repeat has the same id, by which it is dropped.
func (s *Service) withdraw(ctx context.Context, id live.RoomID, found shown, message string) error {
	m, err := deletion(ctx, id, found.sender, message)
	if err != nil {
		return err
	}
	payload, err := wire.Marshal(m)
	if err != nil {
		return err
	}
	if found.seq > 0 && found.kind != live.Deleted {
		if _, err := s.d.Fanout.Withdraw(ctx, id, found.epoch, found.seq, payload); err != nil {
			return err
		}
	}
	rec := stream.RoomValue(ctx, stream.LiveMessages, id, m.ID, payload, s.d.Kafka.Partitions())
	if err := s.d.Kafka.Publish(ctx, rec); err != nil {
		return fmt.Errorf("publish deletion of %s in room %d: %w", message, id, err)
	}
	item := fanout.Item{Sender: "room", ID: m.ID, Class: live.ClassControl, Payload: payload, Settled: true}
	if _, err := s.d.Fanout.Publish(ctx, id, []fanout.Item{item}); err != nil {
		return fmt.Errorf("fan out deletion of %s in room %d: %w", message, id, err)
	}
	return nil
}

func deletion(ctx context.Context, id live.RoomID, sender live.UserID, message string) (live.Message, error) {
	data, err := json.Marshal(wire.DeletedData{MessageID: message, UserID: sender})
	if err != nil {
		return live.Message{}, err
	}
	name := sha256.Sum256(fmt.Appendf(nil, "%d %s", sender, message))
	m := live.Message{
		Type: live.Deleted, ID: "deleted-" + hex.EncodeToString(name[:16]), RoomID: id, Data: data, Timestamp: time.Now().UnixMilli(),
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		m.TraceID = span.TraceID().String()
	}
	return m, nil
}
