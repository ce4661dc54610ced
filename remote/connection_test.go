package remote

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// cable is a connection that can be cut without a word: nothing arrives any
// more, and nothing is refused.
type cable struct {
	net.Conn
	cut    chan struct{} // closed when it is
	closed chan struct{}
	once   sync.Once
}

func (c *cable) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	select {
	case <-c.cut:
		<-c.closed
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

func (c *cable) Write(p []byte) (int, error) {
	select {
	case <-c.cut:
		return len(p), nil
	default:
		return c.Conn.Write(p)
	}
}

func (c *cable) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// A network that is cut in silence is noticed, while a program is waited for
// and while nothing is.
func TestACutNetworkIsNoticed(t *testing.T) {
	leakCheck(t)
	s := newSite(t)
	for _, every := range []time.Duration{50 * time.Millisecond, time.Hour} {
		cut := make(chan struct{})
		s.opts.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, network, address)
			return &cable{Conn: c, cut: cut, closed: make(chan struct{})}, err
		}
		n := s.native()
		n.keepAlive = every
		h, server := s.host(demo.Host{Root: "/"})
		conn, err := n.Connect(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Alive(t.Context()); err != nil {
			t.Fatal(err)
		}
		talk := start(t, way{}, conn, "main() { echo ask; read -r line; }\nmain\n")
		if _, err := talk.Until(t.Context(), "ask"); err != nil {
			t.Fatal(err)
		}
		close(cut)
		if every < time.Hour {
			begin := time.Now()
			_, err := talk.Until(t.Context(), "never")
			if e := asError(t, err); e.Phase != PhaseScript || time.Since(begin) > 10*time.Second {
				t.Errorf("%v after %v, want phase script soon", e, time.Since(begin))
			}
		} else { // only who asks learns it
			for range 3 {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
				e := asError(t, conn.Alive(ctx))
				cancel()
				if e.Kind != KindTimeout {
					t.Errorf("%+v, want a timeout", e)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			if err := talk.Say(ctx, "into the void"); err != nil {
				t.Error(err) // the kernel took it
			}
			cancel()
			talk.Abandon()
		}
		conn.Close()
		server.Close()
		n.Close()
	}
}

// What closes the transport closes the connections that are left.
func TestCloseOfTheTransportEndsItsConnections(t *testing.T) {
	leakCheck(t)
	s := newSite(t)
	h, server := s.host(demo.Host{Root: "/"})
	n := s.native()
	conn, err := n.Connect(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	talk := start(t, way{}, conn, "main() { echo ask; read -r line; }\nmain\n")
	n.Close()
	if _, err := talk.Until(t.Context(), "never"); asError(t, err).Phase != PhaseScript {
		t.Errorf("%v, want phase script", err)
	}
	if err := conn.Alive(t.Context()); err == nil {
		t.Error("alive")
	}
	server.Close()
}

// A host that cannot be reached is the same error as that of a script.
func TestConnectFailsAsRunDoes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.opts.Limits = Limits{Connect: time.Second, Handshake: time.Second}
	for _, fault := range []demo.Fault{demo.CloseAccept, demo.OtherHostKey, demo.Silent} {
		h, server := s.host(demo.Host{Behave: demo.Behaviour{Fault: fault}})
		n := s.native()
		_, err := n.Connect(t.Context(), h)
		e, want := asError(t, err), failure(t, n.Run(t.Context(), h, script("")))
		if e.Phase != want.Phase || e.Kind != want.Kind || e.Reason != want.Reason {
			t.Errorf("%s: %v, want %v", fault, e, want)
		}
		server.Close()
	}
	h, _ := s.host(demo.Host{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []Connector{s.native(), &Local{}} {
		if _, err := c.Connect(ctx, h); asError(t, err).Phase != PhaseDeadline {
			t.Errorf("%v, want phase deadline", err)
		}
	}
}

// A session that does not open, or no shell, is an error of Start and of Run.
func TestAConnectionWithoutSessions(t *testing.T) {
	leakCheck(t)
	s := newSite(t)
	s.opts.Limits.Script = time.Second
	for _, fault := range []demo.Fault{demo.CloseAuth, demo.NoSessions, demo.NoChannelReply, demo.NoExecReply, demo.ExecRefused, demo.CloseExec, demo.NoLogin} {
		h, server := s.host(demo.Host{Behave: demo.Behaviour{Fault: fault}})
		n := s.native()
		conn, err := n.Connect(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		_, err = conn.Start(t.Context(), Program{End: "x"})
		if e := asError(t, err); e.Phase != PhaseSession {
			t.Errorf("%s: Start: %v, want phase session", fault, e)
		} else {
			t.Logf("%s: %v (hint: %s)", fault, e, e.Hint)
		}
		if res := conn.Run(t.Context(), script("")); res.Err == nil {
			t.Errorf("%s: Run: no error", fault)
		}
		conn.Close()
		n.Close()
		server.Close()
	}
}

// A connection through a jump host serves as any other, and its place there
// is given back.
func TestConnectionsThroughAJumpHost(t *testing.T) {
	leakCheck(t)
	s := newSite(t)
	jump, through := s.jump(demo.Host{})
	h, server := s.host(demo.Host{Root: "/"})
	h.Jump = jump
	n := s.native()
	for range 3 {
		conn, err := n.Connect(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if res := conn.Run(t.Context(), script("root=''\necho '== end =='\n")); res.Err != nil {
				t.Error(res.Err)
			}
			if res := start(t, way{}, conn, "echo '== end =='\n").Wait(t.Context()); res.Err != nil {
				t.Error(res.Err)
			}
		}
		if err := conn.Alive(t.Context()); err != nil {
			t.Error(err)
		}
		conn.Close()
		conn.Close()
	}
	n.jumps.mu.Lock()
	for _, j := range n.jumps.by {
		if len(j.channels) != 0 {
			t.Errorf("%d places are taken, want none", len(j.channels))
		}
	}
	n.jumps.mu.Unlock()
	if st := through.Stats(); st.Handshakes != 1 || st.Forwards != 3 {
		t.Errorf("%+v, want one login and three forwards", st)
	}
	if st := server.Stats(); st.Handshakes != 3 || st.Execs != 12 {
		t.Errorf("%+v, want three logins and twelve execs", st)
	}
	n.Close()
	server.Close()
	through.Close()
}
