package objects_test

import (
	"errors"
	"testing"

	"github.com/barrage-live/barrage/shared/objects"
	"github.com/barrage-live/barrage/shared/objectstest"
)

func TestASignatureCheckingServerTakesOurs(t *testing.T) {
	cfg := objectstest.Real(t)
	b, ctx := open(t, cfg), t.Context()
	if err := b.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	if err := b.Put(ctx, "room=1/a b+c", text, []byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	if part, err := b.GetTail(ctx, "room=1/a b+c", 4); err != nil || string(part.Body) != "6789" {
		t.Errorf("got %q, %v", part.Body, err)
	}
	version, err := b.PutIf(ctx, "once", text, []byte("1"), objects.Absent)
	if err != nil || version == objects.Absent {
		t.Errorf("got version %q, %v", version, err)
	}
	if _, err := b.PutIf(ctx, "once", text, []byte("2"), objects.Absent); !errors.Is(err, objects.ErrChanged) {
		t.Errorf("a second first: got %v, want ErrChanged", err)
	}
	if found, more, err := b.List(ctx, "", "", 10); err != nil || len(found) != 2 || more {
		t.Errorf("got %+v, %v, %v", found, more, err)
	}
	if err := b.Delete(ctx, "once", "room=1/a b+c"); err != nil {
		t.Error(err)
	}
	if _, _, err := b.Get(ctx, "once"); !errors.Is(err, objects.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestAWrongSecretIsRefused(t *testing.T) {
	cfg := objectstest.Real(t)
	cfg.Secret += "x"
	if err := open(t, cfg).Put(t.Context(), "a", text, []byte("1")); err == nil {
		t.Error("the server took a wrong signature: what it accepts proves nothing")
	}
}
