package remote

import (
	"context"
	"errors"
	"sync"
	"time"
)

// running is a started shell whose streams are read.
type running struct {
	stdout, stderr *capture
	exits          <-chan exit  // nil once exit is known
	ended          <-chan error // nil once both streams are at their end, or one flooded
	exit           exit
	flood          error
	exitGrace      time.Duration // for the exit status after the whole answer
}

// newRunning reads both streams until they end. A host that prints without
// end is cut off, whether or not somebody still waits for it.
func newRunning(sh *streams, lim Limits) *running {
	ended := make(chan error, 1)
	r := &running{
		stdout: newCapture(lim.Stdout, lim.Drain), stderr: newCapture(lim.Stderr, lim.Stdout+lim.Drain),
		exits: sh.exits, ended: ended, exit: exit{status: -1}, exitGrace: wholeGrace,
	}
	report := func(err error) {
		select {
		case ended <- err:
		default:
		}
		// Last, as it ends the other stream too, which is no reason.
		if errors.Is(err, errFlood) {
			sh.cut()
		}
	}
	go func() {
		var both sync.WaitGroup
		both.Go(func() {
			if err := r.stderr.readFrom(sh.stderr); errors.Is(err, errFlood) {
				report(err)
			}
		})
		both.Go(func() {
			if err := r.stdout.readFrom(sh.stdout); err != nil {
				report(err)
			}
		})
		both.Wait()
		report(nil)
	}()
	return r
}

// hasEnded notes that the streams have. The error is a flood.
func (r *running) hasEnded(err error) *Error {
	r.ended = nil
	if errors.Is(err, errFlood) {
		r.flood = err
	}
	return r.flooded()
}

func (r *running) flooded() *Error {
	if r.flood == nil {
		return nil
	}
	return &Error{Phase: PhaseScript, Reason: "the host printed without end", Err: r.flood, Hint: "look at what its login scripts print: ssh HOST true"}
}

// wait returns when the channel has ended, soon after the answer is whole, or
// when ctx has ended. Something the script left running may hold the channel
// open for ever, so neither its end nor an exit status is insisted on.
func (r *running) wait(ctx context.Context, complete func([]byte) bool) *Error {
	if e := r.flooded(); e != nil {
		return e
	}
	changed := (<-chan struct{})(r.stdout.changed)
	var look, over <-chan time.Time
	whole := complete(r.stdout.soFar())
	if whole || r.exits == nil || r.ended == nil {
		over = time.After(statusGrace)
	}
	for r.exits != nil || r.ended != nil {
		select {
		case <-ctx.Done():
			return scriptTimedOut(ctx, r)
		case <-over:
			return nil
		case <-changed:
			if complete(r.stdout.soFar()) {
				changed, over, whole = nil, time.After(wholeGrace), true
				if r.exits != nil {
					over = time.After(r.exitGrace)
				}
				continue
			}
			changed, look = nil, time.After(completeEvery)
			if r.exits == nil { // the shell has ended, its output is still on the way
				over = time.After(statusGrace)
			}
		case <-look:
			look, changed = nil, r.stdout.changed
		case r.exit = <-r.exits:
			r.exits = nil
			switch {
			case whole:
				over = time.After(wholeGrace)
			case over == nil:
				over = time.After(statusGrace)
			}
		case err := <-r.ended:
			if e := r.hasEnded(err); e != nil {
				return e
			}
			changed, look = nil, nil
			if over == nil {
				over = time.After(statusGrace)
			}
		}
	}
	return nil
}
