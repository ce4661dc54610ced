package remote

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// tickProxy passes bytes between two ends in ticks: what either end has sent
// is held until both are quiet, then delivered to both at once. A tick is the
// time a packet takes one way, so two ticks are a round trip, whatever the
// clock says.
type tickProxy struct {
	mu      sync.Mutex
	pending [2][]byte
	last    time.Time
	ticks   int
}

// quiet is how long both ends must be silent for a tick to be over: longer
// than either computes.
const quiet = 30 * time.Millisecond

func (p *tickProxy) read(side int, c net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		p.mu.Lock()
		p.pending[side] = append(p.pending[side], buf[:n]...)
		p.last = time.Now()
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// run serves one connection until stop is closed.
func (p *tickProxy) run(client, server net.Conn, stop <-chan struct{}) {
	ends := []net.Conn{client, server}
	var wg sync.WaitGroup
	for i, c := range ends {
		wg.Go(func() { p.read(i, c) })
	}
	for {
		select {
		case <-stop:
			client.Close()
			server.Close()
			wg.Wait()
			return
		case <-time.After(quiet / 6):
		}
		p.mu.Lock()
		out := p.pending
		if len(out[0])+len(out[1]) > 0 && time.Since(p.last) > quiet {
			p.ticks++
			p.pending = [2][]byte{}
		} else {
			out = [2][]byte{}
		}
		p.mu.Unlock()
		for i, b := range out {
			if len(b) > 0 {
				ends[1-i].Write(b)
			}
		}
	}
}

// roundTrips counts those of one host after TCP connect.
func roundTrips(t *testing.T, s *site, h inventory.Host, addr string) float64 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := &tickProxy{}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		client, err := l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", addr)
		if err != nil {
			client.Close()
			return
		}
		p.run(client, server, stop)
	}()
	_, port, _ := cutPort(l.Addr().String())
	h.Port = port
	res := s.native().Run(t.Context(), h, script("true\n"))
	p.mu.Lock()
	ticks := p.ticks
	p.mu.Unlock()
	close(stop)
	<-done
	if res.Err != nil {
		t.Fatal(res.Err)
	}
	return float64(ticks) / 2
}

// A host costs at most nine round trips after TCP connect.
func TestAHostCostsNineRoundTrips(t *testing.T) {
	s := newSite(t)
	s.opts.ConfigFile = writeFile(t, s.dir+"/config", "HostKeyAlias demo\n")
	server := s.listen(demo.Host{})
	s.knowAs("demo", server.HostKey())
	h := inventory.Host{Name: "127.0.0.1"}
	least := roundTrips(t, s, h, server.Addr())
	for range 4 { // a pause of the machine may split a flight, never join two
		if least <= 9 {
			break
		}
		least = min(least, roundTrips(t, s, h, server.Addr()))
	}
	t.Logf("%v round trips", least)
	if least > 9 || least < 5 {
		t.Errorf("%v round trips, want at most 9", least)
	}
}
