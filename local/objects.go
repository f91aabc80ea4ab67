package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3bolt"
	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// errLocked says that another process has the folder's files open.
var errLocked = errors.New("locked by another process")

// objectServer is the embedded S3: the real protocol over one file. It checks no signatures, so it listens on loopback only.
type objectServer struct {
	db     *bolt.DB
	server *http.Server
	served chan error
}

// startObjects serves S3 on ln from the file objects.db in dir, with the buckets made. It takes over ln.
func startObjects(ln net.Listener, dir string, logger *slog.Logger, buckets ...string) (*objectServer, error) {
	// Without a timeout a second process on the same folder would wait for the lock for ever.
	db, err := bolt.Open(filepath.Join(dir, "objects.db"), 0o600, &bolt.Options{Timeout: time.Second})
	if errors.Is(err, bolterrors.ErrTimeout) {
		err = errLocked
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open object store in %s: %w", dir, err), ln.Close())
	}
	backend := s3bolt.New(db)
	for _, name := range buckets {
		if err := backend.CreateBucket(name); err != nil && !gofakes3.HasErrorCode(err, gofakes3.ErrBucketAlreadyExists) {
			return nil, errors.Join(fmt.Errorf("make bucket %s: %w", name, err), db.Close(), ln.Close())
		}
	}
	s3 := gofakes3.New(backend, gofakes3.WithLogger(objectsLog{logger}), gofakes3.WithInsecureCORS())
	o := &objectServer{db: db, served: make(chan error, 1), server: &http.Server{
		Handler:           s3.Server(),
		ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}}
	go func() { o.served <- o.server.Serve(ln) }()
	return o, nil
}

// Close ends the server, waits for it, and releases the file.
func (o *objectServer) Close(ctx context.Context) error {
	err := o.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, o.server.Close())
	}
	if served := <-o.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return errors.Join(err, o.db.Close())
}

type objectsLog struct{ logger *slog.Logger }

func (l objectsLog) Print(level gofakes3.LogLevel, v ...any) {
	if level == gofakes3.LogErr {
		l.logger.Warn("object store", "detail", fmt.Sprint(v...))
	}
}
