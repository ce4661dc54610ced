package remote

import (
	"context"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// Two ways share a connection only if nothing that counts for trust or login
// differs on any of their hosts. Fields that settings come to have later count
// too, unless they are named here.
func TestWaysThatDifferInAnythingShareNoConnection(t *testing.T) {
	t.Parallel()
	onlySaid := []string{"Name", "Jumps", "Warnings"}
	key := wayKey([]Settings{{}, {Name: "gate"}})
	fields := reflect.TypeFor[Settings]()
	for i := range fields.NumField() {
		f := fields.Field(i)
		var other Settings
		switch v := reflect.ValueOf(&other).Elem().Field(i); {
		case f.Name == "Jumps":
			other.Jumps = []Settings{{}}
		case v.Kind() == reflect.String:
			v.SetString("x")
		case v.Kind() == reflect.Bool:
			v.SetBool(true)
		case v.CanInt():
			v.SetInt(1)
		case v.Kind() == reflect.Slice:
			v.Set(reflect.ValueOf([]string{"x"}))
		default:
			t.Fatalf("%s: how does one change a %s?", f.Name, f.Type)
		}
		said := strings.Contains(" "+strings.Join(onlySaid, " ")+" ", " "+f.Name+" ")
		for at, way := range [][]Settings{{other, {}}, {{}, other}} {
			if same := wayKey(way) == key; same != said {
				t.Errorf("%s of hop %d changed: shared %v, want %v", f.Name, at, same, said)
			}
		}
	}
	if wayKey([]Settings{{KnownHosts: []string{"a b"}}}) == wayKey([]Settings{{KnownHosts: []string{"a", "b"}}}) {
		t.Error("one file \"a b\" and two files a and b are taken for the same")
	}
}

// A jump host that is trusted for one host, by its known_hosts file, is not for
// another that goes there by an alias with another file.
func TestAJumpHostIsTrustedByEachWayOfItsOwn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	gate := s.listen(demo.Host{})
	h, _ := s.host(demo.Host{})
	trusted := s.opts.KnownHosts[0]
	s.know(gate)
	empty := writeFile(t, filepath.Join(s.dir, "empty"), "")
	_, port, _ := cutPort(gate.Addr())
	config := ""
	for _, alias := range [][2]string{{"trusted", trusted}, {"stranger", empty}} {
		config += "Host " + alias[0] + "\n\tHostName 127.0.0.1\n\tUserKnownHostsFile " + alias[1] + "\n"
	}
	s.opts.ConfigFile = writeFile(t, filepath.Join(s.dir, "config"), config+"Host 127.0.0.1\n\tUserKnownHostsFile "+trusted+"\n")
	s.opts.KnownHosts = nil
	n := s.native()
	for _, way := range []string{"trusted", "stranger"} {
		h.Jump = bracketed(way, port)
		res := n.Run(t.Context(), h, script(""))
		if way == "trusted" && res.Err != nil {
			t.Fatal(res.Err)
		}
		if way == "stranger" {
			if e := failure(t, res); e.Kind != KindUnknownKey {
				t.Errorf("through the stranger: %v, want an unknown key", e)
			}
		}
	}
}

// Ways that part behind their first jump host share the connection to it.
func TestWaysShareTheJumpHostsTheyHaveInCommon(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a, outer := s.jump(demo.Host{})
	b, left := s.jump(demo.Host{})
	c, right := s.jump(demo.Host{})
	h, server := s.host(demo.Host{})
	var hosts []inventory.Host
	for i := range 40 {
		way := h
		way.Jump = a + "," + []string{b, c}[i%2]
		hosts = append(hosts, way)
	}
	for res := range (&Runner{Transport: s.native()}).Run(t.Context(), hosts, script("")) {
		if res.Err != nil {
			t.Error(res.Err)
		}
	}
	if st := outer.Stats(); st.Connections != 1 || st.Forwards != 2 {
		t.Errorf("first jump host %+v, want one connection with two forwards", st)
	}
	for _, inner := range []*demo.Server{left, right} {
		if st := inner.Stats(); st.Connections != 1 || st.Forwards != 20 {
			t.Errorf("second jump host %+v, want one connection with 20 forwards", st)
		}
	}
	if st := server.Stats(); st.Execs != 40 {
		t.Errorf("%d scripts were run, want 40", st.Execs)
	}
}

// A jump host whose connection dies in the middle of a run costs the hosts
// that were at work their rows, and one new connection for all that come
// after.
func TestAJumpHostThatDiesUnderFiftyHostsIsReachedOnceMore(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	way, gate := s.jump(demo.Host{})
	var atWork atomic.Int32
	all, cut := make(chan struct{}), make(chan struct{})
	h, _ := s.host(demo.Host{Exec: func(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
		if n := atWork.Add(1); n <= 50 {
			if n == 50 {
				close(all)
			}
			select {
			case <-cut:
			case <-ctx.Done():
			}
		}
		return answer(ctx, stdin, stdout, stderr)
	}})
	h.Jump = way
	hosts := make([]inventory.Host, 120)
	for i := range hosts {
		hosts[i] = h
	}
	n := s.native()
	var killed sync.WaitGroup
	killed.Go(func() {
		select {
		case <-all:
		case <-t.Context().Done():
			return
		}
		n.jumps.mu.Lock()
		defer n.jumps.mu.Unlock()
		for _, j := range n.jumps.by {
			j.attempt.client.Close()
		}
		close(cut)
	})
	began := time.Now()
	lost, rows := 0, make([]int, len(hosts))
	for res := range (&Runner{Transport: n, Limits: Limits{InFlight: 50}}).Run(t.Context(), hosts, script("")) {
		rows[res.Index]++
		if res.Err != nil {
			lost++
			if e := failure(t, res); e.Phase != PhaseScript && e.Phase != PhaseSession {
				t.Errorf("lost in phase %s: %v", e.Phase, e)
			}
		}
	}
	killed.Wait()
	for i, rows := range rows {
		if rows != 1 {
			t.Errorf("host %d has %d rows, want 1", i, rows)
		}
	}
	if lost == 0 || lost > 50 {
		t.Errorf("%d hosts were lost, want those at work and no others", lost)
	}
	if c := gate.Stats().Connections; c != 2 {
		t.Errorf("%d connections to the jump host, want 2", c)
	}
	t.Logf("%d of %d hosts lost, %v", lost, len(hosts), time.Since(began))
}
