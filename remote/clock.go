package remote

import (
	"context"
	"sync"
	"time"
)

// clock runs down the limit of a context. It stands still while a person is
// asked, or a host waits for its turn by [Limits].Rate: neither says anything
// about the host. At one connection a second, the last of 256 hosts at work
// waits four minutes.
type clock struct {
	outer *clock // of the context around
	limit time.Duration

	mu      sync.Mutex
	timer   *time.Timer
	left    time.Duration // when the timer was started
	started time.Time
	stopped int    // by so many; it runs at 0
	noticed func() // called when it first stops; may be nil
	over    bool
}

type clockKey struct{}

// within is ctx with an absolute deadline of its own.
func within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	outer, _ := ctx.Value(clockKey{}).(*clock)
	ctx, cancel := context.WithCancelCause(ctx)
	c := &clock{outer: outer, limit: limit, left: limit, started: time.Now()}
	c.timer = time.AfterFunc(limit, func() { cancel(&limitError{limit}) })
	return context.WithValue(ctx, clockKey{}, c), func() {
		c.end()
		cancel(context.Canceled)
	}
}

// standstill stops the clocks of ctx, those around it included, until resume
// is called. The context still ends with the run.
func standstill(ctx context.Context) (resume func()) {
	innermost, _ := ctx.Value(clockKey{}).(*clock)
	for c := innermost; c != nil; c = c.outer {
		c.stop()
	}
	return sync.OnceFunc(func() {
		for c := innermost; c != nil; c = c.outer {
			c.resume()
		}
	})
}

// whenStill calls f when the innermost clock of ctx first stands still.
func whenStill(ctx context.Context, f func()) {
	if c, ok := ctx.Value(clockKey{}).(*clock); ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.noticed = sync.OnceFunc(f)
	}
}

func (c *clock) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped++
	if c.noticed != nil {
		c.noticed()
	}
	if c.stopped > 1 || c.over {
		return
	}
	if c.over = !c.timer.Stop(); !c.over {
		c.left -= time.Since(c.started)
	}
}

func (c *clock) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped--
	if c.stopped == 0 && !c.over {
		c.started = time.Now()
		c.timer.Reset(c.left)
	}
}

// end is for a context that is no longer needed.
func (c *clock) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	c.timer.Stop()
}
