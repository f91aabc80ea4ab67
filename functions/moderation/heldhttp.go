package moderation

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/barrage-live/barrage/shared/held"
	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

type heldMessage struct {
	MessageID string      `json:"message_id"`
	UserID    live.UserID `json:"user_id"`
	Nickname  string      `json:"nickname"`
	Content   string      `json:"content"`
	At        time.Time   `json:"at" doc:"When it was written"`
	Until     time.Time   `json:"until" doc:"When it is dropped unless somebody decides"`
}

type heldOut = httpapi.Body[httpapi.Page[heldMessage]]

func (s *Service) getHeld(ctx context.Context, in *listIn) (*heldOut, error) {
	list, err := s.Held(ctx, caller(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	if in.Cursor != "" {
		at := slices.IndexFunc(list, func(d held.Danmu) bool { return cursorOf(d) > in.Cursor })
		if at < 0 {
			at = len(list)
		}
		list = list[at:]
	}
	next := ""
	if len(list) > in.Limit {
		list = list[:in.Limit]
		next = cursorOf(list[in.Limit-1])
	}
	items := make([]heldMessage, len(list))
	for i, d := range list {
		if items[i], err = heldMessageOf(d); err != nil {
			return nil, err
		}
	}
	return &heldOut{Body: httpapi.NewPage(items, next)}, nil
}

// cursorOf sorts as the list does.
func cursorOf(d held.Danmu) string { return fmt.Sprintf("%d.%d/%s", d.Until.UnixMilli(), d.User, d.ID) }

func heldMessageOf(d held.Danmu) (heldMessage, error) {
	m, err := wire.Unmarshal(d.Payload)
	if err != nil {
		return heldMessage{}, err
	}
	var data wire.DanmuData
	if err := json.Unmarshal(m.Data, &data); err != nil {
		return heldMessage{}, err
	}
	return heldMessage{
		MessageID: d.ID, UserID: d.User, Nickname: data.Nickname, Content: m.Content,
		At: time.UnixMilli(m.Timestamp).UTC(), Until: d.Until.UTC(),
	}, nil
}

func (s *Service) postRelease(ctx context.Context, in *messageIn) (*httpapi.None, error) {
	return nil, s.Release(ctx, caller(ctx), in.ID, in.MessageID, in.Sender)
}

func (s *Service) deleteHeld(ctx context.Context, in *messageIn) (*httpapi.None, error) {
	return nil, s.Refuse(ctx, caller(ctx), in.ID, in.MessageID, in.Sender)
}
