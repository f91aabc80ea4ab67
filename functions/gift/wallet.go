package gift

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/barrage-live/barrage/shared/ledger"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/order"
	"github.com/barrage-live/barrage/shared/right"
)

// ErrUnsigned says why a top-up that no admin made was refused.
var (
	ErrUnsigned = live.Errorf(live.KindUnauthenticated, "bad_signature", "top-ups need an admin's token or the payment provider's signature")
	ErrStale    = live.Errorf(live.KindUnauthenticated, "stale_signature", "the signature's time stamp is more than %d minutes off", int(replayWindow.Minutes()))
)

// replayWindow is how far a webhook's time stamp may be from now. Within it a copy is harmless: its payment_ref is known.
const replayWindow = 5 * time.Minute

// signaturePrefix names the scheme, so that a stronger one can follow.
const signaturePrefix = "v1="

// Sign is the payment provider's side: the value of Barrage-Signature for a body sent at the Unix second stamp.
func Sign(secret string, stamp int64, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(strconv.AppendInt(nil, stamp, 10))
	mac.Write([]byte{'.'})
	mac.Write(body)
	return signaturePrefix + hex.EncodeToString(mac.Sum(nil))
}

// checkSignature compares in constant time. Without a secret nothing is signed.
func (s *Service) checkSignature(stamp, signature string, body []byte) error {
	at, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || s.WebhookSecret == "" || !strings.HasPrefix(signature, signaturePrefix) {
		return ErrUnsigned
	}
	if !hmac.Equal([]byte(signature), []byte(Sign(s.WebhookSecret, at, body))) {
		return ErrUnsigned
	}
	if off := s.Now().Sub(time.Unix(at, 0)); off > replayWindow || off < -replayWindow {
		return ErrStale
	}
	return nil
}

// TopUp books a payment for a user that exists.
func (s *Service) TopUp(ctx context.Context, t ledger.TopUp) (ledger.Entry, error) {
	if _, err := s.Store.User(ctx, t.User); err != nil {
		return ledger.Entry{}, err
	}
	return s.Ledger.TopUp(ctx, t)
}

// Place asks for a gift. ended is true when the order had ended before, and receipt says how.
func (s *Service) Place(ctx context.Context, r order.Request) (id order.ID, receipt ledger.Receipt, ended bool, err error) {
	if err := r.Check(); err != nil {
		return "", ledger.Receipt{}, false, err
	}
	receipt, err = s.Ledger.Order(ctx, string(r.ID()))
	switch {
	case err == nil && receipt.Fingerprint != r.Fingerprint():
		return "", ledger.Receipt{}, false, order.ErrKeyReused
	case err == nil:
		return r.ID(), receipt, true, nil
	case !errors.Is(err, ledger.ErrNoOrder):
		return "", ledger.Receipt{}, false, err
	}
	id, err = s.door.Place(ctx, r)
	return id, ledger.Receipt{}, false, err
}

// How often Await looks: soon at first, as most orders settle within milliseconds.
const (
	firstLook = 10 * time.Millisecond
	lastLook  = 200 * time.Millisecond
)

// Await waits until the order has ended or d is over; ended tells which.
func (s *Service) Await(ctx context.Context, id order.ID, d time.Duration) (receipt ledger.Receipt, ended bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		receipt, err := s.Ledger.Order(ctx, string(id))
		switch {
		case err == nil:
			return receipt, true, nil
		case ctx.Err() != nil:
			return ledger.Receipt{}, false, nil
		case !errors.Is(err, ledger.ErrNoOrder):
			return ledger.Receipt{}, false, err
		}
		select {
		case <-ctx.Done():
			return ledger.Receipt{}, false, nil
		case <-time.After(pause):
		}
	}
}

// Order returns an order that who may see. Somebody else's is as unknown as none.
func (s *Service) Order(ctx context.Context, id order.ID, who right.Who) (receipt ledger.Receipt, ended bool, err error) {
	receipt, err = s.Ledger.Order(ctx, string(id))
	party := who.Party()
	if receipt.Sender == who.User {
		party |= right.Owner
	}
	switch {
	case err == nil && right.Check(right.SeeOrder, who, party) == nil:
		return receipt, true, nil
	case err == nil:
		return ledger.Receipt{}, false, ledger.ErrNoOrder
	case !errors.Is(err, ledger.ErrNoOrder):
		return ledger.Receipt{}, false, err
	}
	pending, err := s.door.Pending(ctx, id, who.User)
	if err == nil && !pending {
		err = ledger.ErrNoOrder
	}
	return ledger.Receipt{}, false, err
}
