package gift

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/ledger"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/order"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/store"
)

// Routes registers the function's calls (CONTRACT §1).
func (s *Service) Routes(api *httpapi.API) {
	httpapi.Route(api, httpapi.Op{Method: http.MethodGet, Path: "/api/v1/gifts", Action: right.Look,
		Summary: "What can be given"}, s.getGifts)
	httpapi.Route(api, httpapi.Op{Method: http.MethodPut, Path: "/api/v1/gifts/{gift_id}", Action: right.EditCatalogue,
		Summary: "Make or change a gift of the catalogue"}, s.putGift)
	httpapi.Route(api, httpapi.Op{Method: http.MethodPost, Path: "/api/v1/rooms/{id}/gifts", Action: right.Give,
		Status: http.StatusAccepted, Summary: "Give", Tags: []string{"gifts"},
		Description: "The same Idempotency-Key is the same order. With `Prefer: wait=N` the answer is the result, when it is there within N seconds.",
		Errors:      []*live.Error{order.ErrBadKey, order.ErrKeyReused, order.ErrBadCount}}, s.postGift)
	httpapi.Route(api, httpapi.Op{Method: http.MethodGet, Path: "/api/v1/gifts/orders/{order_id}", Action: right.SeeOrder,
		Summary: "What became of an order of yours", Errors: []*live.Error{ledger.ErrNoOrder}}, s.getOrder)
	httpapi.Route(api, httpapi.Op{Method: http.MethodPost, Path: "/api/v1/gifts/orders/{order_id}/refund", Action: right.Refund,
		Status: http.StatusOK, Summary: "Give the coins of a settled order back",
		Errors: []*live.Error{ledger.ErrNoOrder, ledger.ErrNotSettled}}, s.postRefund)
	s.walletRoutes(api)
}

type giftBody struct {
	ID     live.GiftID `json:"id"`
	Name   string      `json:"name"`
	Price  live.Coins  `json:"price" doc:"Coins."`
	Icon   string      `json:"icon"`
	Effect string      `json:"effect" doc:"The page's animation; empty: none."`
}

type giftList struct {
	Items []giftBody `json:"items" nullable:"false"`
}

func (s *Service) getGifts(ctx context.Context, _ *httpapi.None) (*httpapi.Body[giftList], error) {
	gifts, err := s.Gifts(ctx)
	if err != nil {
		return nil, err
	}
	list := giftList{Items: []giftBody{}}
	for _, g := range gifts {
		if g.Active {
			list.Items = append(list.Items, giftBody{ID: g.ID, Name: g.Name, Price: g.Price, Icon: g.Icon, Effect: g.Effect})
		}
	}
	return &httpapi.Body[giftList]{Body: list}, nil
}

type putGiftInput struct {
	GiftID int64 `path:"gift_id" minimum:"1" maximum:"9007199254740991"`
	Body   struct {
		Name      string `json:"name" minLength:"1" maxLength:"64"`
		Price     int64  `json:"price" minimum:"1" maximum:"100000000" doc:"Coins."`
		Icon      string `json:"icon,omitempty" maxLength:"255"`
		Effect    string `json:"effect,omitempty" maxLength:"32" pattern:"^[a-z0-9-]*$"`
		Active    *bool  `json:"active,omitempty" doc:"false: can't be bought any more."`
		SortOrder int    `json:"sort_order,omitempty" minimum:"0" maximum:"1000000"`
	}
}

func (s *Service) putGift(ctx context.Context, in *putGiftInput) (*httpapi.Body[giftBody], error) {
	g := store.Gift{ID: live.GiftID(in.GiftID), Name: in.Body.Name, Price: live.Coins(in.Body.Price), Icon: in.Body.Icon,
		Effect: in.Body.Effect, Active: in.Body.Active == nil || *in.Body.Active, SortOrder: in.Body.SortOrder}
	if err := s.PutGift(ctx, g); err != nil {
		return nil, err
	}
	return &httpapi.Body[giftBody]{Body: giftBody{ID: g.ID, Name: g.Name, Price: g.Price, Icon: g.Icon, Effect: g.Effect}}, nil
}

type orderBody struct {
	OrderID   string      `json:"order_id"`
	Status    string      `json:"status" enum:"pending,settled,refused"`
	Code      string      `json:"code,omitempty" doc:"Why it was refused, or \"refunded\"."`
	GiftID    live.GiftID `json:"gift_id,omitempty"`
	Count     int         `json:"count,omitempty"`
	Cost      live.Coins  `json:"cost"`
	Balance   *live.Coins `json:"balance,omitempty" doc:"The sender's after the order."`
	SettledAt *time.Time  `json:"settled_at,omitempty"`
}

type orderAnswer struct {
	Status int
	Body   orderBody
}

func answer(id order.ID, r ledger.Receipt, ended bool) *orderAnswer {
	if !ended {
		return &orderAnswer{Status: http.StatusAccepted, Body: orderBody{OrderID: string(id), Status: "pending"}}
	}
	code := r.Code
	if r.Refunded {
		code = "refunded"
	}
	return &orderAnswer{Status: http.StatusOK, Body: orderBody{OrderID: r.OrderID, Status: string(r.Status), Code: code,
		GiftID: r.Gift, Count: r.Count, Cost: r.Cost, Balance: &r.Balance, SettledAt: &r.SettledAt}}
}

type postGiftInput struct {
	ID     int64  `path:"id" minimum:"1" maximum:"9007199254740991"`
	Key    string `header:"Idempotency-Key" required:"true" minLength:"1" maxLength:"64" doc:"Yours, unique to this gift: a UUID or ULID."`
	Prefer string `header:"Prefer" doc:"wait=N: wait up to N seconds, at most 10, for the result."`
	Body   struct {
		GiftID int64 `json:"gift_id"`
		Count  int64 `json:"count"`
	}
}

// maxWait stays below the time limits of gateways and functions.
const maxWait = 10 * time.Second

func (s *Service) postGift(ctx context.Context, in *postGiftInput) (*orderAnswer, error) {
	caller, _ := httpapi.Caller(ctx)
	count := in.Body.Count
	if count != int64(int(count)) {
		return nil, order.ErrBadCount
	}
	id, receipt, ended, err := s.Place(ctx, order.Request{Sender: caller.User, Nickname: caller.Nickname, Role: caller.Role,
		Room: live.RoomID(in.ID), Gift: live.GiftID(in.Body.GiftID), Count: int(count), Key: in.Key, At: s.Now()})
	if err != nil {
		return nil, err
	}
	if wait := preferredWait(in.Prefer); !ended && wait > 0 {
		if receipt, ended, err = s.Await(ctx, id, wait); err != nil {
			return nil, err
		}
	}
	return answer(id, receipt, ended), nil
}

// preferredWait reads "wait=N" of RFC 7240; what it can't read is no preference.
func preferredWait(prefer string) time.Duration {
	for part := range strings.SplitSeq(prefer, ",") {
		if n, ok := strings.CutPrefix(strings.TrimSpace(part), "wait="); ok {
			if seconds, err := strconv.ParseUint(n, 10, 16); err == nil {
				return min(time.Duration(seconds)*time.Second, maxWait)
			}
		}
	}
	return 0
}

type orderInput struct {
	OrderID string `path:"order_id" minLength:"1" maxLength:"64"`
}

func (s *Service) getOrder(ctx context.Context, in *orderInput) (*httpapi.Body[orderBody], error) {
	caller, _ := httpapi.Caller(ctx)
	receipt, ended, err := s.Order(ctx, order.ID(in.OrderID), caller.Who())
	if err != nil {
		return nil, err
	}
	return &httpapi.Body[orderBody]{Body: answer(order.ID(in.OrderID), receipt, ended).Body}, nil
}

func (s *Service) postRefund(ctx context.Context, in *orderInput) (*httpapi.Body[orderBody], error) {
	receipt, err := s.Refund(ctx, order.ID(in.OrderID))
	if err != nil {
		return nil, err
	}
	return &httpapi.Body[orderBody]{Body: answer(order.ID(in.OrderID), receipt, true).Body}, nil
}
