package main

import (
	"context"
	"crypto/rand"
	"net/http"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/ledger"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
)

// coinsPath is where the page's users get coins for nothing: local mode's stand-in for a payment provider.
const coinsPath = "/demo/coins"

type coinsBody struct {
	Balance live.Coins `json:"balance"`
}

// coinsRoute fills the caller's own wallet up to demoCoins, by a top-up like any other.
func coinsRoute(api *httpapi.API, book *ledger.Ledger) {
	httpapi.Route(api, httpapi.Op{Method: http.MethodPost, Path: coinsPath, Action: right.KeepWallet, Status: http.StatusOK,
		Summary: "Fill your wallet up, for the demo"}, func(ctx context.Context, _ *httpapi.None) (*httpapi.Body[coinsBody], error) {
		caller, _ := httpapi.Caller(ctx)
		has, err := book.Balance(ctx, ledger.User(caller.User))
		if err != nil {
			return nil, err
		}
		if lacks := demoCoins - has; lacks > 0 {
			if _, err := book.TopUp(ctx, ledger.TopUp{User: caller.User, Amount: lacks, Ref: "demo-" + rand.Text()}); err != nil {
				return nil, err
			}
			has = demoCoins
		}
		return &httpapi.Body[coinsBody]{Body: coinsBody{Balance: has}}, nil
	})
}
