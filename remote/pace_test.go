package remote

import (
	"context"
	"fmt"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// dialled are the times at which connections were begun.
type dialled struct {
	mu    sync.Mutex
	times []time.Time
	then  func() (net.Conn, error)
}

func (d *dialled) dial(context.Context, string, string) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.times = append(d.times, time.Now())
	return d.then()
}

// gap is the shortest time between two connections.
func (d *dialled) gap() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	least := time.Hour
	for i := 1; i < len(d.times); i++ {
		least = min(least, d.times[i].Sub(d.times[i-1]))
	}
	return least
}

func refuses() (net.Conn, error) { return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED} }

// hangsUp is a server that is too busy to speak.
func hangsUp() (net.Conn, error) {
	ours, theirs := net.Pipe()
	theirs.Close()
	return ours, nil
}

// fleetOf are hosts of as many addresses.
func fleetOf(n int) (hosts []inventory.Host) {
	for i := range n {
		hosts = append(hosts, inventory.Host{Name: fmt.Sprintf("10.%d.%d.1", i/250, i%250)})
	}
	return hosts
}

// A host that waits for its turn is not late: the last of three hundred is
// connected to five minutes after the first, and has its own answer.
func TestTheRateHoldsForAWholeFleet(t *testing.T) {
	s := newSite(t)
	synctest.Test(t, func(t *testing.T) {
		d := &dialled{then: refuses}
		s.opts.Dial, s.opts.Limits = d.dial, Limits{Rate: 1, Host: 10 * time.Second}
		n, err := NewNative(s.opts)
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		began := time.Now()
		for res := range (&Runner{Transport: n}).Run(t.Context(), fleetOf(300), script("")) {
			if e := failure(t, res); e.Phase != PhaseConnect || e.Kind != "" {
				t.Errorf("%s: %v, want refused", res.Host.Name, e)
			}
		}
		if took := time.Since(began); took != 299*time.Second {
			t.Errorf("300 hosts at one a second took %v, want 4m59s", took)
		}
		if gap := d.gap(); gap < time.Second {
			t.Errorf("two connections within %v, want a second at least", gap)
		}
	})
}

// Retries wait for their turn like everybody, and their hosts have all the
// time they need for it.
func TestRetriesCountForTheRate(t *testing.T) {
	s := newSite(t)
	synctest.Test(t, func(t *testing.T) {
		d := &dialled{then: hangsUp}
		s.opts.Dial, s.opts.Limits = d.dial, Limits{Rate: 0.5, Host: 10 * time.Second}
		n, err := NewNative(s.opts)
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		for res := range (&Runner{Transport: n}).Run(t.Context(), fleetOf(20), script("")) {
			if e := failure(t, res); e.Phase != PhaseHandshake {
				t.Errorf("%s: %v, want that the server hung up", res.Host.Name, e)
			}
		}
		if len(d.times) != 20*(retries+1) || d.gap() < 2*time.Second-time.Microsecond {
			t.Errorf("%d connections, %v apart at least; want %d, two seconds", len(d.times), d.gap(), 20*(retries+1))
		}
	})
}

// Who waits for a turn waits no longer than the run, and leaves the turn to
// others.
func TestWaitingForATurnEndsWithTheRun(t *testing.T) {
	s := newSite(t)
	synctest.Test(t, func(t *testing.T) {
		d := &dialled{then: refuses}
		s.opts.Dial, s.opts.Limits = d.dial, Limits{Rate: 1.0 / 60}
		n, err := NewNative(s.opts)
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Second)
		defer cancel()
		late := 0
		for res := range (&Runner{Transport: n}).Run(ctx, fleetOf(50), script("")) {
			if failure(t, res).Phase == PhaseDeadline {
				late++
			}
		}
		if took := time.Since(began); late != 47 || len(d.times) != 3 || took != 150*time.Second {
			t.Errorf("%d hosts not tried, %d connections, %v; want 47, 3, 2m30s", late, len(d.times), took)
		}
	})
}

// The clock of a host stands still for as long as anybody holds it.
func TestTheClockOfAHostStandsStill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ctx, cancel := within(t.Context(), 10*time.Second)
		defer cancel()
		inner, stop := within(ctx, time.Hour)
		defer stop()
		time.Sleep(4 * time.Second)
		first, second := standstill(inner), standstill(inner)
		time.Sleep(time.Minute)
		first()
		first()
		time.Sleep(time.Minute)
		second()
		<-inner.Done()
		if took := time.Since(began); took != 2*time.Minute+10*time.Second {
			t.Errorf("over after %v, want two minutes held and ten seconds", took)
		}
		if e := ended(inner, PhaseScript, "nothing"); e.Reason != "nothing within 10s" {
			t.Errorf("reason %q", e.Reason)
		}
		standstill(t.Context())() // no clock, nothing to do
	})
}

// Connections through a jump host, and the one to it, have their turns.
func TestJumpHostsCountForTheRate(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	way, _ := s.jump(demo.Host{})
	h, _ := s.host(demo.Host{})
	h.Jump = way
	s.opts.Limits.Rate = 20
	hosts := []inventory.Host{h, h, h, h, h}
	began := time.Now()
	for res := range (&Runner{Transport: s.native()}).Run(t.Context(), hosts, script("")) {
		if res.Err != nil {
			t.Error(res.Err)
		}
	}
	if took := time.Since(began); took < 250*time.Millisecond {
		t.Errorf("six connections at 20 a second took %v, want 250ms at least", took)
	}
}

// Hosts that are reached by ssh(1) and hosts that are not have one rate.
func TestTransportsShareTheRate(t *testing.T) {
	t.Parallel()
	need(t, "ssh")
	s := newSite(t)
	d := s.knownSSHD("")
	s.opts.Limits.Rate = 5
	c, err := NewChoice(s.opts, TransportNative)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	hosts := []inventory.Host{d.host(), d.host(), d.host(), d.host()}
	hosts[1].Transport, hosts[3].Transport = TransportOpenSSH, TransportOpenSSH
	began := time.Now()
	for res := range (&Runner{Transport: c}).Run(t.Context(), hosts, script("echo '== end =='\n")) {
		if res.Err != nil {
			t.Error(res.Err)
		}
	}
	if took := time.Since(began); took < 600*time.Millisecond {
		t.Errorf("four connections at five a second took %v, want 600ms at least", took)
	}
}
