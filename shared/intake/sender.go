package intake

import (
	"strconv"

	"github.com/barrage-live/barrage/shared/house"
	"github.com/barrage-live/barrage/shared/live"
)

// Sender is who submits a message, as an access token and the room say.
type Sender struct {
	User     live.UserID // 0 for a guest
	Nickname string
	Role     live.Role // the badge that others see: anchor and moderator are the room's
	Exempt   bool      // from rates: the room's anchor and moderators, and admins
}

// Guest tells whether nobody is signed in.
func (s Sender) Guest() bool { return s.User == 0 }

// scope is under whose name ids are remembered and rates are counted.
func (s Sender) scope() string {
	return "u" + strconv.FormatInt(int64(s.User), 10)
}

// Reply is what became of a message: an ack when Err is nil, which promises that the message is in Kafka and, if
// Shown, on its way to the room as Seq.
type Reply struct {
	ID    string // the sender's own; empty when it gave none
	Seq   live.Seq
	Shown bool
	Err   *live.Error
}

// Codes of the errors that a sender may see, beside wire's bad_message and too_long.
const (
	CodeGuest        = "guest"
	CodeRateLimited  = "rate_limited"
	CodeMuted        = "muted"
	CodeBanned       = "banned"
	CodeBlockedWord  = house.CodeBlockedWord
	CodeSlowMode     = house.CodeSlowMode
	CodeUnavailable  = house.CodeUnavailable
	CodeNotPersisted = "not_persisted"
)

func notPersisted() *live.Error {
	return live.Errorf(live.KindUnavailable, CodeNotPersisted, "the message could not be stored; send it again with the same id")
}

func unavailable() *live.Error {
	return live.Errorf(live.KindUnavailable, CodeUnavailable, "the room cannot take messages at the moment")
}
