package gift

import (
	"context"
	"time"

	"github.com/barrage-live/barrage/shared/gifters"
	"github.com/barrage-live/barrage/shared/ledger"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/order"
	"github.com/barrage-live/barrage/shared/stream"
)

// rank puts the senders' new totals into the rankings. Totals are read from the ledger, so that a replay or a refund
// ranks nobody twice.
func (s *Service) rank(ctx context.Context, requests []order.Request, receipts []ledger.Receipt) error {
	type board struct {
		room live.RoomID
		day  time.Time
	}
	nicknames := map[live.UserID]string{}
	senders := map[board][]live.UserID{}
	for i, r := range receipts {
		if r.Status != ledger.Settled {
			continue
		}
		at := board{r.Room, r.SettledAt.UTC().Truncate(24 * time.Hour)}
		senders[at] = append(senders[at], r.Sender)
		nicknames[r.Sender] = requests[i].Nickname
	}
	for at, users := range senders {
		totals, err := s.Ledger.Totals(ctx, at.room, at.day, users)
		if err != nil {
			return stream.Outage(err)
		}
		if err := s.board.Put(ctx, ranked(totals, at.day, nicknames)); err != nil {
			return stream.Outage(err)
		}
	}
	return nil
}

func ranked(totals []ledger.Total, day time.Time, nicknames map[live.UserID]string) []gifters.Total {
	out := make([]gifters.Total, len(totals))
	for i, t := range totals {
		nickname := t.Nickname
		if nickname == "" {
			nickname = nicknames[t.SenderID]
		}
		out[i] = gifters.Total{Room: t.RoomID, Day: day, User: t.SenderID, Coins: t.Coins, Version: t.Version, Nickname: nickname}
	}
	return out
}

// RebuildGifters puts the totals of the day that at lies in into the rankings again, from the ledger, and returns how
// many there are. Gifts may be settled meanwhile.
func (s *Service) RebuildGifters(ctx context.Context, at time.Time) (int, error) {
	n := 0
	err := s.Ledger.EachTotal(ctx, at, func(part []ledger.Total) error {
		n += len(part)
		return s.board.Put(ctx, ranked(part, at, nil))
	})
	return n, err
}

// Refund gives the coins of a settled order back. When only the ranking fails, the refund is booked all the same: the
// same call again puts it right.
func (s *Service) Refund(ctx context.Context, id order.ID) (ledger.Receipt, error) {
	receipt, err := s.Ledger.Refund(ctx, string(id))
	if err != nil {
		return ledger.Receipt{}, err
	}
	totals, err := s.Ledger.Totals(ctx, receipt.Room, receipt.SettledAt, []live.UserID{receipt.Sender})
	if err != nil {
		return ledger.Receipt{}, err
	}
	return receipt, s.board.Put(ctx, ranked(totals, receipt.SettledAt, nil))
}
