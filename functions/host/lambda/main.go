package lambda

import (
	"context"
	"fmt"
	"os"
	"time"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/barrage-live/barrage/functions/host"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// closeTimeout is within the half second that Lambda leaves a process between SIGTERM and SIGKILL.
const closeTimeout = 400 * time.Millisecond

// Main is the whole main of a function's bootstrap. It ends the process when the function can't be opened, which Lambda
// reports as a failed start and tries again.
func Main(kind host.Kind) {
	if err := run(context.Background(), kind, os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, kind host.Kind, getenv func(string) string) error {
	fn, err := host.Open(ctx, kind, getenv)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	go fn.Run(ctx) // for as long as the process lives; it stands still while the process is frozen
	closeAll := func() {
		stop()
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		if err := fn.Close(ending); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	fn.Telemetry.Logger().InfoContext(ctx, "function open", telemetry.Name, kind.Name)
	awslambda.StartWithOptions(New(fn), awslambda.WithContext(ctx), awslambda.WithEnableSIGTERM(closeAll))
	return nil
}

// New makes the host of an open function.
func New(fn *host.Instance) *Host {
	h := &Host{
		HTTP: fn.HTTP, Batches: fn.Handlers(), Jobs: map[string]func(context.Context) error{},
		Flush: fn.Telemetry.Flush, Tracer: fn.Telemetry.Tracer(), Log: fn.Telemetry.Logger(),
	}
	for _, j := range fn.Jobs {
		h.Jobs[j.Name] = j.Run
	}
	return h
}
