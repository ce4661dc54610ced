package remote

import (
	"context"
	"sync"
	"time"
)

// clock is the time that a host has, [Limits].Host. It stands still while the
// host waits for its turn by [Limits].Rate, which is the doing of no host: at
// one connection a second the last of 256 hosts at work waits four minutes.
type clock struct {
	end context.CancelCauseFunc
	why error

	mu    sync.Mutex
	timer *time.Timer
	left  time.Duration
	since time.Time // when the timer was started; zero while held
	held  int
}

type clockKey struct{}

// underClock is ctx with the time that a host has. As within, but that
// standStill stops it.
func underClock(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(ctx)
	c := &clock{end: end, why: &limitError{limit}, left: limit, since: time.Now()}
	c.timer = time.AfterFunc(limit, c.over)
	return context.WithValue(ctx, clockKey{}, c), func() {
		c.timer.Stop()
		end(context.Canceled)
	}
}

func (c *clock) over() { c.end(c.why) }

// standStill stops the clock of the host until resume is called, if ctx has
// one. Clocks above it, of the run, go on.
func standStill(ctx context.Context) (resume func()) {
	c, ok := ctx.Value(clockKey{}).(*clock)
	if !ok {
		return func() {}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held++; c.held == 1 && c.timer.Stop() {
		c.left -= time.Since(c.since)
	}
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.held--; c.held == 0 {
			c.since = time.Now()
			c.timer.Reset(max(c.left, 0))
		}
	})
}
