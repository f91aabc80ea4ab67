package moderation

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/rulebook"
)

const base = "/api/v1/rooms/{id}"

// Routes registers what the service answers over HTTP.
func (s *Service) Routes(api *httpapi.API) {
	httpapi.Route(api, op(http.MethodGet, "/moderators", "List the moderators", right.Look, http.StatusOK), s.getModerators)
	httpapi.Route(api, op(http.MethodPut, "/moderators/{user_id}", "Make a user a moderator", right.Appoint, http.StatusNoContent), s.putModerator)
	httpapi.Route(api, op(http.MethodDelete, "/moderators/{user_id}", "Make a user a moderator no longer", right.Appoint, http.StatusNoContent), s.deleteModerator)
	httpapi.Route(api, op(http.MethodGet, "/mutes", "List who is muted", right.Moderate, http.StatusOK), s.getMutes)
	httpapi.Route(api, op(http.MethodPut, "/mutes/{user_id}", "Mute a user", right.Moderate, http.StatusOK), s.putMute)
	httpapi.Route(api, op(http.MethodDelete, "/mutes/{user_id}", "Let a muted user speak", right.Moderate, http.StatusNoContent), s.deleteMute)
	httpapi.Route(api, op(http.MethodGet, "/bans", "List who is banned", right.Moderate, http.StatusOK), s.getBans)
	httpapi.Route(api, op(http.MethodPut, "/bans/{user_id}", "Ban a user", right.Moderate, http.StatusOK), s.putBan)
	httpapi.Route(api, op(http.MethodDelete, "/bans/{user_id}", "Let a banned user in", right.Moderate, http.StatusNoContent), s.deleteBan)
	httpapi.Route(api, op(http.MethodPost, "/kicks/{user_id}", "Close a user's connections", right.Moderate, http.StatusNoContent), s.postKick)
	httpapi.Route(api, op(http.MethodDelete, "/messages/{message_id}", "Delete a danmu", right.Moderate, http.StatusNoContent), s.deleteMessage)
	httpapi.Route(api, op(http.MethodGet, "/held", "List the danmu that wait for a moderator", right.Moderate, http.StatusOK), s.getHeld)
	httpapi.Route(api, op(http.MethodPost, "/held/{message_id}/release", "Show a danmu that waits", right.Moderate, http.StatusNoContent), s.postRelease)
	httpapi.Route(api, op(http.MethodDelete, "/held/{message_id}", "Refuse a danmu that waits", right.Moderate, http.StatusNoContent), s.deleteHeld)
	httpapi.Route(api, op(http.MethodGet, "/moderation", "List what was decided, newest first", right.Moderate, http.StatusOK), s.getLog)
	httpapi.Route(api, op(http.MethodGet, "/settings", "Look at the settings", right.Look, http.StatusOK), s.getSettings)
	httpapi.Route(api, op(http.MethodPatch, "/settings", "Change the settings", right.Configure, http.StatusOK), s.patchSettings)
}

func op(method, path, summary string, action right.Action, status int) httpapi.Op {
	return httpapi.Op{Method: method, Path: base + path, Summary: summary, Action: action, Status: status, Tags: []string{"moderation"}}
}

// caller is who calls; a guest is the zero Who.
func caller(ctx context.Context) right.Who {
	id, _ := httpapi.Caller(ctx)
	return id.Who()
}

// RoomPath is the input of every call on one room. It is exported because huma fills no others when they are embedded.
type RoomPath struct {
	ID live.RoomID `path:"id" minimum:"1" maximum:"9007199254740991"`
}

// MemberPath is the input of every call on one user of a room; see RoomPath.
type MemberPath struct {
	RoomPath
	UserID live.UserID `path:"user_id" minimum:"1" maximum:"9007199254740991"`
}

type term struct {
	Seconds int64  `json:"seconds,omitempty" minimum:"0" maximum:"31536000" doc:"0: until it is lifted"`
	Reason  string `json:"reason,omitempty" maxLength:"200" doc:"The user is told, and the log keeps it"`
}

type putSanctionIn struct {
	MemberPath
	Body *term
}

func (in *putSanctionIn) term() Term {
	if in.Body == nil {
		return Term{}
	}
	return Term{For: time.Duration(in.Body.Seconds) * time.Second, Reason: oneLine(in.Body.Reason)}
}

type sanction struct {
	UserID live.UserID `json:"user_id"`
	Until  *time.Time  `json:"until" doc:"null: until it is lifted"`
	Reason string      `json:"reason"`
	By     live.UserID `json:"by" doc:"0: a server"`
	Since  time.Time   `json:"since"`
}

func sanctionOf(s rulebook.Sanction) sanction {
	return sanction{UserID: s.User, Until: end(s.Until), Reason: s.Reason, By: s.By, Since: s.Since.UTC().Truncate(time.Millisecond)}
}

// end is nil for what has none.
func end(until time.Time) *time.Time {
	if until.IsZero() || !until.Before(roomstate.Forever()) {
		return nil
	}
	until = until.UTC().Truncate(time.Millisecond)
	return &until
}

type sanctionOut = httpapi.Body[sanction]

func (s *Service) putMute(ctx context.Context, in *putSanctionIn) (*sanctionOut, error) {
	muted, err := s.Mute(ctx, caller(ctx), in.ID, in.UserID, in.term())
	return &sanctionOut{Body: sanctionOf(muted)}, err
}

func (s *Service) deleteMute(ctx context.Context, in *MemberPath) (*httpapi.None, error) {
	return nil, s.Unmute(ctx, caller(ctx), in.ID, in.UserID)
}

func (s *Service) putBan(ctx context.Context, in *putSanctionIn) (*sanctionOut, error) {
	banned, err := s.Ban(ctx, caller(ctx), in.ID, in.UserID, in.term())
	return &sanctionOut{Body: sanctionOf(banned)}, err
}

func (s *Service) deleteBan(ctx context.Context, in *MemberPath) (*httpapi.None, error) {
	return nil, s.Unban(ctx, caller(ctx), in.ID, in.UserID)
}

type listIn struct {
	RoomPath
	httpapi.PageQuery
}

type sanctionsOut = httpapi.Body[httpapi.Page[sanction]]

func (s *Service) getMutes(ctx context.Context, in *listIn) (*sanctionsOut, error) {
	return listed(ctx, in, s.Mutes)
}

func (s *Service) getBans(ctx context.Context, in *listIn) (*sanctionsOut, error) {
	return listed(ctx, in, s.Bans)
}

type lister func(ctx context.Context, by right.Who, id live.RoomID, after live.UserID, limit int) ([]rulebook.Sanction, bool, error)

func listed(ctx context.Context, in *listIn, list lister) (*sanctionsOut, error) {
	after, err := position(in.Cursor)
	if err != nil {
		return nil, err
	}
	found, more, err := list(ctx, caller(ctx), in.ID, live.UserID(after), in.Limit)
	if err != nil {
		return nil, err
	}
	items := make([]sanction, len(found))
	for i, one := range found {
		items[i] = sanctionOf(one)
	}
	next := ""
	if more {
		next = strconv.FormatInt(int64(found[len(found)-1].User), 10)
	}
	return &sanctionsOut{Body: httpapi.NewPage(items, next)}, nil
}

type kickIn struct {
	MemberPath
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"200"`
	}
}

func (s *Service) postKick(ctx context.Context, in *kickIn) (*httpapi.None, error) {
	reason := ""
	if in.Body != nil {
		reason = oneLine(in.Body.Reason)
	}
	return nil, s.Kick(ctx, caller(ctx), in.ID, in.UserID, reason)
}

type messageIn struct {
	RoomPath
	MessageID string      `path:"message_id" maxLength:"64" pattern:"^[A-Za-z0-9_.:-]+$" doc:"As it was shown with"`
	Sender    live.UserID `query:"user_id" minimum:"0" maximum:"9007199254740991" doc:"Whose it is: needed when two have the same id, or when the room no longer keeps it"`
}

func (s *Service) deleteMessage(ctx context.Context, in *messageIn) (*httpapi.None, error) {
	return nil, s.Delete(ctx, caller(ctx), in.ID, in.MessageID, in.Sender)
}

type logEntry struct {
	ID        int64           `json:"id"`
	Action    rulebook.Action `json:"action" enum:"mute,unmute,ban,unban,kick,delete,release,refuse,appoint,dismiss,settings"`
	UserID    live.UserID     `json:"user_id,omitempty" doc:"Whom it is about"`
	By        live.UserID     `json:"by" doc:"0: a server"`
	MessageID string          `json:"message_id,omitempty"`
	Until     *time.Time      `json:"until,omitempty" doc:"Of a mute or ban; left out: until it is lifted"`
	Reason    string          `json:"reason,omitempty"`
	Settings  json.RawMessage `json:"settings,omitempty" doc:"What was set; of blocked words, how many"`
	At        time.Time       `json:"at"`
}

type logOut = httpapi.Body[httpapi.Page[logEntry]]

func (s *Service) getLog(ctx context.Context, in *listIn) (*logOut, error) {
	before, err := position(in.Cursor)
	if err != nil {
		return nil, err
	}
	found, err := s.Log(ctx, caller(ctx), in.ID, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	next := ""
	if len(found) > in.Limit {
		found = found[:in.Limit]
		next = strconv.FormatInt(found[in.Limit-1].ID, 10)
	}
	items := make([]logEntry, len(found))
	for i, e := range found {
		items[i] = logEntry{
			ID: e.ID, Action: e.Action, UserID: e.User, By: e.By, MessageID: e.MessageID, Until: end(e.Until),
			Reason: e.Reason, Settings: json.RawMessage(e.Detail), At: e.At,
		}
	}
	return &logOut{Body: httpapi.NewPage(items, next)}, nil
}

var errBadCursor = live.Errorf(live.KindInvalid, "bad_cursor", "The cursor does not belong to this list.")

func position(cursor string) (int64, error) {
	if cursor == "" {
		return 0, nil
	}
	at, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil || at <= 0 {
		return 0, errBadCursor
	}
	return at, nil
}
