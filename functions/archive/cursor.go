package archive

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/barrage-live/barrage/shared/danmaku"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/recording"
	"github.com/barrage-live/barrage/shared/wire"
)

var (
	errBadCursor = live.Errorf(live.KindInvalid, "bad_cursor", "The cursor is not one of this list.")
	errBadSpan   = live.Errorf(live.KindInvalid, "bad_span", "from_ms must lie before to_ms.")
)

// place is a cursor: the session, and where in it.
type place struct {
	Session int64           `json:"s"`
	Place   recording.Place `json:"p"`
}

func (p place) String() string {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // numbers and a string
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func parsePlace(cursor string) (place, error) {
	var p place
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || json.Unmarshal(b, &p) != nil || p.Session <= 0 || p.Place.At <= 0 {
		return place{}, errBadCursor
	}
	return p, nil
}

// comment is a danmu as players' plug-ins have it. What its data does not say, or says wrongly, has a default.
func comment(r recording.Row, start int64) danmaku.Comment {
	c := danmaku.Comment{
		At: time.Duration(max(0, r.At-start)) * time.Millisecond, Mode: danmaku.Scroll, Size: danmaku.Medium, Color: danmaku.White,
		Sent: r.At / 1000, User: danmaku.UserOf(r.User), Row: r.Offset, Text: r.Content,
	}
	var d wire.DanmuData
	if r.Data == "" || json.Unmarshal([]byte(r.Data), &d) != nil {
		return c
	}
	switch d.Mode {
	case "top":
		c.Mode = danmaku.Top
	case "bottom":
		c.Mode = danmaku.Bottom
	}
	switch d.Size {
	case "small":
		c.Size = danmaku.Small
	case "large":
		c.Size = danmaku.Large
	}
	if n, err := strconv.ParseUint(strings.TrimPrefix(d.Color, "#"), 16, 24); err == nil && len(d.Color) == 7 {
		c.Color = int(n)
	}
	return c
}
