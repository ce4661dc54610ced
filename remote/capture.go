package remote

import (
	"errors"
	"io"
	"slices"
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

const (
	chunkSize  = 16 << 10 // what is read of a stream at once
	answerSize = 24 << 10 // what a host with two TaskManagers answers
)

// chunks are what streams are read with.
var chunks = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// errFlood ends a stream that printed more than may be drained.
var errFlood = errors.New("output without end")

func newCapture(keep, drain int) *capture {
	return &capture{keep: keep, drain: drain, changed: make(chan struct{}, 1)}
}

// readFrom reads r to its end. The error is nil at the end, errFlood, or r's.
func (c *capture) readFrom(r io.Reader) error {
	room := chunks.Get().(*[chunkSize]byte)
	defer chunks.Put(room)
	for chunk := room[:]; ; {
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
		p = p[:min(room, len(p))]
		if cap(c.buf) > 0 && cap(c.buf) < len(c.buf)+len(p) {
			c.buf = slices.Grow(c.buf, max(len(p), answerSize)) // most answers then fit
		}
		c.buf = append(c.buf, p...)
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
