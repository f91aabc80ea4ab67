package wire

import "github.com/barrage-live/barrage/shared/live"

// WelcomeData is the data of the first frame of every connection.
type WelcomeData struct {
	Session   string     `json:"session"`
	Epoch     live.Epoch `json:"epoch"`
	Seq       live.Seq   `json:"seq"`
	Recovered bool       `json:"recovered"`
	Missed    int64      `json:"missed"`
	Online    int64      `json:"online"`
	Room      live.Room  `json:"room"`
}

// AckData goes with an ack; Shown is false when the room's display budget shed the message.
type AckData struct {
	Shown bool `json:"shown"`
}

// ErrorData says why a message of the client was refused; its id and the error's are the same.
type ErrorData struct {
	Code         string `json:"code"`
	Message      string `json:"message"`
	RetryAfterMS int64  `json:"retry_after_ms,omitempty"`
}

// GapReason says why a connection missed messages.
type GapReason string

// The reasons of a gap.
const (
	GapSlow  GapReason = "slow"  // the connection did not read fast enough
	GapEpoch GapReason = "epoch" // the room's sequence began anew
	GapLost  GapReason = "lost"  // the pod itself missed them and history no longer has them
)

// GapData names the sequence numbers that this connection missed, both ends included.
type GapData struct {
	FromSeq live.Seq   `json:"from_seq"`
	ToSeq   live.Seq   `json:"to_seq"`
	Epoch   live.Epoch `json:"epoch,omitempty"` // the new one, when the sequence began anew
	Reason  GapReason  `json:"reason"`
}

// OnlineData counts who is in the room: users once however many tabs, guests by connection.
type OnlineData struct {
	Online        int64 `json:"online"`
	UniqueViewers int64 `json:"unique_viewers"`
}

// ReconnectData tells a client to come back, with resume, after that many milliseconds.
type ReconnectData struct {
	AfterMS int64 `json:"after_ms"`
}

// DanmuData is the data of a danmu in a room.
type DanmuData struct {
	Nickname string    `json:"nickname,omitempty"`
	Role     live.Role `json:"role,omitempty"`
	Color    string    `json:"color,omitempty"`
	Mode     string    `json:"mode,omitempty"`
	Size     string    `json:"size,omitempty"`
}

// LikeData is the data of likes in a room; Count may sum those of many viewers, then Nickname is empty.
type LikeData struct {
	Nickname string    `json:"nickname,omitempty"`
	Role     live.Role `json:"role,omitempty"`
	Count    int       `json:"count"`
}

// GiftData is the data of a settled gift in a room. Combo and Effect are presentation only.
type GiftData struct {
	Nickname string      `json:"nickname,omitempty"`
	Role     live.Role   `json:"role,omitempty"`
	OrderID  string      `json:"order_id,omitempty"`
	GiftID   live.GiftID `json:"gift_id"`
	Name     string      `json:"name"`
	Count    int         `json:"count"`
	Combo    int         `json:"combo"`
	Cost     live.Coins  `json:"cost"`
	Effect   string      `json:"effect,omitempty"` // the catalogue's animation of a big gift; empty: none
}

// GiftResultData tells the sender what became of an order.
type GiftResultData struct {
	OrderID string     `json:"order_id"`
	Status  string     `json:"status"` // pending, settled, refused
	Code    string     `json:"code,omitempty"`
	Balance live.Coins `json:"balance"`
}

// RoomData is the data of a room event: the room as it is from now on.
type RoomData struct {
	Event string    `json:"event"` // started, stopped, updated
	Room  live.Room `json:"room"`
}

// SettingsData is what viewers may know of a room's settings, as they are in force: adaptive slow mode may make the
// seconds more than moderators have set. A MaxDanmuPerSecond of 0 is the platform's.
type SettingsData struct {
	SlowModeSeconds   int  `json:"slow_mode_seconds"`
	AdaptiveSlowMode  bool `json:"adaptive_slow_mode"`
	MaxDanmuPerSecond int  `json:"max_danmu_per_second"`
}

// StandingData tells a user what it is in the room from now on: moderator, or viewer.
type StandingData struct {
	Role live.Role `json:"role"`
}

// DeletedData names the message to hide by the id that it was shown with, and by its sender: two viewers may have
// chosen the same id.
type DeletedData struct {
	MessageID string      `json:"message_id"`
	UserID    live.UserID `json:"user_id,omitempty"`
}

// PresenceData is the data of a record in live-presence: who came to and who left a room on one pod since its last
// record. A user counts once however many tabs; somebody who came and left meanwhile is in both lists.
type PresenceData struct {
	Pod          string        `json:"pod"`
	Joined       []live.UserID `json:"joined,omitempty"`
	Left         []live.UserID `json:"left,omitempty"`
	GuestsJoined int           `json:"guests_joined,omitempty"`
	GuestsLeft   int           `json:"guests_left,omitempty"`
}
