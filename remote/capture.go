package remote

import (
	"errors"
	"io"
	"sync"
)

// capture keeps the first bytes of a stream and reads on: a stream that is
// not read blocks its writer, and inside x/crypto/ssh it may grow without
// bound.
type capture struct {
	keep, drain int
	changed     chan struct{} // holds a token when there is more to see

	mu     sync.Mutex
	buf    []byte
	total  int
	sealed bool
}

// errFlood ends a stream that printed more than may be drained.
var errFlood = errors.New("output without end")

func newCapture(keep, drain int) *capture {
	return &capture{keep: keep, drain: drain, changed: make(chan struct{}, 1)}
}

// readFrom reads r to its end. The error is nil at the end, errFlood, or r's.
func (c *capture) readFrom(r io.Reader) error {
	chunk := make([]byte, 16<<10)
	for {
		n, err := r.Read(chunk)
		if n > 0 && !c.take(chunk[:n]) {
			return errFlood
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (c *capture) take(p []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total += len(p)
	if room := c.keep - len(c.buf); room > 0 && !c.sealed {
		c.buf = append(c.buf, p[:min(room, len(p))]...)
		select {
		case c.changed <- struct{}{}:
		default:
		}
	}
	return c.total <= c.keep+c.drain
}

// soFar is what was kept until now. What comes later does not change it.
func (c *capture) soFar() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.buf[:len(c.buf):len(c.buf)]
}

// drop forgets the first n bytes of what was kept.
func (c *capture) drop(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buf, c.total = c.buf[n:], c.total-n
}

// seal ends the keeping and gives what was kept.
func (c *capture) seal() (kept []byte, truncated bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sealed = true
	return c.buf, c.total > len(c.buf)
}
