package main

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
)

// seedRooms puts live rooms into the Redis that the pods read, in place of the room function.
func seedRooms(ctx context.Context, o options) error {
	if o.seed == "" {
		return nil
	}
	rdb := redis.NewClient(&redis.Options{Addr: o.seed})
	defer rdb.Close()
	state, err := roomstate.New(rdb, roomstate.Config{})
	if err != nil {
		return err
	}
	defer state.Close()
	now := time.Now().UTC()
	for i := range o.rooms {
		id := o.firstRoom + live.RoomID(i)
		room := live.Room{ID: id, AnchorID: 1, Title: fmt.Sprintf("load %d", id), Status: live.RoomLive, CreatedAt: now, UpdatedAt: now, StartedAt: &now}
		if err := state.PutRoom(ctx, room); err != nil {
			return err
		}
	}
	return nil
}
