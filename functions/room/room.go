// Package room runs live rooms: how they begin and end, who is in them, and what is said in them over HTTP.
package room

import (
	"context"
	"log/slog"
	"time"

	"github.com/barrage-live/barrage/shared/cache"
	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/pictures"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// Errors that users may see, beside the store's.
var (
	ErrNotLive = live.Errorf(live.KindConflict, "not_live", "The room is not live.")
	ErrBanned  = live.Errorf(live.KindForbidden, "banned", "You are banned from this room.")
)

// Deps are what the function works with; all but Shelf are needed.
type Deps struct {
	Store     *store.Store
	State     *roomstate.State
	Fanout    *fanout.Publisher
	History   *fanout.History
	Kafka     *stream.Client
	Intake    *intake.Intake
	Shelf     *pictures.Shelf // of covers; nil: none are taken
	SocketURL string          // ws(s)://host/ws, as viewers reach it
	Metrics   *telemetry.Metrics
	Log       *slog.Logger
}

// Service is the room function. Its methods may be called concurrently.
type Service struct {
	store     *store.Store
	state     *roomstate.State
	fanout    *fanout.Publisher
	history   *fanout.History
	kafka     *stream.Client
	intake    *intake.Intake
	shelf     *pictures.Shelf
	socketURL string
	metrics   *telemetry.Metrics
	log       *slog.Logger
	counts    *cache.Cache[live.RoomID, int64]
}

// countFor is how old a viewer count may be; sockets hear theirs every 5 s.
const (
	countFor  = time.Second
	maxCounts = 100_000
)

// New makes the function. The caller owes a Close.
func New(d Deps) (*Service, error) {
	counts, err := cache.New[live.RoomID, int64](cache.Config{Name: "viewer_count", Entries: maxCounts, TTL: countFor, Metrics: d.Metrics})
	if err != nil {
		return nil, err
	}
	return &Service{
		store: d.Store, state: d.State, fanout: d.Fanout, history: d.History, kafka: d.Kafka, intake: d.Intake, shelf: d.Shelf,
		socketURL: d.SocketURL, metrics: d.Metrics, log: d.Log, counts: counts,
	}, nil
}

// Close ends what New has begun.
func (s *Service) Close() { s.counts.Close() }

// Room returns the room with its viewer count: from this process, else Redis, else SQL.
func (s *Service) Room(ctx context.Context, id live.RoomID) (live.Room, error) {
	room, err := s.room(ctx, id)
	if err != nil {
		return live.Room{}, err
	}
	return s.counted(ctx, room), nil
}

// Find is Room with a viewer count of 0. Redis is a cache here: without it rooms can still be seen.
func (s *Service) Find(ctx context.Context, id live.RoomID) (live.Room, error) {
	return s.room(ctx, id)
}

func (s *Service) room(ctx context.Context, id live.RoomID) (live.Room, error) {
	room, ok, errCache := s.state.Room(ctx, id)
	if errCache == nil && ok {
		return room, nil
	}
	room, err := s.store.Room(ctx, id)
	if err != nil {
		return live.Room{}, err
	}
	if errCache == nil {
		errCache = s.state.PutRoom(ctx, room)
	}
	if errCache != nil {
		s.log.WarnContext(ctx, "room cache is out", telemetry.Err, errCache)
	}
	return room, nil
}

// liveRoom is room for what only a live room allows.
func (s *Service) liveRoom(ctx context.Context, id live.RoomID) (live.Room, error) {
	room, err := s.room(ctx, id)
	if err == nil && room.Status != live.RoomLive {
		err = ErrNotLive
	}
	return room, err
}

// Rooms returns a page of rooms with their viewer counts, and the cursor of the next page.
func (s *Service) Rooms(ctx context.Context, q store.RoomQuery) ([]live.Room, string, error) {
	rooms, next, err := s.store.Rooms(ctx, q)
	if err != nil {
		return nil, "", err
	}
	var onAir []live.RoomID
	for _, r := range rooms {
		if r.Status == live.RoomLive {
			onAir = append(onAir, r.ID)
		}
	}
	counts, err := s.state.Audiences(ctx, onAir)
	if err != nil { // as with counted
		s.log.WarnContext(ctx, "viewer counts are out", telemetry.Err, err)
		return rooms, next, nil
	}
	for i := range rooms {
		if rooms[i].Status == live.RoomLive {
			rooms[i].ViewerCount, counts = counts[0].Online, counts[1:]
		}
	}
	return rooms, next, nil
}

// counted adds the viewer count of a live room, at most countFor old. A count that can't be had is 0: it is shown, and
// nothing depends on it.
func (s *Service) counted(ctx context.Context, room live.Room) live.Room {
	if room.Status != live.RoomLive {
		return room
	}
	n, err := s.counts.Get(ctx, room.ID, s.online)
	if err != nil {
		s.log.WarnContext(ctx, "viewer count is out", telemetry.Err, err)
		return room
	}
	room.ViewerCount = n
	return room
}

func (s *Service) online(ctx context.Context, id live.RoomID) (int64, error) {
	count, err := s.state.Online(ctx, id)
	return count.Online, err
}
