// Package wire holds the bytes that clients, Kafka and Redis see: the JSON message, the WebSocket frames that carry
// it, close codes and size limits. It decides what a client may send; it knows no connection.
package wire

import (
	"github.com/barrage-live/barrage/shared/live"
)

// Limits on what a client may send. MaxInbound and MaxID are bytes, MaxContent is characters after NFC.
const (
	MaxInbound   = 4096
	MaxContent   = 100
	MaxID        = 64
	MaxLikeCount = 100
	MaxGiftCount = 9999
)

// maxNumber is the biggest integer that JavaScript reads exactly.
const maxNumber = 1<<53 - 1

// CloseCode says why a connection was closed; clients decide by it whether to come back.
type CloseCode uint16

// Close codes: RFC 6455 section 7.4.1 below 4000, the product's own above.
const (
	CloseNormal        CloseCode = 1000
	CloseGoingAway     CloseCode = 1001
	CloseProtocolError CloseCode = 1002
	CloseUnsupported   CloseCode = 1003
	CloseBadPayload    CloseCode = 1007
	CloseTooBig        CloseCode = 1009
	CloseRestart       CloseCode = 1012 // come back with resume
	CloseTokenExpired  CloseCode = 4001 // get a new token first
	CloseBanned        CloseCode = 4003 // don't come back
	CloseRoomEnded     CloseCode = 4004 // ended or unknown
	CloseTooSlow       CloseCode = 4008 // come back
	CloseTooMany       CloseCode = 4009
	CloseFlooding      CloseCode = 4029
)

// DanmuStyle is how a danmu is drawn.
type DanmuStyle struct {
	Color string // "#rrggbb", lower case
	Mode  string // scroll, top, bottom
	Size  string // small, medium, large
}

// Inbound is one checked message of a client. Fields that its Type does not use are zero.
type Inbound struct {
	Type      live.MessageType // Danmu, Like, Gift, Ping or Auth
	ID        string           // the client's own; always present for Gift, may be empty elsewhere
	Content   string           // Danmu: NFC, trimmed, 1–100 characters
	Danmu     DanmuStyle
	LikeCount int
	GiftID    live.GiftID
	GiftCount int
	Token     string // Auth: a fresh access token, unchecked
}

// Codes of the errors that this package makes.
const (
	CodeBadMessage = "bad_message"
	CodeTooLong    = "too_long"
)

func badMessage(text string) error {
	return &live.Error{Kind: live.KindInvalid, Code: CodeBadMessage, Message: text}
}
