package remote

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// says is a server that says one line to everybody, and hangs up.
func (s *site) says(line string) (h inventory.Host, connections *atomic.Int32) {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { l.Close() })
	connections = new(atomic.Int32)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			io.WriteString(c, line)
			c.(*net.TCPConn).CloseWrite()
			go func() { io.Copy(io.Discard, c); c.Close() }()
		}
	}()
	_, port, _ := cutPort(l.Addr().String())
	return inventory.Host{Name: "127.0.0.1", Port: port}, connections
}

// Only what may be over in a moment is tried again, and only before we have
// shown who we are.
func TestOnlyWhatPassesIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, c := range []struct {
		line   string
		want   int32
		reason string
	}{
		{"Exceeded MaxStartups\r\n", 1 + retries, "server takes no more connections"},
		{"", 1 + retries, "server closed the connection before it said its SSH version"},
		{"Not allowed at this time\r\n", 1, "server takes no connections from here for a while"},
		{"HTTP/1.1 400 Bad Request\r\n", 1, "not an SSH server"},
	} {
		h, connections := s.says(c.line)
		e := failure(t, s.native().Run(t.Context(), h, script("")))
		contains(t, "reason", e.Reason, c.reason)
		if got := connections.Load(); got != c.want {
			t.Errorf("%q: %d connections, want %d", c.line, got, c.want)
		}
	}
	for _, errno := range []syscall.Errno{syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EHOSTUNREACH, syscall.ETIMEDOUT} {
		tries := 0
		s := *s
		s.opts.Dial = func(context.Context, string, string) (net.Conn, error) {
			tries++
			return nil, &net.OpError{Op: "dial", Err: errno}
		}
		failure(t, s.native().Run(t.Context(), inventory.Host{Name: "127.0.0.1"}, script("")))
		if tries != 1 {
			t.Errorf("%v: %d connections, want 1", errno, tries)
		}
	}
}

// A jump host that had no socket left is asked again; one that says why it
// could not connect is not.
func TestAJumpHostShortOfSocketsIsAskedAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason  ssh.RejectionReason
		message string
		want    int32
	}{
		{ssh.ConnectionFailed, "open failed", 1 + retries},
		{ssh.ResourceShortage, "resource shortage", 1 + retries},
		{ssh.ConnectionFailed, "Connection refused", 1},
		{ssh.Prohibited, "open failed", 1},
	} {
		s := newSite(t)
		key, err := demo.NewKey(demo.Ed25519)
		if err != nil {
			t.Fatal(err)
		}
		config := &ssh.ServerConfig{NoClientAuth: true}
		config.AddHostKey(key)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		var asked atomic.Int32
		go func() {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			defer nc.Close()
			_, chans, reqs, err := ssh.NewServerConn(nc, config)
			if err != nil {
				return
			}
			go ssh.DiscardRequests(reqs)
			for ch := range chans {
				asked.Add(1)
				ch.Reject(c.reason, c.message)
			}
		}()
		_, port, _ := cutPort(l.Addr().String())
		s.knowAs(bracketed("127.0.0.1", port), key.PublicKey())
		failure(t, s.native().Run(t.Context(), inventory.Host{Name: "tm1", Jump: l.Addr().String()}, script("")))
		if got := asked.Load(); got != c.want {
			t.Errorf("%v %q: asked %d times, want %d", c.reason, c.message, got, c.want)
		}
	}
}
