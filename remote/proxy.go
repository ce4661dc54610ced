package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// proxied is the connection to a host that a ProxyCommand makes: the standard
// output and input of a process of its own.
type proxied struct {
	process *localShell
	addr    proxyAddr
	limit   time.Duration
	silence *time.Timer // ends a command that reaches nothing
	stderr  *capture
	said    chan struct{} // closed when stderr was read

	spoke, late, flooded, ending atomic.Bool
	once                         sync.Once
	free                         func()
	exit                         *exit // how it ended by itself; known once it is closed
}

// maxProxyWords is how much of what a command prints is kept, in bytes.
const maxProxyWords = 8 << 10

// proxyAddr is the address that a command was to reach.
type proxyAddr string

func (proxyAddr) Network() string  { return "proxycommand" }
func (a proxyAddr) String() string { return string(a) }

// proxy starts the ProxyCommand of a host, as ssh does: by the user's shell,
// which it replaces. It is in a session of its own, without a terminal, and so
// can ask nobody.
func (n *Native) proxy(ctx context.Context, s *Settings, p *admission) (*proxied, *Error) {
	ip, _ := netip.ParseAddr(s.Address)
	if e := p.turn(ctx, n.limits.doorsTo(nil, s.HostPort(), ip)); e != nil {
		return nil, e
	}
	select {
	case n.proxies <- struct{}{}:
	case <-ctx.Done():
		return nil, ended(ctx, PhaseConnect, "no place among the proxy commands at work")
	}
	free := func() { <-n.proxies }
	shell := cmp.Or(n.opts.Env("SHELL"), "/bin/sh")
	cmd := exec.Command(shell, "-c", "exec "+s.ProxyCommand)
	cmd.Env = append(os.Environ(), "SSH_ASKPASS_REQUIRE=never")
	ownSession(cmd)
	process, err := startPiped(cmd)
	if err != nil {
		free()
		hint := shellHint(err)
		if errors.Is(err, os.ErrNotExist) {
			hint = "$SHELL names no shell"
		}
		return nil, &Error{Phase: PhaseConnect, Reason: "starting the proxy command: " + err.Error(), Err: err, Hint: hint}
	}
	c := &proxied{
		process: process, addr: proxyAddr(s.HostPort()), limit: n.limits.connect(s), free: free,
		stderr: newCapture(maxProxyWords, n.limits.Drain), said: make(chan struct{}),
	}
	go c.listen()
	c.silence = time.AfterFunc(c.limit, func() {
		if !c.spoke.Load() {
			c.late.Store(true)
			killGroup(cmd)
		}
	})
	return c, nil
}

// connect is how long it may take to reach a host.
func (l Limits) connect(s *Settings) time.Duration {
	if s.Connect > 0 {
		return min(s.Connect, l.Connect)
	}
	return l.Connect
}

// listen reads what the command prints, of which the first words are kept. One
// that prints without end is ended.
func (p *proxied) listen() {
	defer close(p.said)
	if errors.Is(p.stderr.readFrom(p.process.stderr), errFlood) {
		p.flooded.Store(true)
		killGroup(p.process.cmd)
	}
}

func (p *proxied) Read(b []byte) (int, error) {
	n, err := p.process.stdout.Read(b)
	if n > 0 && p.spoke.CompareAndSwap(false, true) {
		p.silence.Stop()
	}
	if err == io.EOF {
		p.ending.Store(true)
	}
	return n, closedError(err)
}

func (p *proxied) Write(b []byte) (int, error) {
	n, err := p.process.stdin.Write(b)
	if errors.Is(err, syscall.EPIPE) {
		p.ending.Store(true)
	}
	return n, closedError(err)
}

// closedError is the error of a closed pipe as that of a closed connection.
func closedError(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return net.ErrClosed
	}
	return err
}

func (p *proxied) LocalAddr() net.Addr  { return proxyAddr("") }
func (p *proxied) RemoteAddr() net.Addr { return p.addr }

func (p *proxied) SetReadDeadline(t time.Time) error  { return p.process.stdout.SetReadDeadline(t) }
func (p *proxied) SetWriteDeadline(t time.Time) error { return p.process.stdin.SetWriteDeadline(t) }
func (p *proxied) SetDeadline(t time.Time) error {
	return errors.Join(p.SetReadDeadline(t), p.SetWriteDeadline(t))
}

// Close kills the command and what it started, and waits for it. One that has
// closed its output or input is given a moment to say how it ends.
func (p *proxied) Close() error {
	p.once.Do(func() {
		p.silence.Stop()
		if p.ending.Load() {
			p.process.stdin.Close() // some wait for it
			select {
			case <-p.process.reaped:
			case <-time.After(statusGrace):
			}
		}
		select {
		case e := <-p.process.exits:
			p.exit = &e
			select { // what it said last
			case <-p.said:
			case <-time.After(lingering):
			}
		default:
		}
		p.process.close()
		<-p.said
		p.free()
	})
	return nil
}

// explain says of a login that failed what the command has to do with it. The
// connection was closed.
func (p *proxied) explain(err error) error {
	p.Close() // waits for who closes it now
	var e *Error
	if !errors.As(err, &e) || e.Phase == PhaseDeadline {
		return err
	}
	said := quoted(p.stderr.soFar())
	// Only with errBusy in it is a login tried again.
	failed := func(cause error, reason, hint string) *Error {
		return &Error{Phase: PhaseConnect, Reason: reason + said, Hint: hint, Err: cause}
	}
	switch {
	case p.flooded.Load():
		return failed(errFlood, "proxy command printed without end on standard error", "run it by itself: it is meant to connect and to be silent")
	case p.late.Load() || !p.spoke.Load() && e.Kind == KindTimeout:
		late := failed(&limitError{p.limit}, fmt.Sprintf("proxy command reached no SSH server within %v", p.limit), "the host is down, or the command waits for something: run it by itself")
		late.Kind = KindTimeout
		return late
	case p.exit == nil:
		return err
	case !p.spoke.Load() && p.exit.status == 0 && p.exit.signal == "":
		return failed(e, "proxy command ended before an SSH server spoke", "the host closed the connection, or the command connects to something else")
	case !p.spoke.Load():
		hint := "run it by itself: it has to reach the host"
		if p.exit.status == 127 {
			hint = "the command is not found: install it, or correct ProxyCommand"
		}
		return failed(p.exit, "proxy command "+p.exit.how(), hint)
	}
	return p.lost(err)
}

// lost says of a connection that broke how the command ended, if it failed.
func (p *proxied) lost(err error) error {
	var e *Error
	if !p.ending.Load() || !errors.As(err, &e) || e.Phase == PhaseDeadline {
		return err
	}
	p.Close()
	if p.exit == nil || p.exit.status == 0 && p.exit.signal == "" {
		return err
	}
	lost := *e
	lost.Reason += "; the proxy command " + p.exit.how() + quoted(p.stderr.soFar())
	return &lost
}

// how is how a process ended, in words.
func (e *exit) how() string {
	if e.signal != "" {
		return "was ended by " + e.signal
	}
	return fmt.Sprintf("exited with status %d", e.status)
}

func (e *exit) Error() string { return e.how() }
