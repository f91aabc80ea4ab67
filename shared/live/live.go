// Package live is the vocabulary of the platform: ids, rooms, users, messages, gifts, coins and kinds of error.
// It imports the standard library only, so that every other package can speak it.
package live

import (
	"encoding/json"
	"time"
)

// Ids are assigned by the database, positive, and below 2^53 so that JavaScript reads them exactly.
type (
	RoomID int64
	UserID int64
	GiftID int64
)

// Seq numbers what is shown in a room: 1, 2, 3, … without holes within one Epoch. 0 means "never shown".
type Seq int64

// Epoch names one life of a room's sequence. When Redis loses its data a new epoch begins and seq starts at 1 again.
type Epoch string

// Coins is an amount of the platform's currency; there are no fractions of a coin.
type Coins int64

// Role is what a user may do on the whole platform. Rights inside one room (anchor, moderator) are not roles.
type Role string

// The platform's roles. A service is a server of the operator, not a user.
const (
	RoleViewer  Role = "viewer"
	RoleAdmin   Role = "admin"
	RoleService Role = "service"
)

// What the messages of a room say beside the platform's roles: no account and no token has these.
const (
	RoleModerator Role = "moderator"
	RoleAnchor    Role = "anchor"
)

// User is an account as its owner sees it. Username is empty in the public view.
type User struct {
	ID        UserID    `json:"id"`
	Username  string    `json:"username,omitempty"`
	Nickname  string    `json:"nickname"`
	AvatarURL string    `json:"avatar_url"`
	Bio       string    `json:"bio"`
	Role      Role      `json:"role"`
	CreatedAt time.Time `json:"created_at"`
}

// Public returns the user as others see it: without the username.
func (u User) Public() User {
	u.Username = ""
	return u
}

// RoomStatus is where a room is in its life.
type RoomStatus int

// A room is created, started, stopped; a stopped room may be started again.
const (
	RoomNotStarted RoomStatus = 0
	RoomLive       RoomStatus = 1
	RoomEnded      RoomStatus = 2
)

// Room is one live room. StartedAt and EndedAt are nil until they happened.
type Room struct {
	ID          RoomID     `json:"id"`
	AnchorID    UserID     `json:"anchor_id"`
	Title       string     `json:"title"`
	Cover       string     `json:"cover"`
	Status      RoomStatus `json:"status"`
	ViewerCount int64      `json:"viewer_count"`
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
	StartedAt   *time.Time `json:"started_at"`
	EndedAt     *time.Time `json:"ended_at"`
	PlaybackURL string     `json:"playback_url"`
}

// MessageType says what a message is. The list is closed: see CONTRACT §2.
type MessageType string

// What clients send.
const (
	Danmu MessageType = "danmu"
	Like  MessageType = "like"
	Gift  MessageType = "gift"
	Ping  MessageType = "ping"
	Auth  MessageType = "auth"
)

// What only the server sends.
const (
	Welcome    MessageType = "welcome"
	RoomEvent  MessageType = "room"
	Settings   MessageType = "settings"
	Online     MessageType = "online"
	Deleted    MessageType = "deleted"
	Held       MessageType = "held"     // to moderators: other danmu wait for them than before
	Standing   MessageType = "standing" // to a user: what it may do in the room is other than before
	Ack        MessageType = "ack"
	GiftResult MessageType = "gift_result"
	ErrorReply MessageType = "error"
	Gap        MessageType = "gap"
	Reconnect  MessageType = "reconnect"
	Pong       MessageType = "pong"
)

// Presence is only in Kafka (live-presence): who came into a room and who left it, batched.
const Presence MessageType = "presence"

// Class decides what happens to a message when a room is too busy.
type Class string

// Control and gift messages are never shed; danmu and like are, and each one shed is counted.
const (
	ClassControl Class = "control"
	ClassGift    Class = "gift"
	ClassDanmu   Class = "danmu"
	ClassLike    Class = "like"
)

// Class returns the shedding class of the type.
func (t MessageType) Class() Class {
	switch t {
	case Danmu:
		return ClassDanmu
	case Like:
		return ClassLike
	case Gift, GiftResult:
		return ClassGift
	default:
		return ClassControl
	}
}

// Message is the one shape of everything that travels through sockets, Redis and Kafka.
// Timestamp is Unix milliseconds. Data is a JSON object whose fields depend on Type.
type Message struct {
	Type      MessageType     `json:"type"`
	ID        string          `json:"id,omitempty"`
	RoomID    RoomID          `json:"room_id,omitempty"`
	UserID    UserID          `json:"user_id,omitempty"`
	Content   string          `json:"content,omitempty"`
	Data      json.RawMessage `json:"data,omitempty"`
	Seq       Seq             `json:"seq,omitempty"`
	Timestamp int64           `json:"timestamp,omitempty"`
	TraceID   string          `json:"trace_id,omitempty"`
}
