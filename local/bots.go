package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/sockets/client"
)

// botPause is the mean time between two messages of one bot, twelve of them make about one a second, and botTypes is
// what nobody types faster than.
const (
	botPause = 12 * time.Second
	botTypes = 1500 * time.Millisecond
)

// bot is an ordinary user with a token that watches one room over a socket and chats.
type bot struct {
	persona
	socket string // ws://…/ws
	room   live.RoomID
	token  func(context.Context) (string, error)
	pause  time.Duration
	logger *slog.Logger
}

// run keeps the bot in the room until ctx ends: a bot that is cut comes back after a while, with a new token.
func (b bot) run(ctx context.Context) {
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		began := time.Now()
		err := b.watch(ctx)
		if ctx.Err() != nil {
			return
		}
		b.logger.DebugContext(ctx, "bot cut off", "error", err)
		if time.Since(began) > time.Minute {
			wait = time.Second
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// watch is one connection: it reads whatever comes and writes now and then, until either end fails.
func (b bot) watch(ctx context.Context) error {
	raw, err := b.token(ctx)
	if err != nil {
		return fmt.Errorf("token of %s: %w", b.username, err)
	}
	conn, err := client.Dial(ctx, client.Options{URL: b.socket, Room: b.room, Token: raw})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var parts sync.WaitGroup
	parts.Go(func() { <-ctx.Done(); _ = conn.Close() }) // ends a Read that nothing else would wake
	parts.Go(func() { defer cancel(); b.chat(ctx, conn) })
	for err == nil {
		_, err = conn.Read()
	}
	cancel()
	parts.Wait()
	return err
}

func (b bot) chat(ctx context.Context, conn *client.Conn) {
	r := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(botTypes + time.Duration(r.ExpFloat64()*float64(b.pause-botTypes))):
		}
		if err := conn.Send(b.message(r)); err != nil {
			return
		}
	}
}

// message is mostly a scrolling danmu, sometimes a pinned one, sometimes a burst of likes.
func (b bot) message(r *rand.Rand) live.Message {
	m := live.Message{Type: live.Danmu, ID: ulid.Make().String()}
	data := map[string]any{"color": b.color}
	switch n := r.IntN(20); {
	case n < 3:
		m.Type, data = live.Like, map[string]any{"count": 1 + r.IntN(8)}
	case n == 3:
		m.Content, data["mode"] = line(r), "top"
	default:
		m.Content = line(r)
	}
	m.Data, _ = json.Marshal(data) // a map of strings and numbers always encodes
	return m
}
