package main

import (
	"net/http"
	"testing"

	"github.com/barrage-live/barrage/shared/live"
)

// What people made is there after a restart, and so is who they are: the same token opens the same door.
func TestRestartKeepsRoomsAndUsers(t *testing.T) {
	folder := t.TempDir()
	inFolder := func(o *Options) { o.Data = folder }

	first := startStack(t, inFolder)
	before := register(t, first, "keeper")
	room := before.liveRoom("still here")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	second := startStack(t, inFolder)
	after := before
	after.s = second
	var me live.User
	after.must(http.StatusOK, "GET", "/api/v1/users/me", nil, &me)
	if me.ID != before.user.ID || me.Username != "keeper" {
		t.Errorf("got %+v behind the old token, want %+v", me, before.user)
	}
	login(t, second, "keeper", "correct horse")
	var got live.Room
	after.must(http.StatusOK, "GET", path(room.ID, ""), nil, &got)
	if got.Title != room.Title || got.Status != live.RoomLive || got.StartedAt == nil || !got.StartedAt.Equal(*room.StartedAt) {
		t.Errorf("got %+v, want %+v", got, room)
	}
	if second.DemoRoom != first.DemoRoom {
		t.Errorf("the demo room was %d and is %d", first.DemoRoom, second.DemoRoom)
	}
	dial(t, second, clientOptions(room.ID, after.token))
}
