package remote

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// network makes hosts 10.0.0.1, 10.0.0.2 and so on that are reached at the
// addresses of servers.
func (s *site) network(servers ...*demo.Server) (hosts []inventory.Host) {
	s.t.Helper()
	s.opts.ConfigFile = writeFile(s.t, s.dir+"/config", "HostKeyAlias demo\n")
	known := map[string]bool{}
	at := map[string]string{}
	for i, server := range servers {
		h := inventory.Host{Name: fmt.Sprintf("10.0.%d.%d", i/200, i%200+1)}
		hosts = append(hosts, h)
		at[h.Name+":22"] = server.Addr()
		if !known[server.Addr()] {
			s.knowAs("demo", server.HostKey())
		}
		known[server.Addr()] = true
	}
	s.opts.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, at[address])
	}
	return hosts
}

// A server sees no more logins at once than it, its network or its jump host
// may have, and all hosts get their turn.
func TestLoginsAtOnceAreBounded(t *testing.T) {
	t.Parallel()
	const hosts = 60
	wide := Limits{AddressLogins: hosts, NetworkLogins: hosts, JumpLogins: hosts, Handshakes: hosts}
	for _, c := range []struct {
		name   string
		limits func(*Limits)
		way    func(s *site) ([]inventory.Host, *demo.Server)
		most   int
	}{
		{"many names of one address", func(l *Limits) { *l = Limits{} }, func(s *site) ([]inventory.Host, *demo.Server) {
			// MaxStartups: one more login than the default and the server hangs up.
			h, server := s.host(demo.Host{Behave: demo.Behaviour{MaxUnauthenticated: 4}})
			return slices.Repeat([]inventory.Host{h}, hosts), server
		}, 4},
		{"one network", func(l *Limits) { l.NetworkLogins = 8 }, func(s *site) ([]inventory.Host, *demo.Server) {
			server := s.listen(demo.Host{})
			return s.network(slices.Repeat([]*demo.Server{server}, hosts)...), server
		}, 8},
		{"one jump host", func(l *Limits) { l.JumpLogins = 6 }, func(s *site) ([]inventory.Host, *demo.Server) {
			way, _ := s.jump(demo.Host{})
			h, server := s.host(demo.Host{})
			h.Jump = way
			return slices.Repeat([]inventory.Host{h}, hosts), server
		}, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.opts.Limits = wide
			c.limits(&s.opts.Limits)
			all, server := c.way(s)
			n := s.native()
			for res := range (&Runner{Transport: n}).Run(t.Context(), all, script("")) {
				if res.Err != nil {
					t.Error(res.Err)
				}
			}
			st := server.Stats()
			if st.PeakUnauthenticated > c.most || st.PeakUnauthenticated < 2 || st.Execs != hosts || st.Connections != hosts {
				t.Errorf("%+v, want %d hosts at %d logins at once at most", st, hosts, c.most)
			}
			if left := len(n.opts.shared.doors.at); left > 0 {
				t.Errorf("%d doors are kept though nobody is there", left)
			}
		})
	}
}

// Forty hosts that hang hold up the healthy ones of their network for a
// moment, not for as long as a handshake may take.
func TestSilentHostsDoNotStarveTheirNetwork(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	silent := s.listen(demo.Host{Behave: demo.Behaviour{Fault: demo.Silent}})
	healthy := s.listen(demo.Host{})
	hosts := s.network(append(slices.Repeat([]*demo.Server{silent}, 40), slices.Repeat([]*demo.Server{healthy}, 20)...)...)
	s.opts.Limits = Limits{NetworkLogins: 32, Handshake: time.Minute, Host: time.Minute}
	n := s.native()
	n.opts.shared.silence = 300 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	began := time.Now()
	well := 0
	for res := range (&Runner{Transport: n}).Run(ctx, hosts, script("")) {
		if res.Err == nil {
			well++
		}
		if well == 20 {
			cancel()
		}
	}
	if took := time.Since(began); well != 20 || took > 30*time.Second {
		t.Errorf("%d of 20 healthy hosts after %v; want all, long before the handshakes of the others end", well, took)
	}
}

// Who waits for a place is not late for connecting; by the time of the host
// the wait ends, in words that say what was waited for.
func TestWaitingForAPlaceIsTheTimeOfTheHost(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h, _ := s.host(demo.Host{})
	slow := func(ctx context.Context, network, address string) (net.Conn, error) {
		time.Sleep(2 * time.Second)
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	for _, c := range []struct {
		host  time.Duration
		tardy bool
	}{{time.Minute, false}, {5 * time.Second, true}} {
		s.opts.Dial, s.opts.Limits = slow, Limits{AddressLogins: 1, Connect: 4 * time.Second, Host: c.host}
		tardy := 0
		for res := range (&Runner{Transport: s.native()}).Run(t.Context(), slices.Repeat([]inventory.Host{h}, 6), script("")) {
			if res.Err == nil {
				continue
			}
			tardy++
			if e := failure(t, res); !strings.HasPrefix(e.Reason, "no ") || e.Kind != KindTimeout {
				t.Errorf("%+v, want that there was no place, or no time left to connect", e)
			}
		}
		if (tardy > 0) != c.tardy {
			t.Errorf("time of %v: %d of 6 were late, want some: %v", c.host, tardy, c.tardy)
		}
	}
}

func TestDoors(t *testing.T) {
	t.Parallel()
	l := Limits{}.withDefaults()
	names := func(way []Settings, hostPort, ip string) (all []string) {
		addr, _ := netip.ParseAddr(ip)
		for _, d := range l.doorsTo(way, hostPort, addr) {
			all = append(all, fmt.Sprintf("%s %d", d.name, d.places))
		}
		return all
	}
	gate := []Settings{{Name: "gate", Address: "10.9.9.9", Port: 22}}
	for _, c := range []struct {
		way          []Settings
		hostPort, ip string
		want         []string
	}{
		{nil, "10.1.2.3:22", "10.1.2.3", []string{"10.1.2.3:22 4", "network 10.1.2.0/24 64"}},
		{nil, "10.1.2.3:22", "::ffff:10.1.2.3", []string{"10.1.2.3:22 4", "network 10.1.2.0/24 64"}},
		{nil, "[2001:db8:1:2:3::4]:22", "2001:db8:1:2:3::4", []string{"[2001:db8:1:2:3::4]:22 4", "network 2001:db8:1:2::/64 64"}},
		{gate, "tm1:22", "", []string{"tm1:22 4", "what is behind jump host gate 160"}},
		{gate, "10.1.2.3:22", "10.1.2.3", []string{"10.1.2.3:22 4", "network 10.1.2.0/24 64", "what is behind jump host gate 160"}},
	} {
		if got := names(c.way, c.hostPort, c.ip); !slices.Equal(got, c.want) {
			t.Errorf("%s: doors %q, want %q", c.hostPort, got, c.want)
		}
	}
	// The same private address behind two jump hosts is two places.
	for i, d := range l.doorsTo(gate, "10.1.2.3:22", netip.MustParseAddr("10.1.2.3")) {
		for _, other := range l.doorsTo(nil, "10.1.2.3:22", netip.MustParseAddr("10.1.2.3")) {
			if d.key == other.key {
				t.Errorf("door %d is the same with a jump host and without", i)
			}
		}
	}
}
