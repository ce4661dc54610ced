package demo

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// dripInterval is the pause between two bytes of what drips: each byte would
// satisfy a deadline that starts anew with every read.
const dripInterval = 100 * time.Millisecond

// throttledText is what sshd 9.2 writes before it drops a connection over
// MaxStartups.
const throttledText = "Exceeded MaxStartups\r\n"

// conn is one authenticated connection.
type conn struct {
	*Server
	net *lostConn
	ssh *ssh.ServerConn
	wg  sync.WaitGroup // channels, scripts, tunnels
}

// lostConn is a connection that remembers its end.
type lostConn struct {
	net.Conn
	lost atomic.Bool
}

func (c *lostConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		c.lost.Store(true)
	}
	return n, err
}

// serve is the life of one connection.
func (s *Server) serve(accepted net.Conn) {
	nc := &lostConn{Conn: accepted}
	defer nc.Close()
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	defer onEnd(ctx, func() { nc.Close() })()

	leave := sync.OnceFunc(func() { s.unauthenticated.Add(-1) })
	defer leave()
	if s.enter() {
		io.WriteString(nc, throttledText)
		return
	}
	if s.rawFault(ctx, accepted) {
		return
	}
	config := s.connConfig(nc)
	config.AuthLogCallback = func(_ ssh.ConnMetadata, _ string, err error) {
		if err == nil { // counted before the client learns it
			leave()
			s.handshakes.Add(1)
		}
	}
	sc, channels, requests, err := ssh.NewServerConn(nc, config)
	if err != nil {
		return
	}
	c := &conn{Server: s, net: nc, ssh: sc}
	c.wg.Go(func() { ssh.DiscardRequests(requests) })
	if s.host.Behave.Fault != CloseAuth {
		c.serveChannels(ctx, channels)
	}
	cancel() // kills the scripts
	sc.Close()
	c.wg.Wait()
}

// rawFault plays the faults that need no SSH and reports whether it did.
func (s *Server) rawFault(ctx context.Context, nc net.Conn) bool {
	switch s.host.Behave.Fault {
	case Silent:
		io.Copy(io.Discard, nc)
	case DripVersion:
		drip(ctx, nc, []byte("SSH-2.0-"))
	case EndlessPreVersion:
		repeat(nc, []byte(strings.Repeat("not yet ", 25)+"\r\n"))
	case ResetAccept:
		nc.Read(make([]byte, 1)) // a client that is still connecting would blame connect
		if t, ok := nc.(*net.TCPConn); ok {
			t.SetLinger(0) // Close sends RST
		}
	case CloseAccept:
	case CloseVersion:
		io.WriteString(nc, s.config.ServerVersion+"\r\n")
	default:
		return false
	}
	return true
}

// connConfig adds the faults of key exchange and authentication, which need
// the connection they spoil.
func (s *Server) connConfig(nc net.Conn) *ssh.ServerConfig {
	config := *s.config
	switch s.host.Behave.Fault {
	case CloseKex:
		config.PreAuthConnCallback = func(ssh.ServerPreAuthConn) { nc.Close() }
	case EndlessBanners:
		text := strings.Repeat("welcome\r\n", 3000)
		config.PreAuthConnCallback = func(p ssh.ServerPreAuthConn) {
			for p.SendAuthBanner(text) == nil {
			}
		}
	case NoAuthReply:
		config.PublicKeyCallback = func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
			io.Copy(io.Discard, nc) // until the connection ends
			return nil, errNotAuthorized
		}
	}
	return &config
}

// serveChannels ends when the connection does.
func (c *conn) serveChannels(ctx context.Context, channels <-chan ssh.NewChannel) {
	if c.host.Behave.Fault == ChannelFlood {
		for range 8 {
			go c.flood()
		}
	}
	for nc := range channels {
		switch nc.ChannelType() {
		case "session":
			c.sessions.Add(1)
			c.wg.Go(func() { c.session(ctx, nc) })
		case "direct-tcpip":
			c.tunnel.Add(1)
			c.wg.Go(func() { c.forward(ctx, nc) })
		default:
			nc.Reject(ssh.UnknownChannelType, "unknown channel type")
		}
	}
}

// flood asks the client for channels until the connection ends. It is not
// waited for: in x/crypto v0.58.0 OpenChannel may wait for ever when the
// connection ends at the wrong moment, and then nothing can wake it.
func (c *conn) flood() {
	for {
		_, _, err := c.ssh.OpenChannel("session", nil)
		if _, refused := err.(*ssh.OpenChannelError); err != nil && !refused {
			return
		}
	}
}

// drip sends a line that never ends, and how it begins.
func drip(ctx context.Context, w io.Writer, rest []byte) {
	tick := time.NewTicker(dripInterval)
	defer tick.Stop()
	for {
		b := []byte("x")
		if len(rest) > 0 {
			b, rest = rest[:1], rest[1:]
		}
		if _, err := w.Write(b); err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// repeat writes b until w fails.
func repeat(w io.Writer, b []byte) {
	chunk := bytes.Repeat(b, max(1, 16*1024/len(b)))
	for {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}
