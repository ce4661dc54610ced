package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// stagger is how long an address of a name has before the next one is tried
// beside it (RFC 8305 recommends 250 ms), so that a name of twelve addresses
// of which one answers is reached in three seconds.
const stagger = 250 * time.Millisecond

// dial connects to a host that needs no jump host, when it is its turn.
func (n *Native) dial(ctx context.Context, s *Settings, p *admission) (net.Conn, *Error) {
	limit := n.limits.connect(s)
	if n.opts.Dial != nil {
		ip, _ := netip.ParseAddr(s.Address)
		if e := p.turn(ctx, n.limits.doorsTo(nil, s.HostPort(), ip)); e != nil {
			return nil, e
		}
		ctx, cancel := within(ctx, limit)
		defer cancel()
		conn, err := n.opts.Dial(ctx, s.Network, s.HostPort())
		if err != nil {
			return nil, connectError(ctx, s.HostPort(), err)
		}
		return conn, nil
	}
	addrs, took, e := lookUp(ctx, s, limit)
	if e != nil {
		return nil, e
	}
	to := func(ip netip.Addr) netip.AddrPort { return netip.AddrPortFrom(ip.Unmap(), uint16(s.Port)) }
	if e := p.turn(ctx, n.limits.doorsTo(nil, to(addrs[0]).String(), addrs[0])); e != nil {
		return nil, e
	}
	ctx, cancel := within(ctx, limit-took)
	defer cancel()
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 15 * time.Second, Count: 4}}
	if s.BindAddress != "" {
		ip, err := netip.ParseAddr(s.BindAddress)
		if err != nil {
			return nil, &Error{Phase: PhaseConfig, Reason: fmt.Sprintf("BindAddress %q is not an IP address", s.BindAddress)}
		}
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, 0))
	}
	conn, err := dialAny(ctx, addrs, func(ctx context.Context, addr netip.Addr) (net.Conn, error) {
		if addr != addrs[0] {
			if e := p.another(ctx, n.limits.doorsTo(nil, to(addr).String(), addr)); e != nil {
				return nil, e
			}
		}
		return d.DialContext(ctx, s.Network, to(addr).String())
	})
	if err != nil {
		return nil, connectError(ctx, s.HostPort(), err)
	}
	return conn, nil
}

// lookUp finds the addresses of a host, and how much of the limit that took.
func lookUp(ctx context.Context, s *Settings, limit time.Duration) ([]netip.Addr, time.Duration, *Error) {
	ctx, cancel := within(ctx, limit)
	defer cancel()
	start := time.Now()
	addrs, err := lookupHost(ctx, s)
	if err != nil {
		return nil, 0, resolveError(ctx, s.Address, err)
	}
	return addrs, time.Since(start), nil
}

func lookupHost(ctx context.Context, s *Settings) ([]netip.Addr, error) {
	network := map[string]string{"tcp": "ip", "tcp4": "ip4", "tcp6": "ip6"}[s.Network]
	if ip, err := netip.ParseAddr(s.Address); err == nil {
		return []netip.Addr{ip}, nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, network, s.Address)
	if err == nil && len(addrs) == 0 {
		err = &net.DNSError{Err: "no address", Name: s.Address, IsNotFound: true}
	}
	return addrs, err
}

// dialAny connects to the first address that answers, each a little later
// than the one before, or at once when that one has failed.
func dialAny(ctx context.Context, addrs []netip.Addr, dial func(context.Context, netip.Addr) (net.Conn, error)) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	type answer struct {
		conn net.Conn
		err  error
	}
	answers := make(chan answer)
	started, pending := 0, 0
	next := func() {
		addr := addrs[started]
		started++
		pending++
		go func() {
			conn, err := dial(ctx, addr)
			answers <- answer{conn, err}
		}()
	}
	next()
	timer := time.NewTicker(stagger)
	defer timer.Stop()
	var won net.Conn
	var first error
	for pending > 0 {
		select {
		case <-timer.C:
			if won == nil && started < len(addrs) {
				next()
			}
			continue
		case a := <-answers:
			pending--
			switch {
			case a.err == nil && won == nil:
				won = a.conn
				cancel() // the others come back at once
			case a.err == nil:
				a.conn.Close()
			case first == nil:
				first = a.err
			}
			if won == nil && started < len(addrs) && ctx.Err() == nil {
				next()
			}
		}
	}
	cancel()
	if won != nil {
		return won, nil
	}
	return nil, first
}

func resolveError(ctx context.Context, name string, err error) *Error {
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsTimeout {
		awaitEnd(ctx)
	}
	if ctx.Err() != nil {
		return ended(ctx, PhaseResolve, fmt.Sprintf("no answer about the name %s", name))
	}
	e := &Error{Phase: PhaseResolve, Err: err, Reason: fmt.Sprintf("looking up %s: %v", name, err)}
	if dns != nil {
		e.Reason = fmt.Sprintf("name %s: %s", name, dns.Err)
		e.Hint = "check the resolver of this machine"
		if dns.IsNotFound {
			e.Reason = fmt.Sprintf("name %s is not known", name)
			e.Hint = "correct the name, give the host an address in the inventory, or a HostName in ssh_config"
		}
		if dns.IsTimeout {
			e.Kind = KindTimeout
		}
	}
	return e
}

// connectErrors name what the kernel says in words, with what to do.
var connectErrors = []struct {
	errno        error
	reason, hint string
}{
	{syscall.ECONNREFUSED, "connection to %s refused", "the host is up but nothing listens there: check port and sshd"},
	{syscall.EHOSTUNREACH, "no route to %s", "the host is down, or a firewall or router in between says no"},
	{syscall.ENETUNREACH, "no route to the network of %s", "check the routes of this machine, or name a jump host"},
	{syscall.ETIMEDOUT, "no answer from %s", "the host is down or a firewall drops the packets"},
	{syscall.ECONNRESET, "%s reset the connection", "a firewall or load balancer in between closes connections"},
	{syscall.EACCES, "connecting to %s is forbidden on this machine", "a local firewall says no"},
	{syscall.EPERM, "connecting to %s is forbidden on this machine", "a local firewall says no"},
	{syscall.EADDRNOTAVAIL, "no local address or port left to connect to %s from", "check BindAddress, or work on fewer hosts at once"},
	{syscall.EMFILE, "no file descriptor left to connect to %s", "raise ulimit -n here, or work on fewer hosts at once"},
	{syscall.ENFILE, "no file descriptor left on this machine to connect to %s", "work on fewer hosts at once"},
}

func connectError(ctx context.Context, addr string, err error) *Error {
	for _, c := range connectErrors {
		if errors.Is(err, c.errno) {
			return &Error{Phase: PhaseConnect, Err: err, Reason: fmt.Sprintf(c.reason, addr), Hint: c.hint}
		}
	}
	late := errors.Is(err, os.ErrDeadlineExceeded)
	if late {
		awaitEnd(ctx)
	}
	if ctx.Err() != nil || late {
		e := ended(ctx, PhaseConnect, fmt.Sprintf("no answer from %s", addr))
		if ctx.Err() == nil {
			e = &Error{Phase: PhaseConnect, Kind: KindTimeout, Reason: fmt.Sprintf("no answer from %s", addr), Err: err}
		}
		if e.Phase == PhaseConnect {
			e.Hint = "the host is down or a firewall drops the packets; is a jump host needed?"
		}
		return e
	}
	return &Error{Phase: PhaseConnect, Err: err, Reason: fmt.Sprintf("connecting to %s: %v", addr, err)}
}
