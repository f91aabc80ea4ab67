package room

import (
	"context"
	"net/http"
	"strconv"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/pictures"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/token"
	"github.com/barrage-live/barrage/shared/wire"
)

// Routes registers what the function answers over HTTP.
func (s *Service) Routes(api *httpapi.API) {
	const one = "/api/v1/rooms/{id}"
	httpapi.Route(api, op(http.MethodPost, "/api/v1/rooms", "Create a room", right.OpenRoom, http.StatusCreated), s.postRoom)
	httpapi.Route(api, op(http.MethodGet, "/api/v1/rooms", "List rooms", right.Look, http.StatusOK), s.getRooms)
	httpapi.Route(api, op(http.MethodGet, one, "Look at a room", right.Look, http.StatusOK), s.getRoom)
	httpapi.Route(api, op(http.MethodPatch, one, "Change a room", right.RunRoom, http.StatusOK), s.patchRoom)
	httpapi.Route(api, op(http.MethodPost, one+"/start", "Go live", right.RunRoom, http.StatusOK), s.postStart)
	httpapi.Route(api, op(http.MethodPost, one+"/stop", "End the stream", right.RunRoom, http.StatusOK), s.postStop)
	upload := op(http.MethodPost, one+"/cover-upload", "Upload a cover", right.RunRoom, http.StatusOK)
	upload.Description = "PUT the file to `upload_url` with `headers`; then set the room's `cover` to `url`."
	upload.Errors = pictures.Errors()
	httpapi.Route(api, upload, s.postCoverUpload)
	httpapi.Route(api, op(http.MethodPost, one+"/join", "Join as a viewer for 60 s", right.Join, http.StatusOK), s.postJoin)
	httpapi.Route(api, op(http.MethodPost, one+"/leave", "Leave", right.Join, http.StatusOK), s.postLeave)
	httpapi.Route(api, op(http.MethodGet, one+"/viewers", "List viewers (sampled) and count them", right.Look, http.StatusOK), s.getViewers)
	httpapi.Route(api, op(http.MethodGet, one+"/messages", "List recent messages, oldest first", right.Look, http.StatusOK), s.getMessages)
	httpapi.Route(api, op(http.MethodPost, one+"/messages", "Send a danmu or likes", right.Speak, http.StatusOK), s.postMessage)
}

func op(method, path, summary string, action right.Action, status int) httpapi.Op {
	return httpapi.Op{Method: method, Path: path, Summary: summary, Action: action, Status: status, Tags: []string{"room"}}
}

// caller is who calls; a guest is the zero Identity.
func caller(ctx context.Context) token.Identity {
	id, _ := httpapi.Caller(ctx)
	return id
}

// RoomPath is the input of every call on one room. It is exported because huma fills no others when they are embedded.
type RoomPath struct {
	ID live.RoomID `path:"id" minimum:"1" maximum:"9007199254740991"`
}

type roomOut = httpapi.Body[live.Room]

func answer(room live.Room, err error) (*roomOut, error) {
	if err != nil {
		return nil, err
	}
	return &roomOut{Body: room}, nil
}

type postRoomIn struct {
	Body struct {
		Title string `json:"title" minLength:"1" maxLength:"100" pattern:"\\S" patternDescription:"not blank"`
		Cover string `json:"cover,omitempty" maxLength:"1024" format:"uri-reference"`
	}
}

func (s *Service) postRoom(ctx context.Context, in *postRoomIn) (*roomOut, error) {
	return answer(s.Create(ctx, caller(ctx).User, in.Body.Title, in.Body.Cover))
}

type getRoomsIn struct {
	Status int    `query:"status" default:"-1" minimum:"-1" maximum:"2" doc:"0 not started, 1 live, 2 ended; left out: any"`
	Sort   string `query:"sort" default:"hot" enum:"hot,new"`
	httpapi.PageQuery
}

type roomsOut = httpapi.Body[httpapi.Page[live.Room]]

func (s *Service) getRooms(ctx context.Context, in *getRoomsIn) (*roomsOut, error) {
	q := store.RoomQuery{Sort: store.Sort(in.Sort), Limit: in.Limit, Cursor: in.Cursor}
	if in.Status >= 0 {
		status := live.RoomStatus(in.Status)
		q.Status = &status
	}
	rooms, next, err := s.Rooms(ctx, q)
	if err != nil {
		return nil, err
	}
	return &roomsOut{Body: httpapi.NewPage(rooms, next)}, nil
}

func (s *Service) getRoom(ctx context.Context, in *RoomPath) (*roomOut, error) {
	return answer(s.Room(ctx, in.ID))
}

type patchRoomIn struct {
	RoomPath
	Body struct {
		Title *string `json:"title,omitempty" minLength:"1" maxLength:"100" pattern:"\\S" patternDescription:"not blank"`
		Cover *string `json:"cover,omitempty" maxLength:"1024" format:"uri-reference"`
	}
}

func (s *Service) patchRoom(ctx context.Context, in *patchRoomIn) (*roomOut, error) {
	by, err := s.runner(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return answer(s.Update(ctx, by, in.ID, store.RoomPatch{Title: in.Body.Title, Cover: in.Body.Cover}))
}

type coverIn struct {
	RoomPath
	Body pictures.Request
}

func (s *Service) postCoverUpload(ctx context.Context, in *coverIn) (*httpapi.Body[pictures.Offer], error) {
	if _, err := s.runner(ctx, in.ID); err != nil {
		return nil, err
	}
	offer, err := s.shelf.Cover(ctx, caller(ctx).User, in.ID, in.Body)
	return &httpapi.Body[pictures.Offer]{Body: offer}, err
}

func (s *Service) postStart(ctx context.Context, in *RoomPath) (*roomOut, error) {
	by, err := s.runner(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return answer(s.Start(ctx, by, in.ID))
}

func (s *Service) postStop(ctx context.Context, in *RoomPath) (*roomOut, error) {
	by, err := s.runner(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return answer(s.Stop(ctx, by, in.ID))
}

type audienceOut = httpapi.Body[Audience]

func (s *Service) postJoin(ctx context.Context, in *RoomPath) (*audienceOut, error) {
	a, err := s.Join(ctx, caller(ctx).User, in.ID)
	return &audienceOut{Body: a}, err
}

func (s *Service) postLeave(ctx context.Context, in *RoomPath) (*audienceOut, error) {
	a, err := s.Leave(ctx, caller(ctx).User, in.ID)
	return &audienceOut{Body: a}, err
}

type getViewersIn struct {
	RoomPath
	Limit int `query:"limit" default:"20" minimum:"1" maximum:"100"`
}

// viewer is one of the sample.
type viewer struct {
	UserID live.UserID `json:"user_id"`
}

type viewersOut struct {
	Body struct {
		httpapi.Page[viewer]
		Count int64 `json:"count" doc:"All who watch, users once; items are at most limit of them"`
	}
}

func (s *Service) getViewers(ctx context.Context, in *getViewersIn) (*viewersOut, error) {
	users, count, err := s.Viewers(ctx, in.ID, in.Limit)
	if err != nil {
		return nil, err
	}
	var out viewersOut
	out.Body.Count = count
	out.Body.Items = make([]viewer, len(users))
	for i, user := range users {
		out.Body.Items[i].UserID = user
	}
	return &out, nil
}

type getMessagesIn struct {
	RoomPath
	Before live.Seq `query:"before_seq" minimum:"0" doc:"Only messages before this seq; next_cursor is the value for the page before"`
	Limit  int      `query:"limit" default:"20" minimum:"1" maximum:"100"`
}

type messagesOut = httpapi.Body[httpapi.Page[live.Message]]

// getMessages pages backwards: next_cursor is empty once the room's first kept message was shown.
func (s *Service) getMessages(ctx context.Context, in *getMessagesIn) (*messagesOut, error) {
	messages, err := s.Messages(ctx, in.ID, in.Before, in.Limit)
	if err != nil {
		return nil, err
	}
	page := httpapi.Page[live.Message]{Items: messages}
	if len(messages) == in.Limit && messages[0].Seq > 1 {
		page.NextCursor = strconv.FormatInt(int64(messages[0].Seq), 10)
	}
	return &messagesOut{Body: page}, nil
}

type postMessageIn struct {
	RoomPath
	Body struct {
		Type    live.MessageType `json:"type,omitempty" enum:"danmu,like" default:"danmu"`
		ID      string           `json:"id,omitempty" maxLength:"64" doc:"The client's own; the same id again within 2 minutes is shown once"`
		Content string           `json:"content,omitempty" doc:"1–100 characters of a danmu"`
		Data    struct {
			Color string `json:"color,omitempty" example:"#ffffff"`
			Mode  string `json:"mode,omitempty" enum:"scroll,top,bottom"`
			Size  string `json:"size,omitempty" enum:"small,medium,large"`
			Count int    `json:"count,omitempty" minimum:"1" maximum:"100" doc:"Of likes"`
		} `json:"data,omitempty"`
	}
}

type postMessageOut struct {
	Body struct {
		ID    string   `json:"id"`
		Seq   live.Seq `json:"seq"`
		Shown bool     `json:"shown" doc:"false: durable, but the room's display budget did not show it"`
	}
}

func (s *Service) postMessage(ctx context.Context, in *postMessageIn) (*postMessageOut, error) {
	b := in.Body
	reply, err := s.Say(ctx, caller(ctx), in.ID, wire.Inbound{
		Type: b.Type, ID: b.ID, Content: b.Content, LikeCount: b.Data.Count,
		Danmu: wire.DanmuStyle{Color: b.Data.Color, Mode: b.Data.Mode, Size: b.Data.Size},
	})
	if err != nil {
		return nil, err
	}
	var out postMessageOut
	out.Body.ID, out.Body.Seq, out.Body.Shown = reply.ID, reply.Seq, reply.Shown
	return &out, nil
}
