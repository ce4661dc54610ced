package remote

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// inTurn listens for hosts that answer in turn at one address, as behind a load
// balancer, in a cluster that fails over, or with somebody in between. The last
// answers all that come after it. A nil one closes the connection.
func (s *site) inTurn(servers ...*demo.Server) inventory.Host {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			server := servers[min(i, len(servers)-1)]
			wg.Go(func() {
				defer c.Close()
				if server == nil {
					return
				}
				to, err := net.Dial("tcp", server.Addr())
				if err != nil {
					return
				}
				defer to.Close()
				wg.Go(func() { io.Copy(to, c); to.Close(); c.Close() })
				io.Copy(c, to)
			})
		}
	})
	s.t.Cleanup(func() { l.Close(); wg.Wait() })
	_, port, _ := cutPort(l.Addr().String())
	return inventory.Host{Name: "127.0.0.1", Port: port}
}

// known is the text of known_hosts.
func (s *site) known() string { return readIf(s.opts.KnownHosts[0]) }

// Between a connection that ended and its retry, the host may have become
// another one.
func TestAKeyThatChangesBeforeTheRetry(t *testing.T) {
	t.Parallel()
	for _, acceptNew := range []bool{false, true} {
		s := newSite(t)
		s.opts.AcceptNew = acceptNew
		known, other := s.listen(demo.Host{}), s.listen(demo.Host{})
		h := s.inTurn(nil, other)
		s.knowAs(bracketed("127.0.0.1", h.Port), known.HostKey())
		before := s.known()
		e := failure(t, s.native().Run(t.Context(), h, script("")))
		if e.Phase != PhaseHostKey || e.Kind != KindChangedKey {
			t.Errorf("accept-new %t: %v, kind %q; want a changed key", acceptNew, e, e.Kind)
		}
		if got := other.Stats(); got.Connections != 1 || got.Handshakes != 0 {
			t.Errorf("accept-new %t: %+v, want one connection and no login", acceptNew, got)
		}
		if after := s.known(); after != before {
			t.Errorf("accept-new %t: known_hosts is now\n%s", acceptNew, after)
		}
	}
}

// A key that was recorded on the connection that ended is the one that the
// retry and the next run want.
func TestAKeyThatWasRecordedIsTheOnlyOne(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.opts.AcceptNew = true
	first := s.listen(demo.Host{Behave: demo.Behaviour{Fault: demo.CloseKex}})
	other := s.listen(demo.Host{})
	h := s.inTurn(nil, first, nil, other)
	n := s.native()
	if e := failure(t, n.Run(t.Context(), h, script(""))); e.Phase != PhaseAuth {
		t.Errorf("%v, want a login that was cut off", e)
	}
	if got := strings.Count(s.known(), "\n"); got != 1 {
		t.Fatalf("%d keys recorded, want 1:\n%s", got, s.known())
	}
	recorded := s.known()
	for _, n := range []*Native{n, s.native()} { // it reads the file anew
		if e := failure(t, n.Run(t.Context(), h, script(""))); e.Kind != KindChangedKey {
			t.Errorf("%v, want a changed key", e)
		}
	}
	if s.known() != recorded || other.Stats().Handshakes != 0 {
		t.Errorf("logged in %d times, known_hosts is now\n%s", other.Stats().Handshakes, s.known())
	}
}

// Hosts that answer at one address with a key each, all at once and for the first
// time: one key is recorded, and who has another is not logged in to.
func TestManyKeysAtOneAddressAreOne(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.opts.AcceptNew = true
	var servers []*demo.Server
	for range 8 {
		servers = append(servers, s.listen(demo.Host{}))
	}
	h := s.inTurn(servers...)
	hosts := make([]inventory.Host, len(servers))
	for i := range hosts {
		hosts[i] = h
	}
	n := s.native()
	r := Runner{Transport: n}
	answered, changed := 0, 0
	for res := range r.Run(t.Context(), hosts, script("")) {
		switch {
		case res.Err == nil:
			answered++
		case failure(t, res).Kind == KindChangedKey:
			changed++
		default:
			t.Error(res.Err)
		}
	}
	logins := 0
	for _, server := range servers {
		logins += server.Stats().Handshakes
	}
	if answered != 1 || changed != len(servers)-1 || logins != 1 || strings.Count(s.known(), "\n") != 1 {
		t.Errorf("%d answered, %d changed, %d logins, want 1, %d, 1; known_hosts:\n%s", answered, changed, logins, len(servers)-1, s.known())
	}
}
