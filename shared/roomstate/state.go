// Package roomstate is what all pods know of a room and of who is online: the cached room, its moderation, and presence
// by leases, kept in Redis so that any pod may die.
package roomstate

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
)

var errNotBuilt = errors.New("not built")

// Config holds what may be left zero.
type Config struct {
	// Cached is told of each lookup in the local caches: a hit or a miss.
	Cached func(hit bool)
}

// State reads and writes room state. Its methods may be called concurrently.
type State struct {
	rdb redis.UniversalClient
}

// New returns the state kept in rdb. It starts nothing.
func New(rdb redis.UniversalClient, c Config) (*State, error) { return &State{rdb: rdb}, nil }

// Room returns the cached room, from this process or from Redis. It is a copy; false when Redis doesn't have it.
func (s *State) Room(ctx context.Context, room live.RoomID) (live.Room, bool, error) {
	return live.Room{}, false, errNotBuilt
}

// PutRoom caches the room for all pods. An older one (by UpdatedAt) never replaces a newer one.
func (s *State) PutRoom(ctx context.Context, room live.Room) error { return errNotBuilt }

// Invalidate drops what this process caches of the room. Call it for each command on the room's channel.
func (s *State) Invalidate(room live.RoomID) {}

// Lease times.
const (
	PodLease   = 30 * time.Second // of a pod's viewers, unless renewed
	JoinLease  = 60 * time.Second // of a join over HTTP
	RenewEvery = 10 * time.Second // how often a pod should renew each room
)

// RoomLease says who watches a room on one pod: Users without doubles, in any order, and the number of guests.
type RoomLease struct {
	Room      live.RoomID
	Users     []live.UserID
	Guests    int
	NewGuests []string // session names of guests that came since the last renewal, for the count of unique viewers
}

// Count is a room's audience. Online counts a user once and guests by connection.
type Count struct {
	Online int64
	Unique int64
}

// Renew says that the pod holds these viewers now: who is no longer listed has left at once, and who is listed stays
// for PodLease. A room that is listed with no viewers is released. It returns the counts of the rooms, in their order.
func (s *State) Renew(ctx context.Context, pod string, rooms []RoomLease) ([]Count, error) {
	return nil, errNotBuilt
}

// Online counts the room's audience.
func (s *State) Online(ctx context.Context, room live.RoomID) (Count, error) {
	return Count{}, errNotBuilt
}

// Join gives the user a lease of JoinLease in the room, for viewers without a socket.
func (s *State) Join(ctx context.Context, room live.RoomID, user live.UserID) (Count, error) {
	return Count{}, errNotBuilt
}

// Leave ends the lease that Join gave. Sockets of the user still count.
func (s *State) Leave(ctx context.Context, room live.RoomID, user live.UserID) (Count, error) {
	return Count{}, errNotBuilt
}

// Viewers returns up to limit users who watch the room, all when they are fewer, and the exact count.
func (s *State) Viewers(ctx context.Context, room live.RoomID, limit int) (sample []live.UserID, exact int64, err error) {
	return nil, 0, errNotBuilt
}

// NewSession forgets the unique viewers of the room's former session.
func (s *State) NewSession(ctx context.Context, room live.RoomID) error { return errNotBuilt }

// UserPresence is where a user is. LastSeen is zero when the user was not seen for one to two weeks.
type UserPresence struct {
	User     live.UserID
	Online   bool
	Rooms    []live.RoomID
	LastSeen time.Time
}

// UsersOnline returns the presence of each user, in the order asked.
func (s *State) UsersOnline(ctx context.Context, users []live.UserID) ([]UserPresence, error) {
	return nil, errNotBuilt
}

// Standing is what a user may do in a room. A zero time means "not at all"; Forever means no end.
type Standing struct {
	BannedUntil time.Time
	MutedUntil  time.Time
	Moderator   bool
}

// Banned reports whether the user may not be in the room.
func (s Standing) Banned(now time.Time) bool { return now.Before(s.BannedUntil) }

// Muted reports whether the user may not speak.
func (s Standing) Muted(now time.Time) bool { return now.Before(s.MutedUntil) }

// Standing returns the user's standing in the room.
func (s *State) Standing(ctx context.Context, room live.RoomID, user live.UserID) (Standing, error) {
	return Standing{}, errNotBuilt
}

// Settings are a room's moderation settings. Zero values: no slow mode, no words, the platform's display rate.
type Settings struct {
	SlowMode     time.Duration // least time between two danmu of one viewer
	DisplayRate  int           // danmu and likes shown a second; 0: ROOM_DISPLAY_RATE
	BlockedWords []string      // as entered; folding is the matcher's work
	WordsVersion int64         // grows with each change of BlockedWords, so that a matcher is built once a change
}

// Settings returns the room's settings. BlockedWords must not be changed by the caller.
func (s *State) Settings(ctx context.Context, room live.RoomID) (Settings, error) {
	return Settings{}, errNotBuilt
}
