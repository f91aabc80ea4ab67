package plain

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/barrage-live/barrage/functions"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// RunJobs is the scheduler of a plain process: it calls every job of the functions that has a time in its time until ctx ends. A job that
// fails is logged and called again when it is due.
func RunJobs(ctx context.Context, log *slog.Logger, fns []functions.Function) error {
	var running errgroup.Group
	for _, fn := range fns {
		for _, job := range fn.Jobs {
			if job.Every == 0 {
				continue
			}
			running.Go(func() error { schedule(ctx, log, job); return nil })
		}
	}
	return running.Wait()
}

func schedule(ctx context.Context, log *slog.Logger, job functions.Job) {
	due := time.NewTicker(job.Every)
	defer due.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-due.C:
		}
		if err := job.Run(ctx); err != nil && ctx.Err() == nil {
			log.ErrorContext(ctx, "job failed", telemetry.Name, job.Name, telemetry.Err, err)
		}
	}
}
