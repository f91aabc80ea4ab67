package gateway

import (
	"encoding/json"
	"time"

	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

// message encodes one message of the server with its data.
func message(t live.MessageType, room live.RoomID, id string, data any) ([]byte, error) {
	m := live.Message{Type: t, ID: id, RoomID: room, Timestamp: time.Now().UnixMilli()}
	if data != nil {
		raw, err := json.Marshal(data)
		if err != nil {
			return nil, err
		}
		m.Data = raw
	}
	return wire.Marshal(m)
}

// replyMessage is the ack or error that a sender gets for one of its messages.
func replyMessage(room live.RoomID, r intake.Reply) ([]byte, error) {
	if r.Err != nil {
		return errorMessage(room, r.ID, r.Err)
	}
	m := live.Message{Type: live.Ack, ID: r.ID, RoomID: room, Seq: r.Seq}
	if !r.Shown {
		m.Data = json.RawMessage(`{"shown":false}`)
	}
	return wire.Marshal(m)
}

func errorMessage(room live.RoomID, id string, e *live.Error) ([]byte, error) {
	return message(live.ErrorReply, room, id, wire.ErrorData{
		Code: e.Code, Message: e.Message, RetryAfterMS: e.RetryAfter.Milliseconds(),
	})
}
