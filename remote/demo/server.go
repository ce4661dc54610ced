package demo

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/ssh"
)

// Server is one host that listens on loopback. It is made by [Listen].
type Server struct {
	host      Host
	listener  net.Listener
	config    *ssh.ServerConfig
	published []ssh.PublicKey

	ctx    context.Context // ends with Close; every connection hangs on it
	cancel context.CancelFunc
	wg     sync.WaitGroup

	connections, unauthenticated, peak  atomic.Int64
	handshakes, sessions, execs, tunnel atomic.Int64
}

// Stats counts what a server has seen so far.
type Stats struct {
	Connections         int // accepted, the throttled ones included
	Unauthenticated     int // open now and not yet authenticated
	PeakUnauthenticated int // the most of them at once
	Handshakes          int // authenticated
	Sessions            int // session channels asked for
	Execs               int // exec requests
	Forwards            int // direct-tcpip channels asked for
}

// Listen starts a server for h on a free port of 127.0.0.1. Close ends it.
func Listen(h Host) (*Server, error) {
	config, published, err := serverConfig(h)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", h.Name, err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", h.Name, err)
	}
	s := &Server{host: h, listener: l, config: config, published: published}
	// A server outlives the call that starts it: Close ends this context.
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.wg.Go(s.accept)
	return s, nil
}

// Addr is the server's address, "127.0.0.1:PORT".
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Port is the port of Addr.
func (s *Server) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// HostKey is the first key the host is known by: what belongs in known_hosts.
// A server with the fault OtherHostKey presents another.
func (s *Server) HostKey() ssh.PublicKey { return s.published[0] }

// HostKeys are all keys the host is known by.
func (s *Server) HostKeys() []ssh.PublicKey { return s.published }

// Stats counts what the server has seen so far.
func (s *Server) Stats() Stats {
	return Stats{
		Connections:         int(s.connections.Load()),
		Unauthenticated:     int(s.unauthenticated.Load()),
		PeakUnauthenticated: int(s.peak.Load()),
		Handshakes:          int(s.handshakes.Load()),
		Sessions:            int(s.sessions.Load()),
		Execs:               int(s.execs.Load()),
		Forwards:            int(s.tunnel.Load()),
	}
}

// Close ends the server: it listens no more, every connection is closed and
// every script killed with its children, and no goroutine is left when Close
// returns (but for ChannelFlood, see flood). It may be called more than once and from several goroutines.
func (s *Server) Close() error {
	s.cancel()
	s.listener.Close() // the second time an error that says nothing
	s.wg.Wait()
	return nil
}

func (s *Server) accept() {
	for {
		nc, err := s.listener.Accept()
		if err != nil {
			if s.ctx.Err() != nil {
				return
			}
			continue // the client gave up, or no descriptors: serve the next
		}
		s.wg.Go(func() { s.serve(nc) })
	}
}

// enter counts a connection that has not authenticated yet and reports
// whether it is to be throttled.
func (s *Server) enter() (throttled bool) {
	n := s.connections.Add(1)
	open := s.unauthenticated.Add(1)
	for p := s.peak.Load(); open > p && !s.peak.CompareAndSwap(p, open); {
		p = s.peak.Load()
	}
	b := s.host.Behave
	return b.Fault == Throttled || n <= int64(b.Throttle) ||
		b.MaxUnauthenticated > 0 && open > int64(b.MaxUnauthenticated)
}

// onEnd calls f when ctx ends. The caller calls stop once, when f is needed no
// more; stop returns after f if f was called, so that Close waits for it.
func onEnd(ctx context.Context, f func()) (stop func()) {
	called := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() { defer close(called); f() })
	return func() {
		if !cancel() {
			<-called
		}
	}
}
