package remote

import (
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// jump makes a jump host and gives it as a word for Host.Jump.
func (s *site) jump(h demo.Host) (string, *demo.Server) {
	s.t.Helper()
	_, server := s.host(h)
	return server.Addr(), server
}

// deafJump lets everybody in and answers no request to forward.
func (s *site) deafJump() string {
	s.t.Helper()
	key, err := demo.NewKey(demo.Ed25519)
	if err != nil {
		s.t.Fatal(err)
	}
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(key)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				conn, chans, reqs, err := ssh.NewServerConn(c, config)
				if err != nil {
					return
				}
				go ssh.DiscardRequests(reqs)
				for range chans {
				}
				conn.Close()
			}()
		}
	}()
	_, port, _ := cutPort(l.Addr().String())
	s.knowAs(bracketed("127.0.0.1", port), key.PublicKey())
	return l.Addr().String()
}

func TestHostsShareTheConnectionToTheirJumpHost(t *testing.T) {
	leakCheck(t)
	s := newSite(t)
	way, gate := s.jump(demo.Host{})
	h, server := s.host(demo.Host{})
	h.Jump = way
	const count = 500
	hosts := make([]inventory.Host, count)
	for i := range hosts {
		hosts[i] = h
	}
	n := s.native()
	for res := range (&Runner{Transport: n}).Run(t.Context(), hosts, script("")) {
		if res.Err != nil {
			t.Error(res.Err)
		}
	}
	if g, st := gate.Stats(), server.Stats(); g.Connections != 1 || g.Forwards != count || st.Execs != count {
		t.Errorf("jump host %+v, host %+v, want one connection, %d forwards and execs", g, st, count)
	}
}

func TestSeveralJumpHostsStandBehindEachOther(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	outer, o := s.jump(demo.Host{})
	inner, i := s.jump(demo.Host{})
	h, _ := s.host(demo.Host{})
	h.Jump = outer + "," + inner
	n := s.native()
	for range 2 {
		if res := n.Run(t.Context(), h, script("")); res.Err != nil {
			t.Fatal(res.Err)
		}
	}
	if o.Stats().Connections != 1 || i.Stats().Connections != 1 || o.Stats().Forwards != 1 || i.Stats().Forwards != 2 {
		t.Errorf("outer %+v, inner %+v, want one connection each", o.Stats(), i.Stats())
	}
}

func TestALostJumpHostIsReachedAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	way, gate := s.jump(demo.Host{})
	h, _ := s.host(demo.Host{})
	h.Jump = way
	n := s.native()
	if res := n.Run(t.Context(), h, script("")); res.Err != nil {
		t.Fatal(res.Err)
	}
	// The connection dies, the jump host stays.
	n.jumps.mu.Lock()
	for _, j := range n.jumps.by {
		j.attempt.client.Close()
	}
	n.jumps.mu.Unlock()
	if res := n.Run(t.Context(), h, script("")); res.Err != nil {
		t.Error(res.Err)
	}
	if c := gate.Stats().Connections; c != 2 {
		t.Errorf("%d connections to the jump host, want 2", c)
	}
}

func TestWhatAJumpHostDoesIsNamed(t *testing.T) {
	t.Parallel()
	limits := Limits{Connect: 2 * time.Second, Handshake: 2 * time.Second, Script: 2 * time.Second, Host: 12 * time.Second}
	for _, c := range []struct {
		name    string
		prepare func(s *site, h *inventory.Host)
		phase   Phase
		kind    Kind
		reason  string
	}{
		{"refused", func(s *site, h *inventory.Host) { h.Jump = "127.0.0.1:1" }, PhaseJump, "", "jump host 127.0.0.1: connection to 127.0.0.1:1 refused"},
		{"unknown key", func(s *site, h *inventory.Host) { h.Jump = s.listen(demo.Host{}).Addr() }, PhaseJump, KindUnknownKey, "is not in known_hosts"},
		{"no key lets us in", func(s *site, h *inventory.Host) {
			h.Jump, _ = s.jump(demo.Host{User: "nobody-else"})
		}, PhaseJump, "", "server refused"},
		{"silent", func(s *site, h *inventory.Host) {
			h.Jump, _ = s.jump(demo.Host{Behave: demo.Behaviour{Fault: demo.Silent}})
		}, PhaseJump, KindTimeout, "no SSH server spoke"},
		{"the inner one refused", func(s *site, h *inventory.Host) {
			outer, _ := s.jump(demo.Host{})
			h.Jump = outer + ",127.0.0.1:1"
		}, PhaseJump, "", "jump host 127.0.0.1 could not connect to 127.0.0.1:1"},
		{"host behind it refused", func(s *site, h *inventory.Host) {
			h.Jump, _ = s.jump(demo.Host{})
			h.Port = 1
		}, PhaseConnect, "", "jump host 127.0.0.1 could not connect to 127.0.0.1:1"},
		{"forwarding forbidden", func(s *site, h *inventory.Host) {
			h.Jump, _ = s.jump(demo.Host{})
			h.Address = "192.0.2.1"
		}, PhaseJump, "", "does not forward to 192.0.2.1"},
		{"host behind it has another key", func(s *site, h *inventory.Host) {
			h.Jump, _ = s.jump(demo.Host{})
			other, _ := s.host(demo.Host{Behave: demo.Behaviour{Fault: demo.OtherHostKey}})
			h.Port = other.Port
		}, PhaseHostKey, KindChangedKey, "host key changed"},
		{"host behind it is silent", func(s *site, h *inventory.Host) {
			h.Jump, _ = s.jump(demo.Host{})
			other, _ := s.host(demo.Host{Behave: demo.Behaviour{Fault: demo.Silent}})
			h.Port = other.Port
		}, PhaseHandshake, KindTimeout, "no SSH server spoke"},
		{"channels are never confirmed", func(s *site, h *inventory.Host) {
			h.Jump = s.deafJump()
		}, PhaseConnect, KindTimeout, "no answer from"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.opts.Limits = limits
			h, _ := s.host(demo.Host{})
			h.Name, h.Address = "tm1", "127.0.0.1"
			c.prepare(s, &h)
			n := s.native()
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					res := n.Run(t.Context(), h, script(""))
					e := failure(t, res)
					if e.Phase != c.phase || e.Kind != c.kind {
						t.Errorf("phase %s kind %q, want %s %q (%s)", e.Phase, e.Kind, c.phase, c.kind, e.Reason)
					}
					contains(t, "reason", e.Reason, c.reason)
				})
			}
			wg.Wait()
		})
	}
}

// A jump host that lets nobody in is asked once, not once for each host
// behind it.
func TestARefusedJumpHostIsAskedOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	way, gate := s.jump(demo.Host{User: "nobody-else"})
	h, _ := s.host(demo.Host{})
	h.Jump = way
	n := s.native()
	for range 5 {
		if e := failure(t, n.Run(t.Context(), h, script(""))); e.Phase != PhaseJump {
			t.Errorf("phase %s, want jump", e.Phase)
		}
	}
	if c := gate.Stats().Connections; c != 1 {
		t.Errorf("%d connections, want 1", c)
	}
}
