package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	// jumpChannels is how many hosts are reached through one jump host at
	// once: each costs its sshd a file descriptor, of 1024 by default. It is as
	// many as InFlight, so that a fleet behind a jump host takes no longer.
	jumpChannels = 256
	// jumpPause is how long a lost jump host is not tried again: the hosts
	// behind it share one failure and one reconnect.
	jumpPause = 5 * time.Second
	// keepAlive is how often a shared connection is asked if it is alive, and
	// how long the answer may take.
	keepAlive = 15 * time.Second
)

// jumpHost is one shared connection.
type jumpHost struct {
	channels chan struct{}

	mu      sync.Mutex
	attempt *jumpAttempt
}

// jumpAttempt is one try to connect, for all who wait for it.
type jumpAttempt struct {
	done   chan struct{} // closed when the rest is set
	client *ssh.Client
	err    error
	at     time.Time     // when it failed
	still  chan struct{} // closed when its clock first stands still
	dead   chan struct{}
}

// jumpPool holds the jump hosts in use, by the whole way to them.
type jumpPool struct {
	mu sync.Mutex
	by map[string]*jumpHost
}

func (p *jumpPool) host(way []Settings) *jumpHost {
	key := wayKey(way)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.by == nil {
		p.by = map[string]*jumpHost{}
	}
	j, ok := p.by[key]
	if !ok {
		j = &jumpHost{channels: make(chan struct{}, jumpChannels)}
		p.by[key] = j
	}
	return j
}

// wayKey is the same for two ways only if they lead to the same hosts, logging
// in alike and trusting the same keys. It is made of all that settings say but
// words for people, so that what they come to say later is never left out.
func wayKey(way []Settings) string {
	var key strings.Builder
	for _, s := range way {
		s.Name, s.Warnings, s.Jumps = "", nil, nil // jumps of jump hosts are on the way themselves
		fmt.Fprintf(&key, "%#v\n", s)
	}
	return key.String()
}

// through connects to a host behind jump hosts. release is to be called when
// the connection is no longer used.
func (n *Native) through(ctx context.Context, way []Settings, s *Settings, p *admission) (conn net.Conn, release func(), fail error) {
	j := n.jumps.host(way)
	select {
	case j.channels <- struct{}{}:
		release = func() { <-j.channels }
	case <-ctx.Done():
		return nil, nil, ended(ctx, PhaseJump, "no place among the connections through "+way[len(way)-1].Name)
	}
	for try := 0; ; try++ {
		a := j.connect(n, way)
		client, err := a.wait(ctx)
		if err != nil {
			release()
			return nil, nil, behind(ctx, &way[len(way)-1], err)
		}
		ip, _ := netip.ParseAddr(s.Address)
		if e := p.turn(ctx, n.limits.doorsTo(way, s.HostPort(), ip)); e != nil {
			release()
			return nil, nil, e
		}
		dialing, cancel := within(ctx, n.limits.Connect)
		conn, err = client.DialContext(dialing, "tcp", s.HostPort())
		fail = forwardError(dialing, &way[len(way)-1], s, err)
		cancel()
		if err == nil {
			return conn, release, nil
		}
		var refusal *ssh.OpenChannelError
		if try > 0 || errors.As(err, &refusal) || ctx.Err() != nil || !a.lostSoon() {
			release()
			return nil, nil, fail
		}
	}
}

// connect is the current try, or a new one if the last has failed or died.
func (j *jumpHost) connect(n *Native, way []Settings) *jumpAttempt {
	j.mu.Lock()
	defer j.mu.Unlock()
	if a := j.attempt; a != nil && !a.stale() {
		return a
	}
	a := &jumpAttempt{done: make(chan struct{}), still: make(chan struct{}), dead: make(chan struct{})}
	j.attempt = a
	// The try belongs to no single host: it lives as long as the transport.
	n.wg.Go(func() { a.run(n, way) })
	return a
}

// stale is true if another try may succeed where this one did not.
func (a *jumpAttempt) stale() bool {
	select {
	case <-a.done:
	default:
		return false
	}
	if a.err == nil {
		return a.lost()
	}
	switch rootPhase(a.err) {
	case PhaseResolve, PhaseConnect, PhaseHandshake:
		return time.Since(a.at) > jumpPause
	}
	return false // what was refused once is refused again, and may lock an account
}

// rootPhase is the phase in which the first jump host on the way was lost.
func rootPhase(err error) (p Phase) {
	var e *Error
	for errors.As(err, &e) {
		p, err = e.Phase, e.Err
	}
	return p
}

func (a *jumpAttempt) lost() bool {
	select {
	case <-a.dead:
		return true
	default:
		return false
	}
}

// lostSoon waits a moment for the end of a connection to be noticed.
func (a *jumpAttempt) lostSoon() bool {
	t := time.NewTimer(lingering)
	defer t.Stop()
	select {
	case <-a.dead:
		return true
	case <-t.C:
		return false
	}
}

// wait waits for the connection. The jump host has a time of its own; while it
// waits for its turn or for a person, that of the host stands still too.
func (a *jumpAttempt) wait(ctx context.Context) (*ssh.Client, error) {
	select {
	case <-a.done:
		return a.client, a.err
	case <-a.still: // it is bounded but for the time it waits for others
		defer standstill(ctx)()
	case <-ctx.Done():
	}
	select {
	case <-a.done:
		return a.client, a.err
	case <-ctx.Done():
		return nil, ended(ctx, PhaseJump, "no connection to the jump host")
	}
}

// run connects, then watches the connection until it ends.
func (a *jumpAttempt) run(n *Native, way []Settings) {
	s := way[len(way)-1]
	s.Jumps = way[:len(way)-1]
	keys := n.keys.keysFor(n.life, &s)
	keys.respondent = n.logins.respondent(&s, true)
	ctx, cancel := within(n.life, n.limits.Host)
	whenStill(ctx, func() { close(a.still) })
	c, err := n.login(ctx, &s, keys)
	cancel()
	for _, note := range c.notes {
		n.warn("jump host " + s.Name + ": " + note)
	}
	if len(c.legacy) > 0 {
		n.warn("jump host " + s.Name + " is old: " + strings.Join(c.legacy, ", "))
	}
	if err != nil {
		a.err, a.at = err, time.Now()
		close(a.done)
		return
	}
	defer c.close()
	a.client = c.client
	close(a.done)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.client.Wait()
	}()
	keepAliveUntil(n.life, a.client, n.keepAlive, ended)
	a.client.Close()
	close(a.dead)
	<-ended
}

// keepAliveUntil asks the peer for signs of life until there are none, the
// connection has ended, or ctx has.
func keepAliveUntil(ctx context.Context, client *ssh.Client, every time.Duration, over <-chan struct{}) {
	t := time.NewTicker(every)
	defer t.Stop()
	answers := make(chan error, 1)
	waiting := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-over:
			return
		case err := <-answers:
			if err != nil {
				return
			}
			waiting = false
		case <-t.C:
			if waiting {
				return
			}
			waiting = true
			go func() {
				_, _, err := client.SendRequest("keepalive@openssh.com", true, nil)
				answers <- err
			}()
		}
	}
}

// behind is the error of a host whose jump host was lost.
func behind(ctx context.Context, jump *Settings, err error) *Error {
	var e *Error
	if !errors.As(err, &e) {
		return &Error{Phase: PhaseJump, Reason: fmt.Sprintf("jump host %s: %v", jump.Name, err), Err: err}
	}
	if e.Phase == PhaseDeadline && ctx.Err() != nil {
		return e
	}
	reason := fmt.Sprintf("jump host %s: %s", jump.Name, e.Reason)
	if e.Phase == PhaseJump && strings.HasPrefix(e.Reason, "jump host ") {
		reason = e.Reason // of a jump host further ahead
	}
	return &Error{Phase: PhaseJump, Kind: e.Kind, Reason: reason, Hint: e.Hint, Err: e}
}

// errShortage marks a refusal of a jump host that is worth a retry.
var errShortage = errors.New("jump host is short of resources")

// forwardError is for a jump host that could not connect to the host.
func forwardError(ctx context.Context, jump, s *Settings, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		e := ended(ctx, PhaseConnect, fmt.Sprintf("no answer from %s through jump host %s", s.HostPort(), jump.Name))
		if e.Phase == PhaseConnect {
			e.Hint = "the host is down, or a firewall behind the jump host drops the packets"
		}
		return e
	}
	var open *ssh.OpenChannelError
	if !errors.As(err, &open) {
		return &Error{Phase: PhaseJump, Reason: fmt.Sprintf("connection to jump host %s was lost", jump.Name), Err: err,
			Hint: "ssh " + quoteWord(jump.Name) + " shows if it stays up"}
	}
	said := excerptText(open.Message)
	switch open.Reason {
	case ssh.Prohibited:
		return &Error{Phase: PhaseJump, Reason: fmt.Sprintf("jump host %s does not forward to %s: %s", jump.Name, s.HostPort(), said), Err: err,
			Hint: "check AllowTcpForwarding and PermitOpen in its sshd_config"}
	case ssh.ResourceShortage:
		return &Error{Phase: PhaseJump, Reason: fmt.Sprintf("jump host %s is short of resources: %s", jump.Name, said), Err: errors.Join(errShortage, err)}
	}
	e := &Error{Phase: PhaseConnect, Reason: fmt.Sprintf("jump host %s could not connect to %s: %s", jump.Name, s.HostPort(), said), Err: err}
	if open.Message == "open failed" { // of sshd, where not even a socket could be had to try with, or no route
		e.Err = errors.Join(errShortage, err)
	}
	if strings.Contains(said, "not known") || strings.Contains(said, "name resolution") {
		e.Phase = PhaseResolve
		e.Hint = "the name is looked up on the jump host: give the host an address it knows"
	}
	return e
}
