package repair

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// run applies the plans of all hosts of a fleet in a bubble of time.
func (f *fleet) run(t *testing.T, r *Repair, names ...string) *Summary {
	t.Helper()
	sum, err := r.Apply(t.Context(), f.planned(names...))
	if err != nil {
		t.Fatal(err)
	}
	f.aheadOfAll(t)
	return sum
}

func TestRunStopsWhereItWasToldTo(t *testing.T) {
	t.Parallel()
	bad := func(hosts ...string) func(*fleet) {
		return func(f *fleet) {
			for _, n := range hosts {
				f.hosts[n].unmet = "shadowed"
			}
		}
	}
	for _, row := range []struct {
		name                       string
		hosts, canary, batch, most int
		set                        func(*fleet)
		want                       map[State]int
		stopped                    string // a part of why
	}{
		{name: "all is well", hosts: 8, canary: 1, batch: 3, want: map[State]int{Kept: 8}},
		{name: "more canaries than hosts", hosts: 2, canary: 5, want: map[State]int{Kept: 2}},
		{name: "no host", canary: 1, want: map[State]int{}},
		{name: "the canary is rolled back", hosts: 8, canary: 1, most: 8, set: bad("tm001"), want: map[State]int{RolledBack: 1, NotBegun: 7}, stopped: "the canary tm001 is rolled-back"},
		{name: "the canary is rolled back and no failure may be", hosts: 3, canary: 1, set: bad("tm001"), want: map[State]int{RolledBack: 1, NotBegun: 2}, stopped: "the canary tm001 is rolled-back"},
		{name: "the second canary is rolled back", hosts: 8, canary: 2, most: 8, set: bad("tm002"), want: map[State]int{Kept: 1, RolledBack: 1, NotBegun: 6}, stopped: "the canary tm002 is rolled-back"},
		{
			name: "a canary that refuses is none: the next is", hosts: 4, canary: 1, most: 9,
			set:  func(f *fleet) { f.hosts["tm001"].refuses = "it has changed"; f.hosts["tm002"].unmet = "shadowed" },
			want: map[State]int{Refused: 1, RolledBack: 1, NotBegun: 2}, stopped: "the canary tm002 is rolled-back",
		},
		{name: "the first failure stops", hosts: 9, canary: 1, batch: 2, set: bad("tm002", "tm003"), want: map[State]int{Kept: 1, RolledBack: 2, NotBegun: 6}, stopped: "1 failed, 0 may"},
		{name: "as many failures as may be do not", hosts: 9, canary: 1, batch: 2, most: 2, set: bad("tm002", "tm005"), want: map[State]int{Kept: 7, RolledBack: 2}},
		{name: "one more does", hosts: 9, canary: 1, batch: 2, most: 2, set: bad("tm002", "tm005", "tm006"), want: map[State]int{Kept: 4, RolledBack: 3, NotBegun: 2}, stopped: "3 failed, 2 may"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(names(row.hosts)...)
				for _, h := range f.hosts {
					h.slow = time.Second
				}
				if row.set != nil {
					row.set(f)
				}
				r := f.repair()
				r.Canary, r.Batch, r.MaxFailures = row.canary, row.batch, row.most
				sum := f.run(t, r, names(row.hosts)...)
				got := map[State]int{}
				for s, hosts := range states(sum) {
					got[s] = len(hosts)
				}
				if !reflect.DeepEqual(got, row.want) {
					t.Errorf("states %v, want %v", got, row.want)
				}
				if (row.stopped == "") != (sum.Stopped == "") || !strings.Contains(sum.Stopped, row.stopped) {
					t.Errorf("stopped because %q, want %q", sum.Stopped, row.stopped)
				}
				if got[NotBegun] > 0 && !strings.Contains(sum.Stopped, "tmdoctor fix --resume run1") {
					t.Errorf("stopped because %q: it does not say how to go on", sum.Stopped)
				}
				for _, d := range sum.Hosts {
					if h := f.hosts[d.Planned.Host.Name]; d.State == NotBegun && h.connects > 0 {
						t.Errorf("%s was not begun, and connected to", h.name)
					}
				}
				f.neverMixed(t)
			})
		})
	}
}

// TestNoHostIsBegunAfterTheLastFailureThatMayBe also inside a batch of all.
func TestNoHostIsBegunAfterTheLastFailureThatMayBe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(50)...)
		for _, h := range f.hosts {
			h.slow = time.Second
		}
		f.hosts["tm002"].unmet = "shadowed"
		r := f.repair()
		r.Limits.InFlight = 4
		sum := f.run(t, r, names(50)...)
		if got := len(states(sum)[NotBegun]); got < 50-1-2*4 {
			t.Errorf("%d hosts were not begun, want all but those at work when the first failed", got)
		}
	})
}

func TestBatchesAreApartAndBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(9)...)
		r := f.repair()
		r.Batch, r.Pause = 4, time.Minute
		began := map[string]time.Duration{}
		var pauses []string
		start := time.Now()
		r.Notify = func(e Event) {
			f.mu.Lock()
			defer f.mu.Unlock()
			switch e.Step {
			case "apply":
				began[e.Host] = time.Since(start)
			case "verify", "keep", "done":
				// Each step says where in the run its host is.
				if want := (slices.Index(names(9), e.Host) + 3) / 4; e.Batch != want || want > 0 && e.Of != 2 {
					t.Errorf("%s %s in batch %d of %d, want %d", e.Step, e.Host, e.Batch, e.Of, want)
				}
			case "pause":
				pauses = append(pauses, fmt.Sprintf("%d of %d", e.Batch, e.Of))
			}
		}
		f.run(t, r, names(9)...)
		for i, n := range names(9) {
			if want := time.Duration((i+3)/4) * time.Minute; began[n] != want {
				t.Errorf("%s was begun after %s, want %s", n, began[n], want)
			}
		}
		if want := []string{"1 of 2", "2 of 2"}; !slices.Equal(pauses, want) {
			t.Errorf("pauses before %v, want %v", pauses, want)
		}
	})
}

func TestUnitsAreRestartedOneAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(6)...)
		for _, h := range f.hosts {
			h.slow = time.Second
		}
		plans := f.planned(names(6)...)
		plans[3].Plan.Restart = []string{"flink.service"}
		if _, err := f.repair().Apply(t.Context(), plans); err != nil {
			t.Fatal(err)
		}
		if f.most != 1 {
			t.Errorf("%d hosts were at work at once", f.most)
		}
	})
}

// TestEndedRunLeavesNoHostUndecided ends the run at every step of a host at
// work.
func TestEndedRunLeavesNoHostUndecided(t *testing.T) {
	t.Parallel()
	ended := errors.New("interrupted")
	for _, row := range []struct {
		step string
		want State
	}{
		{"connect 1", NotBegun}, {"start apply 1", Kept}, {"until 1", Kept}, {"connect 2", Kept}, {"audit 1", Kept},
		{"start inspect 1", Kept}, {"say keep 1", Kept}, {"wait keep 1", Kept},
	} {
		t.Run(row.step, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet("tm001", "tm002")
				ctx, cancel := context.WithCancelCause(t.Context())
				f.hosts["tm001"].onStep = func(step string) {
					if step == row.step {
						cancel(ended)
					}
				}
				sum, err := f.repair().Apply(ctx, f.planned("tm001", "tm002"))
				if err != nil {
					t.Fatal(err)
				}
				if sum.Hosts[0].State != row.want || sum.Hosts[1].State != NotBegun {
					t.Errorf("tm001 %s, tm002 %s; want %s, not-begun", sum.Hosts[0].State, sum.Hosts[1].State, row.want)
				}
				if !strings.Contains(sum.Stopped, "interrupted") {
					t.Errorf("stopped because %q", sum.Stopped)
				}
				f.aheadOfAll(t)
				f.neverMixed(t)
			})
		})
	}
}

func TestPauseEndsWithTheRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(3)...)
		r := f.repair()
		r.Pause = time.Hour
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		sum, err := r.Apply(ctx, f.planned(names(3)...))
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != time.Minute || len(states(sum)[NotBegun]) != 2 {
			t.Errorf("it took %s and left %v", took, states(sum))
		}
	})
}

func TestOnlyWhatWasConfirmedIsTouched(t *testing.T) {
	t.Parallel()
	f := newFleet(names(5)...)
	plans := f.planned(names(5)...)[:4]
	plans[1].Plan = &fix.Plan{Host: "tm002"}
	plans[2].Plan, plans[2].Err = nil, errors.New("sudo refuses")
	plans[3].Unfinished = &fix.HostRun{Run: "run0", Who: "eve@desk", State: fix.RunApplied}
	r := f.repair()
	r.MaxFailures = 9
	sum, err := r.Apply(t.Context(), plans)
	if err != nil {
		t.Fatal(err)
	}
	want := map[State][]string{Kept: {"tm001"}, Nothing: {"tm002"}, Refused: {"tm003", "tm004"}}
	if got := states(sum); !reflect.DeepEqual(got, want) {
		t.Errorf("states %v, want %v", got, want)
	}
	for _, n := range []string{"tm002", "tm003", "tm004", "tm005"} {
		if f.hosts[n].connects > 0 {
			t.Errorf("%s was connected to", n)
		}
	}
	for name, plans := range map[string][]*Planned{
		"twice": f.planned("tm001", "tm001"), "nil": {nil},
		"of another host": {{Host: f.planned("tm001")[0].Host, Plan: planOf("tm002")}},
	} {
		if _, err := r.Apply(t.Context(), plans); err == nil {
			t.Errorf("%s: not refused", name)
		}
	}
	r.Journal = nil
	if _, err := r.Apply(t.Context(), f.planned("tm001")); err == nil {
		t.Error("without a journal: not refused")
	}
}

func TestAPanicCostsOneHost(t *testing.T) {
	t.Parallel()
	f := newFleet(names(3)...)
	f.hosts["tm002"].onStep = func(step string) {
		if step == "audit 1" {
			panic("a mistake")
		}
	}
	r := f.repair()
	r.MaxFailures = 1
	sum := f.run(t, r, names(3)...)
	want := map[State][]string{Kept: {"tm001", "tm003"}, Unknown: {"tm002"}}
	if got := states(sum); !reflect.DeepEqual(got, want) {
		t.Errorf("states %v, want %v", got, want)
	}
}
