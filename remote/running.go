package remote

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// running is a started script.
type running struct {
	stdout, stderr *capture
	exits          <-chan exit
	ended          chan error // once: both streams are at their end, or one flooded
	exit           exit
}

// start feeds the script and reads both streams until the channel ends.
func (r *running) start(feed func(), stdout, stderr io.Reader) {
	go feed()
	go func() {
		var both sync.WaitGroup
		both.Go(func() {
			if err := r.stderr.readFrom(stderr); errors.Is(err, errFlood) {
				r.report(err)
			}
		})
		both.Go(func() {
			if err := r.stdout.readFrom(stdout); err != nil {
				r.report(err)
			}
		})
		both.Wait()
		r.report(nil)
	}()
}

func (r *running) report(err error) {
	select {
	case r.ended <- err:
	default:
	}
}

// wait returns when the channel has ended, soon after the answer is whole, or
// when ctx has ended. Something the script left running may hold the channel
// open for ever, so neither its end nor an exit status is insisted on.
func (r *running) wait(ctx context.Context, s Script) *Error {
	r.exit.status = -1
	exits, streams, changed := r.exits, (<-chan error)(r.ended), (<-chan struct{})(r.stdout.changed)
	var look, over <-chan time.Time
	for exits != nil || streams != nil {
		select {
		case <-ctx.Done():
			return scriptTimedOut(ctx, r)
		case <-over:
			return nil
		case <-changed:
			if s.Complete(r.stdout.soFar()) {
				changed, over = nil, time.After(wholeGrace)
				continue
			}
			changed, look = nil, time.After(completeEvery)
			if exits == nil { // the shell has ended, its output is still on the way
				over = time.After(statusGrace)
			}
		case <-look:
			look, changed = nil, r.stdout.changed
		case r.exit = <-exits:
			exits = nil
			if over == nil {
				over = time.After(statusGrace)
			}
		case err := <-streams:
			if errors.Is(err, errFlood) {
				return &Error{Phase: PhaseScript, Reason: "the host printed without end", Err: err, Hint: "look at what its login scripts print: ssh HOST true"}
			}
			streams, changed, look = nil, nil, nil
			if over == nil {
				over = time.After(statusGrace)
			}
		}
	}
	return nil
}
