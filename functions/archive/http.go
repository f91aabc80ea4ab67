package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/barrage-live/barrage/shared/danmaku"
	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/recording"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// xmlPage is how many comments one document has at most: about a megabyte, which every host lets through.
const xmlPage = 10_000

var (
	errNotRecorded = live.Errorf(live.KindNotFound, "not_recorded", "Nothing is recorded of such a session.")
	errAway        = live.Errorf(live.KindUnavailable, "archive_away", "Recordings can't be read at the moment.")
	errTooMany     = live.Errorf(live.KindInvalid, "too_long", "The session is too long to be replayed from here: read its Parquet.")
)

// Routes registers what the function answers over HTTP.
func (s *Service) Routes(api *httpapi.API) {
	httpapi.Route(api, httpapi.Op{
		Method: http.MethodGet, Path: "/api/v1/rooms/{id}/replay", Summary: "Play the danmu of a session again",
		Description: "Danmu in the order of time, each with offset_ms since the start of the session; as JSON in pages, or with " +
			"format=xml as the XML that players' plug-ins read, with up to 10,000 a document and the next one in the header Link.",
		Action: right.Look, Status: http.StatusOK, Tags: []string{"archive"}, Errors: []*live.Error{errNotRecorded, errBadCursor, errBadSpan},
	}, s.getReplay)
	httpapi.Route(api, httpapi.Op{
		Method: http.MethodGet, Path: "/api/v1/rooms/{id}/sessions", Summary: "List the recorded sessions of a room, newest first",
		Action: right.Look, Status: http.StatusOK, Tags: []string{"archive"}, Errors: []*live.Error{errBadCursor},
	}, s.getSessions)
}

type replayIn struct {
	ID      live.RoomID `path:"id" minimum:"1" maximum:"9007199254740991"`
	Session string      `query:"session" pattern:"^[0-9]{1,13}$" patternDescription:"a session's id" doc:"Which session; default: the latest."`
	FromMS  int64       `query:"from_ms" minimum:"0" maximum:"31536000000" doc:"Begin so long after the start."`
	ToMS    int64       `query:"to_ms" minimum:"0" maximum:"31536000000" doc:"End before so long after the start; default: the end."`
	Format  string      `query:"format" enum:"json,xml" default:"json"`
	httpapi.PageQuery
}

// replayOut holds a Replay, or a document.
type replayOut struct {
	ContentType string `header:"Content-Type"`
	Link        string `header:"Link"`
	Body        any
}

// SessionInfo is what is told of a session.
type SessionInfo struct {
	Session string      `json:"session"`
	Title   string      `json:"title"`
	Anchor  live.UserID `json:"anchor_id"`
	Started time.Time   `json:"started_at"`
	Ended   *time.Time  `json:"ended_at"`
}

// Replay is one page of a session.
type Replay struct {
	SessionInfo
	httpapi.Page[Danmu]
}

// Danmu is a message as the room saw it, and when.
type Danmu struct {
	OffsetMS int64 `json:"offset_ms"`
	live.Message
}

func infoOf(one recording.Session) SessionInfo {
	return SessionInfo{
		Session: strconv.FormatInt(one.ID(), 10), Title: one.Title, Anchor: one.Anchor, Started: one.Started, Ended: one.Ended,
	}
}

func (s *Service) getReplay(ctx context.Context, in *replayIn) (*replayOut, error) {
	q, err := s.query(ctx, in)
	if err != nil {
		return nil, s.refusal(ctx, err)
	}
	rows, next, more, err := s.deps.Recordings.Page(ctx, q)
	if err != nil {
		return nil, s.refusal(ctx, err)
	}
	cursor := ""
	if more {
		cursor = place{Session: q.Session.ID(), Place: next}.String()
	}
	if in.Format == "xml" {
		return document(in, q.Session, rows, cursor)
	}
	page := Replay{SessionInfo: infoOf(q.Session), Page: httpapi.NewPage(make([]Danmu, 0, len(rows)), cursor)}
	for _, r := range rows {
		page.Items = append(page.Items, Danmu{OffsetMS: r.At - q.Session.ID(), Message: message(r)})
	}
	return &replayOut{Body: page}, nil
}

// query looks the session up and says what is asked for.
func (s *Service) query(ctx context.Context, in *replayIn) (recording.Query, error) {
	q := recording.Query{Type: live.Danmu, Limit: in.Limit}
	if in.Format == "xml" {
		q.Limit = xmlPage
	}
	start, _ := strconv.ParseInt(in.Session, 10, 64) // checked by its pattern; none is the latest
	if in.Cursor != "" {
		at, err := parsePlace(in.Cursor)
		if err != nil || start != 0 && start != at.Session {
			return q, errBadCursor
		}
		start, q.After = at.Session, at.Place // the latest session may be another one by now
	}
	var err error
	if q.Session, err = s.deps.Recordings.Session(ctx, in.ID, start); err != nil {
		return q, err
	}
	q.From, q.To = q.Session.ID(), s.now().UnixMilli()+1
	if ended := q.Session.Ended; ended != nil {
		q.To = ended.UnixMilli() + 1
	}
	if in.ToMS > 0 {
		if in.ToMS <= in.FromMS {
			return q, errBadSpan
		}
		q.To = min(q.To, q.From+in.ToMS)
	}
	q.From += in.FromMS
	return q, nil
}

// refusal turns what is known of recordings into what callers are told.
func (s *Service) refusal(ctx context.Context, err error) error {
	var known *live.Error
	switch {
	case errors.Is(err, recording.ErrNoSession):
		return errNotRecorded
	case errors.Is(err, recording.ErrTooMany):
		return errTooMany
	case errors.As(err, &known) || ctx.Err() != nil:
		return err
	}
	s.deps.Telemetry.Logger().ErrorContext(ctx, "recordings can't be read", telemetry.Err, err)
	return errAway // rooms are well all the same: this is not "internal"
}

func message(r recording.Row) live.Message {
	return live.Message{
		Type: live.MessageType(r.Type), ID: r.ID, RoomID: live.RoomID(r.Room), UserID: live.UserID(r.User), Content: r.Content,
		Data: json.RawMessage(r.Data), Seq: live.Seq(r.Seq), Timestamp: r.At,
	}
}

// document is the page as XML.
func document(in *replayIn, of recording.Session, rows []recording.Row, cursor string) (*replayOut, error) {
	comments := make([]danmaku.Comment, len(rows))
	for i, r := range rows {
		comments[i] = comment(r, of.ID())
	}
	var body bytes.Buffer
	if err := danmaku.Encode(&body, int64(of.Room), comments); err != nil {
		return nil, err
	}
	out := &replayOut{ContentType: "application/xml; charset=utf-8", Body: body.Bytes()}
	if cursor != "" {
		more := url.Values{"format": {"xml"}, "cursor": {cursor}}
		if in.FromMS > 0 {
			more.Set("from_ms", strconv.FormatInt(in.FromMS, 10))
		}
		if in.ToMS > 0 {
			more.Set("to_ms", strconv.FormatInt(in.ToMS, 10))
		}
		out.Link = fmt.Sprintf(`</api/v1/rooms/%d/replay?%s>; rel="next"`, in.ID, more.Encode())
	}
	return out, nil
}

type sessionsIn struct {
	ID live.RoomID `path:"id" minimum:"1" maximum:"9007199254740991"`
	httpapi.PageQuery
}

func (s *Service) getSessions(ctx context.Context, in *sessionsIn) (*httpapi.Body[httpapi.Page[SessionInfo]], error) {
	var before int64
	if in.Cursor != "" {
		var err error
		if before, err = strconv.ParseInt(in.Cursor, 10, 64); err != nil || before <= 0 {
			return nil, errBadCursor
		}
	}
	found, err := s.deps.Recordings.Sessions(ctx, in.ID, before, in.Limit)
	if err != nil {
		return nil, s.refusal(ctx, err)
	}
	page := httpapi.NewPage(make([]SessionInfo, 0, len(found)), "")
	for _, one := range found {
		page.Items = append(page.Items, infoOf(one))
	}
	if len(found) == in.Limit {
		page.NextCursor = strconv.FormatInt(found[len(found)-1].ID(), 10)
	}
	return &httpapi.Body[httpapi.Page[SessionInfo]]{Body: page}, nil
}
