package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/barrage-live/barrage/functions"
	"github.com/barrage-live/barrage/shared/ledger"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
	"github.com/barrage-live/barrage/sockets/client"
)

// killFor makes the traffic of the kill test last longer: go test ./local -run Kill -kill-for 5m -timeout 20m.
var killFor = flag.Duration("kill-for", 0, "how long gifts are given at least while their function is killed")

const (
	givers  = 4                          // a door
	giveGap = time.Second / 100 * givers // 100 a second through each of the two doors
)

// While gifts are given through both doors, the process that settles them is killed again and again, and the database
// once. At the end every order has ended once, everybody was told, and the coins add up.
func TestKilledGiftProcess(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		s := startStack(t, env(unlimited()...), func(o *Options) { o.Elsewhere = []string{"gift"} })
		killGifts(t, s, 1, nil)
	})
	if os.Getenv("BARRAGE_TEST_MYSQL") == "" {
		return
	}
	t.Run("mariadb", func(t *testing.T) {
		db := startMariaDB(t)
		settings := append(unlimited(), "DATABASE_URL="+db.url)
		if brokers := os.Getenv("BARRAGE_TEST_KAFKA"); brokers != "" {
			settings = append(settings, "KAFKA_BROKERS="+brokers)
		}
		if addr := os.Getenv("BARRAGE_TEST_REDIS"); addr != "" {
			settings = append(settings, "REDIS_ADDRS="+addr)
		}
		s := startStack(t, env(settings...), func(o *Options) {
			o.Elsewhere, o.Space = []string{"gift"}, fmt.Sprintf("test-%d-", time.Now().UnixNano())
			o.Log = io.Discard // it complains of the database, rightly
		})
		ownRooms(t, s)
		ownIDs(t, s, "users") // else requests of others in the same topic would spend these users' coins
		killGifts(t, s, 5, db.restart)
	})
}

func killGifts(t *testing.T, s *Stack, kills int, restartDatabase func()) {
	service, err := functions.GiftService(s.parts)
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	service.Now = func() time.Time { return time.Now().Add(5 * time.Minute) } // no order is too young to have its event
	g := newGiving(t, s, service.Ledger)
	g.start()
	began := time.Now()
	process := startGiftProcess(t, s)
	for i := range kills {
		settled := g.settled()
		eventually(t, time.Minute, func() (bool, string) { return g.settled() > settled+50, "the new process settles nothing" })
		process.kill()
		if i == kills/2 && restartDatabase != nil {
			restartDatabase()
		}
		process = startGiftProcess(t, s)
	}
	<-time.After(*killFor - time.Since(began)) // at once by default
	g.stop()
	asked := g.asked.Load()
	eventually(t, 2*time.Minute, func() (bool, string) {
		n := g.ended()
		return n >= asked, fmt.Sprintf("%d of %d orders have ended", n, asked)
	})
	eventually(t, time.Minute, func() (bool, string) {
		r, err := service.Reconcile(t.Context(), began.Add(-time.Minute))
		return err == nil && r.Clean() && r.Settled+r.Refused >= asked && r.Events == r.Settled && r.Refused > 0,
			fmt.Sprintf("of %d orders: %+v, %v", asked, r, err)
	})
	process.kill()
	g.wantShownOnce()
	g.wantMoney()
	t.Logf("%d orders, %d settled, through %d kills in %v", asked, g.settled(), kills, time.Since(began).Round(time.Second))
}

// giving is the traffic: people who give as long as their coins last, one of them with few.
type giving struct {
	t      *testing.T
	s      *Stack
	book   *ledger.Ledger
	room   live.Room
	people []caller
	asked  atomic.Int64 // orders that were taken
	end    context.CancelFunc
	doors  sync.WaitGroup

	mu    sync.Mutex
	shown map[string]int // how often the room saw each order's gift
}

const (
	paidIn = live.Coins(1_000_000)
	poor   = live.Coins(3) // is refused soon
)

func newGiving(t *testing.T, s *Stack, book *ledger.Ledger) *giving {
	g := &giving{t: t, s: s, book: book, shown: map[string]int{}}
	g.room = register(t, s, "kill-anchor").liveRoom("killed")
	for i := range 2 * givers {
		who := register(t, s, fmt.Sprintf("kill-giver-%d", i))
		g.people = append(g.people, who)
		amount := paidIn
		if i == 0 {
			amount = poor
		}
		if _, err := book.TopUp(t.Context(), ledger.TopUp{User: who.user.ID, Amount: amount, Ref: "kill" + strconv.FormatInt(int64(who.user.ID), 10)}); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func (g *giving) start() {
	ctx, end := context.WithCancel(g.t.Context())
	g.end = end
	watcher, _ := dial(g.t, g.s, clientOptions(g.room.ID, ""))
	go g.watch(watcher)
	for i, who := range g.people {
		if i < givers {
			g.doors.Go(func() { g.overHTTP(ctx, who) })
		} else {
			conn, _ := dial(g.t, g.s, clientOptions(g.room.ID, who.token))
			g.doors.Go(func() { g.overSocket(ctx, conn) })
		}
	}
}

func (g *giving) stop() {
	g.end()
	g.doors.Wait()
}

func (g *giving) watch(c *client.Conn) {
	for {
		m, err := c.Read()
		if err != nil {
			return // the test is over
		}
		if m.Type != live.Gift {
			continue
		}
		var d wire.GiftData
		if err := json.Unmarshal(m.Data, &d); err != nil {
			g.t.Errorf("%s: %v", m.Data, err)
		}
		g.mu.Lock()
		g.shown[d.OrderID]++
		g.mu.Unlock()
	}
}

// overHTTP gives, each time until the order is taken, under one key: what anybody does whose answer was lost.
func (g *giving) overHTTP(ctx context.Context, who caller) {
	tick := time.NewTicker(giveGap)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for {
			r := who.callWith("POST", path(g.room.ID, "/gifts"), map[string]int{"gift_id": 1, "count": 1}, map[string]string{"Idempotency-Key": fmt.Sprint("k", n)})
			if r.status == http.StatusAccepted || r.status == http.StatusOK {
				break
			}
			if r.status < 500 {
				g.t.Errorf("give over HTTP: %d %s", r.status, r.body)
				return
			}
			<-tick.C
		}
		g.asked.Add(1)
	}
}

// overSocket gives and repeats, under the same id, what was not taken.
func (g *giving) overSocket(ctx context.Context, c *client.Conn) {
	answers := make(chan live.Message, 1024)
	go func() {
		defer close(answers)
		for {
			m, err := c.Read()
			if err != nil {
				return
			}
			if m.Type == live.GiftResult || m.Type == live.ErrorReply {
				answers <- m
			}
		}
	}()
	open := map[string]bool{} // sent, and neither taken nor refused yet
	send := func(id string) {
		if err := c.Send(live.Message{Type: live.Gift, ID: id, Data: json.RawMessage(`{"gift_id":1,"count":1}`)}); err != nil {
			g.t.Errorf("give over a socket: %v", err)
		}
		open[id] = true
	}
	tick := time.NewTicker(giveGap)
	defer tick.Stop()
	for n := 0; ctx.Err() == nil || len(open) > 0; {
		select {
		case <-tick.C:
			if ctx.Err() == nil {
				send(fmt.Sprint("s", n))
				n++
			}
		case m, ok := <-answers:
			switch {
			case !ok:
				g.t.Error("the socket was cut")
				return
			case m.Type == live.ErrorReply:
				<-tick.C
				send(m.ID)
			case open[m.ID]:
				delete(open, m.ID)
				g.asked.Add(1)
			}
		}
	}
}

func (g *giving) count(where string) (n int64) {
	err := g.s.parts.Store.DB().WithContext(g.t.Context()).Raw("SELECT COUNT(*) FROM gift_orders WHERE room_id = ?"+where, g.room.ID).Scan(&n).Error
	if err != nil && g.t.Context().Err() == nil {
		g.t.Logf("the database is away: %v", err)
		return -1
	}
	return n
}

func (g *giving) ended() int64   { return g.count("") }
func (g *giving) settled() int64 { return g.count(" AND status = 'settled'") }

// wantShownOnce holds what the room saw against what was settled.
func (g *giving) wantShownOnce() {
	g.t.Helper()
	var ids []string
	if err := g.s.parts.Store.DB().Raw("SELECT id FROM gift_orders WHERE room_id = ? AND status = 'settled'", g.room.ID).Scan(&ids).Error; err != nil {
		g.t.Fatal(err)
	}
	eventually(g.t, 30*time.Second, func() (bool, string) {
		g.mu.Lock()
		defer g.mu.Unlock()
		return len(g.shown) >= len(ids), fmt.Sprintf("%d of %d gifts were shown", len(g.shown), len(ids))
	})
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, id := range ids {
		if g.shown[id] != 1 {
			g.t.Errorf("gift %s was shown %d times", id, g.shown[id])
		}
	}
	if len(g.shown) != len(ids) {
		g.t.Errorf("%d gifts were shown, %d were settled", len(g.shown), len(ids))
	}
}

// wantMoney adds up what the givers have left and what they have spent. A rose costs one coin.
func (g *giving) wantMoney() {
	g.t.Helper()
	var left, topUps live.Coins
	for i, who := range g.people {
		b, err := g.book.Balance(g.t.Context(), ledger.User(who.user.ID))
		if err != nil || b < 0 {
			g.t.Errorf("balance of giver %d: %d, %v", i, b, err)
		}
		left += b
		topUps += paidIn
	}
	topUps += poor - paidIn
	if spent := live.Coins(g.settled()); topUps-left != spent {
		g.t.Errorf("%d coins were paid in, %d are left, and %d gifts of one coin were settled", topUps, left, spent)
	}
}

// A childProcess is this test's binary as the gift function's process.
type childProcess struct {
	t   *testing.T
	cmd *exec.Cmd
}

const giftProcessEnv = "BARRAGE_LOCAL_GIFT_PROCESS" // the space that it works in

func startGiftProcess(t *testing.T, s *Stack) childProcess {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), giftProcessEnv+"="+s.parts.Space+".", "KAFKA_BROKERS="+strings.Join(s.services.kafka, ","),
		"REDIS_ADDRS="+strings.Join(s.services.redis, ","), "DATABASE_URL="+s.services.database,
		"JWKS_URL="+s.HTTPURL+"/.well-known/jwks.json")
	cmd.Stderr = testLog{t}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return childProcess{t, cmd}
}

func (p childProcess) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Error(err)
	}
	var killed *exec.ExitError
	if err := p.cmd.Wait(); !errors.As(err, &killed) || killed.Exited() {
		p.t.Errorf("the gift process was not killed but ended: %v", err)
	}
}
