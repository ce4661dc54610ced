package remote

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// watched is a connection that remembers how it began, because a server that
// is too busy says so in words that the SSH library throws away, and that
// paces key exchanges.
type watched struct {
	net.Conn
	ctx   context.Context
	slots chan struct{} // one for each key exchange at work
	spoke func()        // called once the other end said something; may be nil

	ended   atomic.Bool                // a read failed
	client  atomic.Pointer[ssh.Client] // of a login over it; nil before
	pace    atomic.Bool                // see paced
	drained bool                       // the last read left nothing; only Read uses it
	pause   time.Duration              // before the next such read; likewise

	mu      sync.Mutex
	head    []byte // the first bytes read
	replay  []byte // bytes read before the handshake began
	release func() // gives the slot back; nil before it was taken
}

const (
	maxHead = 512 // bytes kept for a reason; a version line has at most 255

	// slotTime is how long a slot is held at most. Slots pace the processor,
	// not the network: a key exchange takes 1 ms of work and six round trips
	// of waiting, and a host that is far or silent must not hold up others.
	slotTime = 50 * time.Millisecond

	// A paced read waits minPause for more at first, each time twice as long,
	// and maxPause at most: a script that is over at once is heard at once, and
	// one that takes seconds costs a few wakings a second.
	minPause = 5 * time.Millisecond
	maxPause = 80 * time.Millisecond
)

// paced lets reads wait a moment for more once a script runs. A shell writes
// a line at a time and sshd sends each as a packet of its own; to be woken for
// each costs more than all that is done with it. A read that fills its buffer
// is followed by the next at once, so that much output is not slowed down. A
// conversation is not paced: each answer is waited for.
func (w *watched) paced(on bool) { w.pace.Store(on) }

func (w *watched) Read(p []byte) (int, error) {
	w.mu.Lock()
	if len(w.replay) > 0 {
		n := copy(p, w.replay)
		w.replay = w.replay[n:]
		w.mu.Unlock()
		return n, nil
	}
	w.mu.Unlock()
	if !w.pace.Load() {
		w.pause = 0
	} else if w.drained {
		w.pause = min(max(2*w.pause, minPause), maxPause)
		time.Sleep(w.pause)
	}
	n, err := w.Conn.Read(p)
	if err != nil {
		w.failed()
	}
	w.drained = n < len(p)
	if n > 0 {
		w.saw(p[:n])
	}
	return n, err
}

// Write refuses what nobody will answer.
func (w *watched) Write(p []byte) (int, error) {
	if w.ended.Load() {
		return 0, net.ErrClosed
	}
	return w.Conn.Write(p)
}

// failed has a write fail before a failed read is told of. x/crypto/ssh forgets
// its channels when a read fails and refuses writes only some time later; and of
// the first write that fails it does not tell at all. A channel that is opened
// between would be waited for for ever: now either it is among the forgotten, or
// to ask for it is refused. A writer that hangs is not waited for.
func (w *watched) failed() {
	client := w.client.Load()
	if w.ended.Swap(true) || client == nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		client.SendRequest("", false, nil) // which Write refuses
	}()
	t := time.NewTimer(lingering)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// saw keeps the first bytes, and takes a slot once the server spoke: one
// that is silent needs none.
func (w *watched) saw(p []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if room := maxHead - len(w.head); room > 0 {
		w.head = append(w.head, p[:min(room, len(p))]...)
	}
	if w.release != nil {
		return
	}
	w.release = func() {}
	if w.spoke != nil {
		w.spoke()
	}
	select {
	case w.slots <- struct{}{}:
		var once sync.Once
		give := func() { once.Do(func() { <-w.slots }) }
		t := time.AfterFunc(slotTime, give)
		w.release = func() { t.Stop(); give() }
	case <-w.ctx.Done():
	}
}

// done gives the slot back early.
func (w *watched) done() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.release != nil {
		w.release()
	}
	w.release = func() {} // and takes none later
}

// listen waits for the first words of the server before we say ours. That
// costs a round trip, but what we send then cannot reset the connection and
// with it the words away. Connections that take no deadline are not listened
// to, and few servers wait for us.
func (w *watched) listen(limit time.Duration) error {
	if w.Conn.SetReadDeadline(time.Now().Add(limit)) != nil {
		return nil
	}
	p := make([]byte, maxHead)
	n, err := w.Conn.Read(p)
	w.Conn.SetReadDeadline(time.Time{})
	if n == 0 && !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	if n > 0 {
		w.saw(p[:n])
		w.mu.Lock()
		w.replay = p[:n]
		w.mu.Unlock()
	}
	return nil
}

// begun is what the server said first, and if it was a whole SSH version.
func (w *watched) begun() (head []byte, spoke bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, version, ok := bytes.Cut(w.head, []byte("\nSSH-"))
	if bytes.HasPrefix(w.head, []byte("SSH-")) {
		version, ok = w.head, true
	}
	return bytes.Clone(w.head), ok && bytes.ContainsRune(version, '\n')
}
