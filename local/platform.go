package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/barrage-live/barrage/functions"
	"github.com/barrage-live/barrage/functions/host/plain"
	"github.com/barrage-live/barrage/functions/room"
	"github.com/barrage-live/barrage/local/web"
	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/held"
	"github.com/barrage-live/barrage/shared/house"
	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/order"
	"github.com/barrage-live/barrage/shared/pace"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/rulebook"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/token"
	"github.com/barrage-live/barrage/shared/words"
	"github.com/barrage-live/barrage/sockets/gateway"
	"github.com/barrage-live/barrage/sockets/hub"
)

// The names in the tokens of this process.
const (
	issuer   = "barrage-local"
	audience = "barrage"
)

var errNoSuchCall = live.Errorf(live.KindNotFound, "not_found", "There is no such call.")

// startPlatform wires everything over the services, opens the doors, and makes the demo.
func (s *Stack) startPlatform(ctx context.Context, o Options, cfg config, d *doors) error {
	s.HTTPURL = "http://" + reachable(d.http)
	s.SocketURL = "ws://" + reachable(d.socket) + "/ws"
	s.parts.Space = o.Space
	s.parts.SocketURL = cmp.Or(cfg.PublicSocketURL, s.SocketURL)
	keys, err := signingKeys(o, cfg)
	if err != nil {
		return err
	}
	if s.parts.Signer, err = token.NewSigner(keys, issuer, audience, 0); err != nil {
		return err
	}
	verifier, err := token.NewVerifier(audience, s.parts.Signer.Keyring())
	if err != nil {
		return err
	}
	if err := s.makeParts(cfg); err != nil {
		return err
	}
	fns, err := s.makeFunctions()
	if err != nil {
		return err
	}
	if err := s.makeGateway(cfg, d, verifier); err != nil {
		return err
	}
	if err := s.makeDemo(ctx, o, keys); err != nil {
		return err
	}
	here := slices.DeleteFunc(slices.Clone(fns), func(fn functions.Function) bool { return slices.Contains(o.Elsewhere, fn.Name) })
	s.crew.run(func(ctx context.Context) error { return plain.Consume(ctx, s.parts.Kafka, here) })
	s.crew.run(func(ctx context.Context) error { return plain.RunJobs(ctx, s.log(), here) })
	s.serveSockets(d)
	return s.serveHTTP(cfg, d, verifier, fns)
}

func (s *Stack) makeFunctions() ([]functions.Function, error) {
	fns, err := functions.All(s.parts)
	if err != nil {
		return nil, err
	}
	for _, fn := range fns {
		if fn.Close != nil {
			s.closers.add(fn.Name, func(context.Context) error { fn.Close(); return nil })
		}
	}
	return fns, nil
}

// signingKeys come from the environment, or from a file that lives as long as the users whose tokens it signs.
func signingKeys(o Options, cfg config) ([]token.Key, error) {
	if cfg.SigningKey != "" {
		return token.ParseKeys(cfg.SigningKey)
	}
	return token.LoadOrCreateKeys(filepath.Join(o.Data, "signing-key.pem"))
}

func (s *Stack) makeParts(cfg config) (err error) {
	p := &s.parts
	p.Gifts = functions.GiftSettings{AnchorPerMille: cfg.AnchorPerMille, WebhookSecret: cfg.WebhookSecret}
	p.Heat = cfg.Heat
	if p.State, err = rulebook.NewState(p.Redis, rulebook.New(p.Store), roomstate.Config{Metrics: p.Telemetry.Metrics}); err != nil {
		return err
	}
	s.closers.add("room state", func(context.Context) error { p.State.Close(); return nil })
	s.pod = "local-" + rand.Text()[:8]
	p.Fanout = fanout.NewPublisher(p.Redis, fanout.PublisherConfig{Origin: s.pod, DisplayRate: cfg.DisplayRate, RoomRate: p.State.DisplayRate})
	paces := pace.NewKeeper(pace.Config{State: p.State, Publisher: p.Fanout, Log: s.log(), DisplayRate: cfg.DisplayRate})
	s.crew.run(paces.Run)
	rules, err := cfg.House.Open(house.Config{State: p.State, Pacer: paces}, p.Telemetry.Metrics, words.Default()...)
	if err != nil {
		return err
	}
	s.closers.add("house rules", func(context.Context) error { rules.Close(); return nil })
	p.Intake, err = intake.New(cfg.Intake.Apply(intake.Config{
		Publisher: p.Fanout, Kafka: p.Kafka, State: p.State, House: rules, Pod: s.pod, Telemetry: p.Telemetry,
		Queue: held.New(p.Redis, p.Fanout),
	}))
	if err != nil {
		return err
	}
	s.closers.add("intake", func(context.Context) error { p.Intake.Close(); return nil })
	return nil
}

// makeGateway wires the socket tier. It asks the room function in this process for rooms, where the fleet asks over HTTP.
func (s *Stack) makeGateway(cfg config, d *doors, verifier *token.Verifier) error {
	rooms, err := functions.RoomService(s.parts)
	if err != nil {
		return err
	}
	s.closers.add("room lookup", func(context.Context) error { rooms.Close(); return nil })
	p := s.parts
	orders := gateway.NewOrders(order.NewDoor(p.Kafka, p.Redis), s.log())
	s.crew.run(orders.Run)
	s.gateway, err = gateway.New(gateway.Config{
		Pod: s.pod, Verifier: verifier, Rooms: lookup{rooms}, Intake: p.Intake, Redis: p.Redis, State: p.State, Kafka: p.Kafka,
		Telemetry: p.Telemetry, Fanout: fanout.Config{Publisher: p.Fanout}, Hub: hub.Config{FlushBudget: cfg.FlushBudget},
		Origins: cfg.origins(d.http), AllowGuests: cfg.AllowGuests, AllowQueryToken: cfg.AllowQueryToken, Deflate: cfg.Deflate,
		MaxConnections: cfg.MaxConnections, GiftDoor: orders,
	})
	return err
}

// lookup is how the socket tier knows rooms.
type lookup struct{ rooms *room.Service }

func (l lookup) Room(ctx context.Context, id live.RoomID) (live.Room, bool, error) {
	r, err := l.rooms.Room(ctx, id)
	if errors.Is(err, store.ErrRoomNotFound) {
		return live.Room{}, false, nil
	}
	return r, err == nil, err
}

// serveSockets opens the sockets' door.
func (s *Stack) serveSockets(d *doors) {
	s.crew.run(s.gateway.Run)
	s.serving = true
	mux := http.NewServeMux()
	mux.Handle("GET /ws", s.gateway)
	mux.Handle("GET /health/", httpapi.Health(map[string]func(context.Context) error{"sockets": s.gateway.Ready}, s.log()))
	s.serve(d.socket, mux)
}

func (s *Stack) serve(ln net.Listener, h http.Handler) {
	srv := httpapi.NewServer(h, s.log())
	s.crew.run(func(ctx context.Context) error { return plain.Serve(ctx, ln, srv) })
}

// serveHTTP serves the page, the API and health on one port.
func (s *Stack) serveHTTP(cfg config, d *doors, verifier *token.Verifier, fns []functions.Function) error {
	address, user := cfg.http().Guards("local", s.parts.Redis, s.parts.Telemetry)
	api := httpapi.New(httpapi.Config{
		Title: "Barrage", Verifier: verifier, Telemetry: s.parts.Telemetry, AllowedOrigins: cfg.origins(d.http),
		PerAddress: address, PerUser: user,
	})
	checks := map[string]func(context.Context) error{"sockets": s.gateway.Ready}
	for _, fn := range fns {
		if fn.Routes != nil {
			fn.Routes(api)
		}
		maps.Copy(checks, fn.Checks)
	}
	api.ServeHealth(checks)
	book, err := functions.Ledger(s.parts)
	if err != nil {
		return err
	}
	coinsRoute(api, book)
	page, err := web.Handler(web.Config{SocketURL: s.parts.SocketURL, DemoUsers: pageUsers(), DemoCoins: coinsPath, Pictures: []string{s.services.s3}})
	if err != nil {
		return err
	}
	api.Mount("GET /", pageBeside(page))
	s.serve(d.http, api.Handler())
	return nil
}

// pageBeside serves the page under every path but the API's own: a program that asks for a call that does not exist
// gets a problem, not a page.
func pageBeside(page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") {
			httpapi.WriteError(w, errNoSuchCall)
			return
		}
		page.ServeHTTP(w, r)
	})
}
