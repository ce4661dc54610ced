package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// limitError is the cause of a context that ended by one of Limits, to tell
// it from the end of the whole run.
type limitError struct {
	limit time.Duration
}

func (e *limitError) Error() string { return fmt.Sprintf("%v are over", e.limit) }

// ended makes an Error of the end of ctx: one of our limits in this phase, or
// the run as a whole.
func ended(ctx context.Context, phase Phase, doing string) *Error {
	if reason, ok := limitReason(doing, context.Cause(ctx)); ok {
		return &Error{Phase: phase, Kind: KindTimeout, Reason: reason, Err: context.Cause(ctx)}
	}
	return &Error{Phase: PhaseDeadline, Kind: KindCanceled, Reason: "the run ended first, in phase " + string(phase), Err: context.Cause(ctx)}
}

// awaitEnd waits for ctx to end where its deadline is at hand. What has the
// same deadline from it, a dialer or a resolver, may notice a moment before ctx
// does, and only ctx knows whose deadline it was.
func awaitEnd(ctx context.Context) {
	deadline, ok := ctx.Deadline()
	if !ok || time.Until(deadline) > lingering {
		return
	}
	<-ctx.Done()
}

// limitReason is what did not happen within a limit; false where err is no limit
// that was reached.
func limitReason(doing string, err error) (string, bool) {
	var limit *limitError
	if !errors.As(err, &limit) {
		return "", false
	}
	return fmt.Sprintf("%s within %v", doing, limit.limit), true
}

// lingering is how long a call is waited for after its connection was closed,
// so that normally no goroutine outlives a host. Only a connection through a
// jump host that stopped answering takes longer; it ends with the jump host's.
const lingering = 100 * time.Millisecond

// bounded calls f, which blocks on conn, and closes conn when ctx ends first.
// Nothing in x/crypto/ssh takes a context, and connections through a jump host
// take no deadline, so closing is the only way to end a call. The error is
// ctx's cause if ctx ended, even if f came back with success meanwhile: a
// closed connection may look like one.
func bounded[T any](ctx context.Context, conn io.Closer, f func() (T, error)) (T, error) {
	type outcome struct {
		v   T
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		defer func() {
			if p := recover(); p != nil {
				o.err = fmt.Errorf("panic: %v", p)
			}
			done <- o
		}()
		o.v, o.err = f()
	}()
	var zero T
	select {
	case o := <-done:
		if ctx.Err() != nil {
			return zero, context.Cause(ctx)
		}
		return o.v, o.err
	case <-ctx.Done():
	}
	go conn.Close() // may itself wait for a jump host
	t := time.NewTimer(lingering)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
	return zero, context.Cause(ctx)
}
