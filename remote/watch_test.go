package remote

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// chatty is a connection to which a line comes each millisecond. It counts
// its reads.
type chatty struct {
	net.Conn
	mu     sync.Mutex
	buf    bytes.Buffer
	closed bool
	more   chan struct{}
	reads  int
}

func (c *chatty) Read(p []byte) (int, error) {
	for {
		c.mu.Lock()
		if c.buf.Len() > 0 || c.closed {
			c.reads++
			defer c.mu.Unlock()
			return c.buf.Read(p)
		}
		c.mu.Unlock()
		<-c.more
	}
}

func (c *chatty) write(p []byte) {
	c.mu.Lock()
	c.buf.Write(p)
	c.closed = p == nil
	c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// TestChattyScriptCostsFewReads: a host that prints a line at a time for two
// seconds wakes us some dozens of times, not once a line; one that prints
// more than a buffer is read without pauses.
func TestChattyScriptCostsFewReads(t *testing.T) {
	t.Parallel()
	const lines = 2000
	line := []byte("=maps.max_map_count 65530\n")
	for _, row := range []struct {
		name     string
		paced    bool
		every    time.Duration
		min, max int
		atMost   time.Duration
	}{
		{"a line a millisecond, paced", true, time.Millisecond, 20, 40, 2200 * time.Millisecond},
		{"a line a millisecond, not paced", false, time.Millisecond, lines, lines + 2, 2100 * time.Millisecond},
		{"all at once, paced", true, 0, lines * len(line) / 4096, lines*len(line)/4096 + 8, 200 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := &chatty{more: make(chan struct{}, 1)}
			w := &watched{Conn: c, ctx: context.Background(), slots: make(chan struct{}, 1)}
			w.done()
			if row.paced {
				w.paced(true)
			}
			began := time.Now()
			go func() {
				for range lines {
					c.write(line)
					if row.every > 0 {
						time.Sleep(row.every)
					}
				}
				c.write(nil)
			}()
			got := 0
			for p := make([]byte, 4096); ; {
				n, err := w.Read(p)
				got += n
				if err != nil {
					break
				}
			}
			if got != lines*len(line) {
				t.Errorf("%s: read %d bytes, want %d", row.name, got, lines*len(line))
			}
			if c.reads < row.min || c.reads > row.max {
				t.Errorf("%s: %d reads, want %d to %d", row.name, c.reads, row.min, row.max)
			}
			if took := time.Since(began); took > row.atMost { // by the fake clock of the bubble
				t.Errorf("%s: took %v, want at most %v", row.name, took, row.atMost)
			}
		})
	}
}

// Once a read has failed, asking for a channel fails, though the library has not
// heard of it and its first failed write is no error to it.
func TestNoChannelIsWaitedForAfterAFailedRead(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h, _ := s.host(demo.Host{})
	n := s.native()
	set, err := n.Resolve(h)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", set.HostPort())
	if err != nil {
		t.Fatal(err)
	}
	client, l, err := n.handshake(t.Context(), conn, &set, n.keys.keysFor(t.Context(), &set), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	l.conn.failed()
	opened := make(chan error, 1)
	go func() {
		_, _, err := client.OpenChannel("session", nil)
		opened <- err
	}()
	select {
	case err := <-opened:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("%v, want %v", err, net.ErrClosed)
		}
	case <-time.After(10 * time.Second):
		t.Error("still waiting for a channel after 10s")
	}
}

func TestAFailedReadEndsWriting(t *testing.T) {
	ours, theirs := net.Pipe()
	theirs.Close()
	w := &watched{Conn: ours}
	if _, err := w.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read: %v, want the end", err)
	}
	if _, err := w.Write([]byte("x")); err != net.ErrClosed {
		t.Errorf("write: %v, want %v", err, net.ErrClosed)
	}
}
