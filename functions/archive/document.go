package archive

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/barrage-live/barrage/shared/danmaku"
	"github.com/barrage-live/barrage/shared/recording"
)

// How many messages one document has at most: one or two megabytes as a rule, and never more than every host lets through.
const (
	xmlPage   = 10_000
	linesPage = 5_000
)

// asXML is the page as players' plug-ins read it.
func asXML(in *replayIn, of recording.Session, rows []recording.Row, cursor string) (*replayOut, error) {
	comments := make([]danmaku.Comment, len(rows))
	for i, r := range rows {
		comments[i] = comment(r, of.ID())
	}
	var body bytes.Buffer
	if err := danmaku.Encode(&body, int64(of.Room), comments); err != nil {
		return nil, err
	}
	return &replayOut{ContentType: "application/xml; charset=utf-8", Link: in.next(cursor), Body: body.Bytes()}, nil
}

// asLines is the page for who plays a whole session: a JSON object a line, and far more of them than a list has.
func asLines(in *replayIn, of recording.Session, rows []recording.Row, cursor string) (*replayOut, error) {
	var body bytes.Buffer
	lines := json.NewEncoder(&body)
	for _, m := range moments(of, rows) {
		if err := lines.Encode(m); err != nil {
			return nil, fmt.Errorf("encode message at %d ms of session %d: %w", m.OffsetMS, of.ID(), err)
		}
	}
	return &replayOut{ContentType: "application/x-ndjson", Link: in.next(cursor), Body: body.Bytes()}, nil
}

// next is the header that says where the document after this one is; empty behind the last one.
func (in *replayIn) next(cursor string) string {
	if cursor == "" {
		return ""
	}
	query := url.Values{"format": {in.Format}, "cursor": {cursor}}
	if len(in.Types) > 0 {
		query.Set("types", strings.Join(in.Types, ","))
	}
	if in.FromMS > 0 {
		query.Set("from_ms", strconv.FormatInt(in.FromMS, 10))
	}
	if in.ToMS > 0 {
		query.Set("to_ms", strconv.FormatInt(in.ToMS, 10))
	}
	return fmt.Sprintf(`</api/v1/rooms/%d/replay?%s>; rel="next"`, in.ID, query.Encode())
}
