package gift

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/ledger"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/store"
)

func (s *Service) walletRoutes(api *httpapi.API) {
	httpapi.Route(api, httpapi.Op{Method: http.MethodGet, Path: "/api/v1/wallet", Action: right.KeepWallet,
		Summary: "Your coins, and your income as an anchor"}, s.getWallet)
	httpapi.Route(api, httpapi.Op{Method: http.MethodGet, Path: "/api/v1/wallet/entries", Action: right.KeepWallet,
		Summary: "What changed your coins, newest first"}, s.getEntries)
	httpapi.Route(api, httpapi.Op{Method: http.MethodPost, Path: "/api/v1/wallet/topups", Action: right.PayIn,
		Status: http.StatusCreated, Summary: "Book a payment",
		Description: "By an admin, or by the payment provider: Barrage-Timestamp holds Unix seconds, Barrage-Signature " +
			"\"v1=\" and the hex HMAC-SHA256 of timestamp, a dot, and the body. The same payment_ref again is the same entry.",
		Errors: []*live.Error{ErrUnsigned, ErrStale, ledger.ErrBadAmount, ledger.ErrBadRef, ledger.ErrRefReused, store.ErrUserNotFound}}, s.postTopUp)
	httpapi.Route(api, httpapi.Op{Method: http.MethodPost, Path: "/api/v1/wallet/reconcile", Action: right.Reconcile,
		Status: http.StatusOK, Summary: "Check that no coin was made or lost, and that every settled gift was announced",
		Description: "For a scheduler. `differences` is empty when all is well."}, s.postReconcile)
}

type walletBody struct {
	Balance live.Coins `json:"balance"`
	Income  live.Coins `json:"income" doc:"What you earned by gifts to your rooms."`
}

func (s *Service) getWallet(ctx context.Context, _ *httpapi.None) (*httpapi.Body[walletBody], error) {
	caller, _ := httpapi.Caller(ctx)
	balance, err := s.Ledger.Balance(ctx, ledger.User(caller.User))
	if err != nil {
		return nil, err
	}
	income, err := s.Ledger.Balance(ctx, ledger.Anchor(caller.User))
	return &httpapi.Body[walletBody]{Body: walletBody{Balance: balance, Income: income}}, err
}

type entryBody struct {
	ID        int64      `json:"id"`
	Transfer  string     `json:"transfer" doc:"order:…, topup:… or refund:…"`
	Amount    live.Coins `json:"amount"`
	CreatedAt time.Time  `json:"created_at"`
}

func bodyOf(e ledger.Entry) entryBody {
	return entryBody{ID: e.ID, Transfer: e.Transfer, Amount: e.Amount, CreatedAt: e.CreatedAt}
}

var errBadCursor = live.Errorf(live.KindInvalid, "bad_cursor", "the cursor is not one that this list gave")

func (s *Service) getEntries(ctx context.Context, in *httpapi.PageQuery) (*httpapi.Body[httpapi.Page[entryBody]], error) {
	caller, _ := httpapi.Caller(ctx)
	before := int64(0)
	if in.Cursor != "" {
		var err error
		if before, err = strconv.ParseInt(in.Cursor, 10, 64); err != nil || before < 1 {
			return nil, errBadCursor
		}
	}
	entries, err := s.Ledger.Entries(ctx, ledger.User(caller.User), before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	next := ""
	if len(entries) > in.Limit {
		entries = entries[:in.Limit]
		next = strconv.FormatInt(entries[in.Limit-1].ID, 10)
	}
	items := make([]entryBody, len(entries))
	for i, e := range entries {
		items[i] = bodyOf(e)
	}
	return &httpapi.Body[httpapi.Page[entryBody]]{Body: httpapi.NewPage(items, next)}, nil
}

type topUpInput struct {
	Stamp     string `header:"Barrage-Timestamp"`
	Signature string `header:"Barrage-Signature"`
	RawBody   []byte
	Body      struct {
		UserID     int64  `json:"user_id" minimum:"1"`
		Amount     int64  `json:"amount"`
		PaymentRef string `json:"payment_ref" maxLength:"64"`
	}
}

func (s *Service) postTopUp(ctx context.Context, in *topUpInput) (*httpapi.Body[entryBody], error) {
	caller, _ := httpapi.Caller(ctx)
	if who := caller.Who(); right.Check(right.TopUp, who, who.Party()) != nil {
		if err := s.checkSignature(in.Stamp, in.Signature, in.RawBody); err != nil {
			return nil, err
		}
	}
	e, err := s.TopUp(ctx, ledger.TopUp{User: live.UserID(in.Body.UserID), Amount: live.Coins(in.Body.Amount), Ref: in.Body.PaymentRef})
	if err != nil {
		return nil, err
	}
	return &httpapi.Body[entryBody]{Body: bodyOf(e)}, nil
}

type reconcileInput struct {
	Minutes int `query:"minutes" default:"15" minimum:"1" maximum:"1440" doc:"Events in Kafka are looked for this far back."`
}

func (s *Service) postReconcile(ctx context.Context, in *reconcileInput) (*httpapi.Body[Report], error) {
	r, err := s.Reconcile(ctx, s.Now().Add(-time.Duration(in.Minutes)*time.Minute))
	return &httpapi.Body[Report]{Body: r}, err
}
