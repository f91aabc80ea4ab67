package archive

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/recording"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/telemetry"
)

var (
	errNotRecorded = live.Errorf(live.KindNotFound, "not_recorded", "Nothing is recorded of such a session.")
	errAway        = live.Errorf(live.KindUnavailable, "archive_away", "Recordings can't be read at the moment.")
	errTooMany     = live.Errorf(live.KindInvalid, "too_long", "The session is too long to be replayed from here: read its Parquet.")
)

// Routes registers what the function answers over HTTP.
func (s *Service) Routes(api *httpapi.API) {
	httpapi.Route(api, httpapi.Op{
		Method: http.MethodGet, Path: "/api/v1/rooms/{id}/replay", Summary: "Play the danmu of a session again",
		Description: "Danmu in the order of time, each with offset_ms since the start of the session, and gifts if types asks for them; " +
			"as JSON in pages, with format=lines as JSON lines, up to 5,000 a document, or with format=xml as the XML that players' " +
			"plug-ins read, up to 10,000 danmu a document; of both, the header Link says where the next document is.",
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
	Format  string      `query:"format" enum:"json,lines,xml" default:"json"`
	Types   []string    `query:"types" enum:"danmu,gift" maxItems:"2" doc:"What to play; default: danmu. XML has danmu alone."`
	httpapi.PageQuery
}

// types are the messages to play.
func (in *replayIn) types() []live.MessageType {
	if in.Format == "xml" || len(in.Types) == 0 {
		return []live.MessageType{live.Danmu}
	}
	types := make([]live.MessageType, len(in.Types))
	for i, t := range in.Types {
		types[i] = live.MessageType(t)
	}
	return types
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
	httpapi.Page[Moment]
}

// Moment is a message as the room saw it, and when.
type Moment struct {
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
	switch in.Format {
	case "xml":
		return asXML(in, q.Session, rows, cursor)
	case "lines":
		return asLines(in, q.Session, rows, cursor)
	}
	return &replayOut{Body: Replay{SessionInfo: infoOf(q.Session), Page: httpapi.NewPage(moments(q.Session, rows), cursor)}}, nil
}

// query looks the session up and says what is asked for.
func (s *Service) query(ctx context.Context, in *replayIn) (recording.Query, error) {
	q := recording.Query{Types: in.types(), Limit: in.Limit}
	switch in.Format {
	case "xml":
		q.Limit = xmlPage
	case "lines":
		q.Limit = linesPage
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

func moments(of recording.Session, rows []recording.Row) []Moment {
	all := make([]Moment, len(rows))
	for i, r := range rows {
		all[i] = Moment{OffsetMS: r.At - of.ID(), Message: message(r)}
	}
	return all
}

func message(r recording.Row) live.Message {
	return live.Message{
		Type: live.MessageType(r.Type), ID: r.ID, RoomID: live.RoomID(r.Room), UserID: live.UserID(r.User), Content: r.Content,
		Data: json.RawMessage(r.Data), Seq: live.Seq(r.Seq), Timestamp: r.At,
	}
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
