package hub

import (
	"strconv"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

// gapMessage is wire.GapData in its message. It is built by hand because a flusher needs it and can't fail.
func gapMessage(room live.RoomID, g wire.GapData) []byte {
	b := append([]byte(nil), `{"type":"gap","room_id":`...)
	b = strconv.AppendInt(b, int64(room), 10)
	b = append(b, `,"data":{"from_seq":`...)
	b = strconv.AppendInt(b, int64(g.FromSeq), 10)
	b = append(b, `,"to_seq":`...)
	b = strconv.AppendInt(b, int64(g.ToSeq), 10)
	if g.Epoch != "" {
		b = append(b, `,"epoch":`...)
		b = strconv.AppendQuote(b, string(g.Epoch))
	}
	b = append(b, `,"reason":"`...)
	b = append(b, g.Reason...)
	return append(b, `"}}`...)
}
