package store

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"testing"
)

// The server here knows no IAM: what is tested is that each connection asks, and that its answer is what counts.
func TestEachNewConnectionAsksForItsPassword(t *testing.T) {
	raw := os.Getenv("BARRAGE_TEST_MYSQL")
	if raw == "" {
		t.Skip("BARRAGE_TEST_MYSQL names no server")
	}
	addr, err := parseURL(raw)
	if err != nil {
		t.Fatal(err)
	}
	right, user := addr.mysql.Passwd, addr.mysql.User
	addr.mysql.Passwd, addr.iam = "wrong", true
	var asked atomic.Int64
	db, err := openMySQL(addr, Config{Passwords: func(_ context.Context, address, name string) (string, error) {
		if address != addr.mysql.Addr || name != user {
			t.Errorf("asked for %s at %s, want %s at %s", name, address, user, addr.mysql.Addr)
		}
		asked.Add(1)
		return right, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for range 2 {
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close() // kept, so that the next one is a new connection
	}
	if got := asked.Load(); got != 2 {
		t.Errorf("asked %d times for 2 connections", got)
	}
}

func TestNoPasswordIsNoConnection(t *testing.T) {
	addr, err := parseURL("mysql://u@127.0.0.1:1/d?auth=aws-iam&tls=true&timeout=1s")
	if err != nil {
		t.Fatal(err)
	}
	if !addr.mysql.AllowCleartextPasswords {
		t.Error("the server asks for the token in clear, inside TLS: the driver must be allowed to send it")
	}
	none := errors.New("no identity")
	db, err := openMySQL(addr, Config{Passwords: func(context.Context, string, string) (string, error) { return "", none }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.PingContext(t.Context()); !errors.Is(err, none) {
		t.Errorf("got %v, want %v", err, none)
	}
}
