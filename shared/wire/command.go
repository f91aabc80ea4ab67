package wire

import (
	"encoding/json"
	"fmt"

	"github.com/barrage-live/barrage/shared/live"
)

// Order is what a command tells the pods of a room to do. Pods ignore orders they don't know: during a deployment a
// newer function may speak to an older pod.
type Order string

// The orders.
const (
	// RoomChanged: forget what is cached of the room; Command.Room is how it is from now on. When it is no longer live,
	// close its connections with CloseRoomEnded, behind everything that was sent into the room before.
	RoomChanged Order = "room_changed"
	// UserChanged: forget what is cached of Command.User's standing here (muted, banned, made or unmade moderator).
	UserChanged Order = "user_changed"
	// SettingsChanged: forget what is cached of the room's moderation settings.
	SettingsChanged Order = "settings_changed"
	// HeldChanged: other danmu wait for the room's moderators than before; they are to know.
	HeldChanged Order = "held_changed"
	// Disconnect: close Command.User's connections in the room with Command.Code.
	Disconnect Order = "disconnect"
)

// Command is a message from the functions to all pods that hold a room; no viewer sees it.
type Command struct {
	Order  Order       `json:"order"`
	Room   *live.Room  `json:"room,omitempty"`
	User   live.UserID `json:"user_id,omitempty"`
	Code   CloseCode   `json:"code,omitempty"`
	Reason string      `json:"reason,omitempty"`
}

// MarshalCommand encodes c on one line.
func MarshalCommand(c Command) ([]byte, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode command %s: %w", c.Order, err)
	}
	return b, nil
}

// UnmarshalCommand decodes what MarshalCommand made. Unknown fields are ignored.
func UnmarshalCommand(b []byte) (Command, error) {
	var c Command
	if err := json.Unmarshal(b, &c); err != nil {
		return Command{}, fmt.Errorf("decode command: %w", err)
	}
	return c, nil
}
