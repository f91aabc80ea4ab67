package gift_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/functions/gift"
	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/ledger"
	"github.com/barrage-live/barrage/shared/live"
	redisembedded "github.com/barrage-live/barrage/shared/roomstate/embedded"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/storetest"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/stream/embedded"
	"github.com/barrage-live/barrage/shared/token"
)

const (
	admin  = live.UserID(1)
	anchor = live.UserID(2)
	alice  = live.UserID(3)
	bob    = live.UserID(4)

	liveRoom  = live.RoomID(1)
	endedRoom = live.RoomID(2)

	secret = "webhook secret"
)

// A bench is a gift function with everything it needs, on loopback.
type bench struct {
	t       *testing.T
	store   *store.Store
	ledger  *ledger.Ledger
	redis   redis.UniversalClient
	kafka   *stream.Client
	service *gift.Service
	url     string
}

// bearer verifies tokens of the form "3:admin": what a token is, is tested elsewhere.
type bearer map[string]token.Identity

func (b bearer) Verify(raw string) (token.Identity, error) {
	if id, ok := b[raw]; ok {
		return id, nil
	}
	return token.Identity{}, token.ErrInvalid
}

func identities() bearer {
	b := bearer{}
	for name, user := range map[string]live.UserID{"admin": admin, "anchor": anchor, "alice": alice, "bob": bob} {
		role := live.RoleViewer
		if user == admin {
			role = live.RoleAdmin
		}
		b[name] = token.Identity{User: user, Nickname: name, Role: role, Expires: time.Now().Add(time.Hour)}
	}
	return b
}

func newBench(t *testing.T, s *store.Store) *bench {
	t.Helper()
	broker, err := embedded.Start(embedded.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, broker.Close()) })
	kafka, err := stream.Dial(t.Context(), stream.Config{Brokers: []string{broker.Addr()}})
	must(t, err)
	t.Cleanup(func() { must(t, kafka.Close(context.WithoutCancel(t.Context()))) })
	must(t, kafka.EnsureTopics(t.Context()))
	addr, stop, err := redisembedded.Start("127.0.0.1:0")
	must(t, err)
	t.Cleanup(stop)
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { must(t, rdb.Close()) })
	for _, name := range []string{"admin", "anchor", "alice", "bob"} {
		_, err := s.CreateUser(t.Context(), store.NewUser{Username: name, Nickname: name, PasswordHash: "x", Role: live.RoleViewer})
		must(t, err)
	}
	l, err := ledger.New(s, 500, time.Now)
	must(t, err)
	b := &bench{t: t, store: s, ledger: l, redis: rdb, kafka: kafka}
	b.service, err = gift.New(gift.Deps{Store: s, Ledger: l, Redis: rdb, Kafka: kafka, WebhookSecret: secret, Rooms: rooms,
		Fanout: fanout.NewPublisher(rdb, fanout.PublisherConfig{})})
	must(t, err)
	t.Cleanup(b.service.Close)
	api := httpapi.New(httpapi.Config{Title: "gift", Verifier: identities()})
	b.service.Routes(api)
	server := httptest.NewServer(api.Handler())
	t.Cleanup(server.Close)
	b.url = server.URL
	return b
}

func rooms(_ context.Context, id live.RoomID) (live.Room, error) {
	switch id {
	case liveRoom:
		return live.Room{ID: id, AnchorID: anchor, Status: live.RoomLive}, nil
	case endedRoom:
		return live.Room{ID: id, AnchorID: anchor, Status: live.RoomEnded}, nil
	}
	return live.Room{}, store.ErrRoomNotFound
}

// consume settles what is asked for, as the hosts do, until the test ends.
func (b *bench) consume() {
	ctx, cancel := context.WithCancel(b.t.Context())
	var consuming sync.WaitGroup
	consuming.Go(func() {
		err := b.kafka.Consume(ctx, stream.GroupConfig{Group: "gift", Topics: []stream.Topic{stream.LiveGiftRequests}, MaxBatch: gift.MaxBatch},
			stream.WithDeadLetters(b.kafka, 3, b.service.HandleRequests))
		if err != nil && !errors.Is(err, context.Canceled) {
			b.t.Error(err)
		}
	})
	b.t.Cleanup(func() {
		cancel()
		consuming.Wait()
	})
}

func (b *bench) topUp(user live.UserID, amount live.Coins, ref string) {
	b.t.Helper()
	_, err := b.ledger.TopUp(b.t.Context(), ledger.TopUp{User: user, Amount: amount, Ref: ref})
	must(b.t, err)
}

func (b *bench) wantBalance(a ledger.Account, want live.Coins) {
	b.t.Helper()
	got, err := b.ledger.Balance(b.t.Context(), a)
	must(b.t, err)
	if got != want {
		b.t.Errorf("balance of %s: got %d, want %d", a, got, want)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func sqlite(t *testing.T) *store.Store { return storetest.Open(t, storetest.SQLite(t)) }
