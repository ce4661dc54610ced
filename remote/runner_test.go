package remote

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// transportFunc is a Transport made of a function.
type transportFunc func(ctx context.Context, h inventory.Host) Result

func (f transportFunc) Run(ctx context.Context, h inventory.Host, _ Script) Result { return f(ctx, h) }
func (f transportFunc) Close() error                                               { return nil }

func manyHosts(n int) []inventory.Host {
	hosts := make([]inventory.Host, n)
	for i := range hosts {
		hosts[i].Name = fmt.Sprintf("tm%04d", i)
	}
	return hosts
}

func TestEveryHostHasExactlyOneResult(t *testing.T) {
	t.Parallel()
	hosts := manyHosts(1000)
	var started, finished, atWork, most atomic.Int32
	r := Runner{
		Limits: Limits{InFlight: 7},
		Transport: transportFunc(func(ctx context.Context, h inventory.Host) Result {
			n := atWork.Add(1)
			defer atWork.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			switch h.Name {
			case "tm0003":
				panic("a bug")
			case "tm0004":
				return Result{Index: 99, Host: inventory.Host{Name: "a lie"}}
			}
			return Result{}
		}),
		Started:  func(int, inventory.Host) { started.Add(1) },
		Finished: func(Result) { finished.Add(1) },
	}
	seen := map[string]int{}
	for res := range r.Run(t.Context(), hosts, script("")) {
		seen[res.Host.Name]++
		if hosts[res.Index].Name != res.Host.Name {
			t.Errorf("index %d is %s, want %s", res.Index, res.Host.Name, hosts[res.Index].Name)
		}
		if res.Host.Name == "tm0003" {
			contains(t, "panic", failure(t, res).Reason, "a bug")
		} else if res.Err != nil {
			t.Error(res.Err)
		}
	}
	for _, h := range hosts {
		if seen[h.Name] != 1 {
			t.Errorf("%s has %d results, want 1", h.Name, seen[h.Name])
		}
	}
	if len(seen) != 1000 || started.Load() != 1000 || finished.Load() != 1000 || most.Load() > 7 {
		t.Errorf("%d hosts, %d started, %d finished, %d at once; want 1000 each, at most 7", len(seen), started.Load(), finished.Load(), most.Load())
	}
}

// An end of the run leaves no host without a result.
func TestTheEndOfTheRunMarksTheRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		r := Runner{Limits: Limits{InFlight: 4}, Transport: transportFunc(func(ctx context.Context, h inventory.Host) Result {
			if h.Name < "tm0002" {
				return Result{}
			}
			<-ctx.Done()
			return Result{Err: ended(ctx, PhaseScript, "")}
		})}
		start := time.Now()
		var ok, canceled int
		for res := range r.Run(ctx, manyHosts(50), script("")) {
			if res.Err == nil {
				ok++
			} else if e := failure(t, res); e.Phase == PhaseDeadline && e.Kind == KindCanceled {
				canceled++
			}
		}
		if ok != 2 || canceled != 48 || time.Since(start) != 10*time.Second {
			t.Errorf("%d ok and %d canceled after %v, want 2, 48 and 10s", ok, canceled, time.Since(start))
		}
	})
}

func TestACallerThatStopsEarlyLeavesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left
		r := Runner{Transport: transportFunc(func(ctx context.Context, h inventory.Host) Result {
			if h.Name != "tm0000" {
				<-ctx.Done()
			}
			return Result{}
		})}
		for range r.Run(t.Context(), manyHosts(600), script("")) {
			break
		}
	})
}

// A host that hangs does not hold up the others.
func TestOneHostDelaysNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := Runner{Transport: transportFunc(func(ctx context.Context, h inventory.Host) Result {
			if h.Name == "tm0000" {
				time.Sleep(time.Minute)
			}
			return Result{}
		})}
		start := time.Now()
		var names []string
		for res := range r.Run(t.Context(), manyHosts(1000), script("")) {
			if names = append(names, res.Host.Name); len(names) == 999 && time.Since(start) > 0 {
				t.Errorf("999 hosts took %v, want no time", time.Since(start))
			}
		}
		if i := slices.Index(names, "tm0000"); i != 999 {
			t.Errorf("the host that hangs came at place %d, want last", i)
		}
	})
}

func TestLocalHostsGoToTheLocalTransport(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	by := map[string]string{}
	note := func(name string) Transport {
		return transportFunc(func(_ context.Context, h inventory.Host) Result {
			mu.Lock()
			defer mu.Unlock()
			by[h.Name] = name
			return Result{}
		})
	}
	r := Runner{Transport: note("ssh"), Local: note("local")}
	for range r.Run(t.Context(), []inventory.Host{{Name: "localhost", Local: true}, {Name: "tm1"}}, script("")) {
	}
	if by["localhost"] != "local" || by["tm1"] != "ssh" {
		t.Errorf("hosts went to %v, want localhost to local and tm1 to ssh", by)
	}
}
