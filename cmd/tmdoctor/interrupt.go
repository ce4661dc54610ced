package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/tmdoctor/tmdoctor/report"
)

// exitInterrupted is the status of a second Ctrl-C: what shells call 128 plus
// SIGINT.
const exitInterrupted = 130

// interruptible ends the context at the deadline (zero is none) and at the
// first SIGINT or SIGTERM: the run then prints what it knows. A second signal
// ends the process at once, after what atExit must still remove.
func interruptible(ctx context.Context, u *ui, deadline time.Duration, atExit ...func()) (context.Context, context.CancelFunc) {
	what := func() string { return "what is known so far follows; interrupt again to end at once" }
	return interruptibleWith(ctx, u, deadline, what, atExit...)
}

// interruptibleWith is interruptible where what happens next is for the caller
// to say.
func interruptibleWith(ctx context.Context, u *ui, deadline time.Duration, what func() string, atExit ...func()) (context.Context, context.CancelFunc) {
	ctx, cancel := withDeadline(ctx, deadline)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for range 2 {
			select {
			case <-done:
				return
			case <-signals:
			}
			if ctx.Err() != nil {
				u.dropQuestion()
				for _, f := range atExit {
					f()
				}
				os.Exit(exitInterrupted)
			}
			cancel()
			u.dropQuestion()
			u.printf("interrupted: %s", what())
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}

// interruptedLate keeps the promise that an interrupted run is never 0 or 1
// also where the signal came while the report was being written: the report
// then is whole, but who interrupted was told that it is cut short. cutShort
// says that finish knew already.
func interruptedLate(ctx context.Context, cutShort bool, finished error) error {
	var v verdict
	isVerdict := errors.As(finished, &v)
	if cutShort || !errors.Is(ctx.Err(), context.Canceled) || finished != nil && !isVerdict || v > 1 {
		return finished
	}
	return verdict(report.ExitStatus(report.Summary{Unknown: 1}, report.Fleet{}, true, ""))
}
