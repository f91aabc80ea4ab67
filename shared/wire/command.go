package wire

import (
	"encoding/json"
	"fmt"

	"github.com/barrage-live/barrage/shared/live"
)

// CommandKind is what a command asks of the pods that hold a room.
type CommandKind string

// The commands. After each of them a pod forgets what it has cached of the room.
const (
	CommandKick      CommandKind = "kick"      // close the user's connections
	CommandBan       CommandKind = "ban"       // close them; the ban itself is in the room's state
	CommandMute      CommandKind = "mute"      // muted or no longer so: see the room's state
	CommandModerator CommandKind = "moderator" // the user became a moderator or is none any more
	CommandSettings  CommandKind = "settings"
	CommandRoom      CommandKind = "room" // the room itself changed, or ended
)

// Command goes from a function to the pods that hold the room; no viewer sees it.
type Command struct {
	Kind   CommandKind `json:"kind"`
	User   live.UserID `json:"user_id,omitempty"`
	Reason string      `json:"reason,omitempty"` // shown to the user in the close frame
}

// MarshalCommand encodes c as one line.
func MarshalCommand(c Command) ([]byte, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode command %s: %w", c.Kind, err)
	}
	return b, nil
}

// UnmarshalCommand decodes a command. A kind that is not known here is no error: a newer function may have sent it.
func UnmarshalCommand(b []byte) (Command, error) {
	var c Command
	if err := json.Unmarshal(b, &c); err != nil {
		return Command{}, fmt.Errorf("decode command: %w", err)
	}
	return c, nil
}
