package remote

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// picky is a server that counts: connections, the logins it refused, and those
// that came to their end.
type picky struct {
	mu                   sync.Mutex
	connections, refused int
	admits               bool
	addr                 string
}

// picky starts one that takes any key if it admits anybody. A login that is
// refused is one in which a key was offered in vain.
func (s *site) picky(admits bool) *picky {
	s.t.Helper()
	key, err := demo.NewKey(demo.Ed25519)
	if err != nil {
		s.t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { l.Close() })
	p := &picky{admits: admits, addr: l.Addr().String()}
	_, port, _ := cutPort(p.addr)
	s.knowAs(bracketed("127.0.0.1", port), key.PublicKey())
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c, key)
		}
	}()
	return p
}

func (p *picky) serve(c net.Conn, key ssh.Signer) {
	defer c.Close()
	p.mu.Lock()
	p.connections++
	admits := p.admits
	p.mu.Unlock()
	offered := false
	config := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
		offered = true
		if !admits {
			return nil, fmt.Errorf("nobody is let in")
		}
		return nil, nil
	}}
	config.AddHostKey(key)
	conn, chans, reqs, err := ssh.NewServerConn(c, config)
	p.mu.Lock()
	if err != nil && offered {
		p.refused++
	}
	p.mu.Unlock()
	if err != nil {
		return
	}
	defer conn.Close()
	go ssh.DiscardRequests(reqs)
	for nc := range chans {
		ch, reqs, err := nc.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range reqs {
				r.Reply(true, nil)
				if r.Type == "exec" {
					go answer(context.Background(), ch, ch, io.Discard)
				}
			}
		}()
	}
}

// saw fails the test unless the server has counted so many, now or in a moment:
// a client knows before it does that a login was refused.
func (p *picky) saw(t *testing.T, what string, connections, refused int) {
	t.Helper()
	var c, r int
	for range 100 {
		p.mu.Lock()
		c, r = p.connections, p.refused
		p.mu.Unlock()
		if c == connections && r == refused {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%s: %d connections, %d logins refused, want %d and %d", what, c, r, connections, refused)
}

func (p *picky) admit(admits bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.admits = admits
}

func (p *picky) host() inventory.Host {
	_, port, _ := cutPort(p.addr)
	return inventory.Host{Name: "127.0.0.1", Port: port}
}

// A run costs each host one refused login, whatever it wants of the host: to
// ask it, to connect, to connect again.
func TestAHostRefusesUsOnceARun(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var servers []*picky
	var hosts []inventory.Host
	for range 12 {
		p := s.picky(false)
		servers = append(servers, p)
		hosts = append(hosts, p.host())
	}
	c, err := NewChoice(s.opts, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for round := range 2 {
		for res := range (&Runner{Transport: c}).Run(t.Context(), hosts, script("")) {
			e := failure(t, res)
			if e.Phase != PhaseAuth || !strings.HasPrefix(e.Reason, "server refused ") || strings.HasSuffix(e.Reason, "it is not tried again in this run") != (round > 0) {
				t.Errorf("round %d: %v, want refused", round, e)
			}
		}
	}
	for _, h := range hosts {
		for range 3 {
			if _, err := c.Connect(t.Context(), h); asError(t, err).Phase != PhaseAuth {
				t.Errorf("Connect: %v, want refused", err)
			}
		}
	}
	for _, p := range servers {
		p.saw(t, p.addr, 1, 1)
	}
}

// Ten names of one server are ten hosts and one account: it is refused once,
// though all are tried at the same time.
func TestAnAccountOfManyNamesIsRefusedOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, admits := range []bool{false, true} {
		p := s.picky(admits)
		lost := 0
		for res := range (&Runner{Transport: s.native()}).Run(t.Context(), slices.Repeat([]inventory.Host{p.host()}, 10), script("")) {
			if res.Err != nil {
				lost++
			}
		}
		if want := map[bool]int{false: 10, true: 0}[admits]; lost != want {
			t.Errorf("admits %v: %d of 10 lost, want %d", admits, lost, want)
		}
		time.Sleep(100 * time.Millisecond) // for one refusal too many
		p.mu.Lock()
		if want := map[bool]int{false: 1, true: 0}[admits]; p.refused != want {
			t.Errorf("admits %v: %d logins refused, want %d", admits, p.refused, want)
		}
		p.mu.Unlock()
	}
}

// A jump host that lets nobody in refuses one login for a run, by whatever ways
// hosts go through it.
func TestAJumpHostRefusesUsOnceARun(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	gate := s.picky(false)
	outer, _ := s.jump(demo.Host{})
	h, _ := s.host(demo.Host{})
	other := h
	h.Jump, other.Jump = gate.addr, outer+","+gate.addr
	n := s.native()
	hosts := slices.Repeat([]inventory.Host{h}, 20)
	for range 2 {
		for res := range (&Runner{Transport: n}).Run(t.Context(), hosts, script("")) {
			if e := failure(t, res); e.Phase != PhaseJump {
				t.Errorf("%v, want phase jump", e)
			}
		}
		if _, err := n.Connect(t.Context(), h); asError(t, err).Phase != PhaseJump {
			t.Errorf("Connect: %v, want phase jump", err)
		}
	}
	gate.saw(t, "the jump host", 1, 1)
	// Behind another jump host its address may be another server.
	if e := failure(t, n.Run(t.Context(), other, script(""))); e.Phase != PhaseJump {
		t.Errorf("%v, want phase jump", e)
	}
	gate.saw(t, "by another way", 2, 2)
}

// What was refused is tried again by who asks for it, and forgotten once it
// works.
func TestARefusalIsForgottenByWhoAsksForIt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.picky(true)
	n := s.native()
	connects := func(ctx context.Context, want bool) {
		t.Helper()
		conn, err := n.Connect(ctx, p.host())
		if (err == nil) != want {
			t.Errorf("Connect: %v, want success %v", err, want)
		}
		if err == nil {
			conn.Close()
		}
	}
	connects(t.Context(), true)
	p.admit(false)
	connects(t.Context(), false) // the change is at fault
	p.admit(true)
	connects(t.Context(), false) // it is not tried
	connects(TryAgain(t.Context()), true)
	connects(t.Context(), true)
	p.saw(t, "in the end", 4, 1)
}

// Who offers something else is somebody else, and a connection that is lost
// refuses nobody.
func TestOnlyARefusalIsRemembered(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.picky(false)
	n := s.native()
	h := p.host()
	failure(t, n.Run(t.Context(), h, script("")))
	writeKey(t, s.dir+"/other", "")
	h.IdentityFile = s.dir + "/other"
	failure(t, n.Run(t.Context(), h, script("")))
	p.saw(t, "with another key", 2, 2)
	for _, fault := range []demo.Fault{demo.CloseKex, demo.NoAuthReply} {
		s.opts.Limits.Handshake = 500 * time.Millisecond
		h, server := s.host(demo.Host{Behave: demo.Behaviour{Fault: fault}})
		n := s.native()
		for range 2 {
			failure(t, n.Run(t.Context(), h, script("")))
		}
		if c := server.Stats().Connections; c != 2 {
			t.Errorf("%s: %d connections, want 2", fault, c)
		}
	}
}

// ssh(1) is not run again for a host or a jump host that has refused it.
func TestOpenSSHIsRefusedOnceARun(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	refuses, gate := s.picky(false), s.picky(false)
	h, _ := s.host(demo.Host{})
	h.Jump = gate.addr
	o := s.openssh()
	for _, c := range []struct {
		host  inventory.Host
		phase Phase
	}{{refuses.host(), PhaseAuth}, {h, PhaseJump}} {
		for range 2 {
			for res := range (&Runner{Transport: o}).Run(t.Context(), slices.Repeat([]inventory.Host{c.host}, 5), script("")) {
				if e := failure(t, res); e.Phase != c.phase {
					t.Errorf("%v, want phase %s", e, c.phase)
				}
			}
		}
		if _, err := o.Connect(t.Context(), c.host); asError(t, err).Phase != c.phase {
			t.Errorf("Connect: %v, want phase %s", err, c.phase)
		}
	}
	refuses.saw(t, "host", 1, 1)
	gate.saw(t, "jump host", 1, 1)
}

// A jump host "none" of the inventory overrules that of ssh_config.
func TestOpenSSHTakesNoneForNoJumpHost(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.knownSSHD("")
	s.opts.ConfigFile = writeFile(t, s.dir+"/config", "ProxyJump 127.0.0.1:1\n")
	h := d.host()
	h.Jump = "none"
	for _, r := range []reacher{s.openssh(), s.native()} {
		if res := r.Run(t.Context(), h, script("echo '== end =='\n")); res.Err != nil {
			t.Error(res.Err)
		}
	}
}
