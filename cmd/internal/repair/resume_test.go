package repair

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/report"
)

// savedRun is a run whose journal has these events of its hosts.
func savedRun(hosts []string, events map[string][]string) *SavedRun {
	s := &SavedRun{Run: "run1", Plans: &fix.Document{}, Hosts: map[string]State{}, verdicts: map[string]State{}}
	for _, h := range hosts {
		s.Plans.Hosts = append(s.Plans.Hosts, planOf(h))
		s.Hosts[h] = NotBegun
		for _, e := range events[h] {
			s.add(Record{Event: RecordEvent(e), Host: h})
		}
	}
	return s
}

func inventoryOf(names ...string) (all []inventory.Host) {
	for _, n := range names {
		all = append(all, inventory.Host{Name: n})
	}
	return all
}

// became puts a host where a run left it.
func (h *fakeHost) became(state fix.RunState) {
	h.state = state
	switch state {
	case fix.RunApplied, fix.RunApplying, fix.RunKept:
		h.hash, h.live = newHash, "262144"
	}
}

// TestResumeFinishesEachHost wherever the run was cut short on it.
func TestResumeFinishesEachHost(t *testing.T) {
	t.Parallel()
	cut := []string{"apply", "verify"}
	for _, row := range []struct {
		name    string
		events  []string
		state   fix.RunState
		set     func(*fakeHost)
		want    State
		journal string
	}{
		{name: "never begun", want: Kept, journal: "apply verify keep kept"},
		{name: "not touched before", events: []string{"untouched"}, want: Kept, journal: "apply verify keep kept"},
		{name: "announced and not begun", events: cut[:1], want: Kept, journal: "look not-begun apply verify keep kept"},
		{name: "staged", events: cut[:1], state: fix.RunStaged, want: Kept, journal: "look back rolled-back not-begun apply verify keep kept"},
		{name: "half done", events: cut[:1], state: fix.RunApplying, want: Kept, journal: "look back rolled-back not-begun apply verify keep kept"},
		{name: "half done, and it cannot be rolled back", events: cut[:1], state: fix.RunApplying, set: func(h *fakeHost) { h.stuck = true }, want: Stuck, journal: "look back stuck"},
		{name: "applied", events: cut, state: fix.RunApplied, want: Kept, journal: "look verify keep kept"},
		{name: "applied, and it does not hold", events: cut, state: fix.RunApplied, set: func(h *fakeHost) { h.unmet = "shadowed" }, want: RolledBack, journal: "look verify back rolled-back"},
		{name: "applied, and was to be rolled back", events: []string{"apply", "verify", "back"}, state: fix.RunApplied, want: RolledBack, journal: "look back rolled-back"},
		{name: "rolled back by itself", events: cut, state: fix.RunRolledBack, want: Kept, journal: "look rolled-back not-begun apply verify keep kept"},
		{name: "rolled back as it was told", events: []string{"apply", "verify", "back"}, state: fix.RunRolledBack, want: RolledBack, journal: "look rolled-back"},
		{name: "kept, and not heard", events: []string{"apply", "verify", "keep"}, state: fix.RunKept, want: Kept, journal: "look kept"},
		{name: "kept", events: []string{"apply", "keep", "kept"}, state: fix.RunKept, want: Kept},
		{name: "failed before", events: []string{"apply", "back", "rolled-back"}, state: fix.RunRolledBack, want: RolledBack},
		{name: "stuck before", events: []string{"apply", "stuck"}, state: fix.RunApplying, want: Stuck},
		{name: "not reached", events: cut, state: fix.RunApplied, set: func(h *fakeHost) { h.faults["connect"] = failing }, want: Unknown, journal: "look unknown"},
		{name: "somebody is at work there", events: cut, state: fix.RunApplied, set: func(h *fakeHost) { h.locked = true }, want: Unknown, journal: "look unknown"},
		{name: "lost when it is settled", events: cut, state: fix.RunApplied, set: func(h *fakeHost) { h.faults["wait settle"] = deaf }, want: Unknown, journal: "look verify keep unknown"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet("tm001", "tm002")
				h := f.hosts["tm001"]
				h.became(row.state)
				if row.set != nil {
					row.set(h)
				}
				r := f.repair()
				saved := savedRun([]string{"tm001"}, map[string][]string{"tm001": row.events})
				sum, err := r.Resume(t.Context(), saved, inventoryOf("tm002", "tm001"))
				if err != nil {
					t.Fatal(err)
				}
				if len(sum.Hosts) != 1 || sum.Hosts[0].State != row.want {
					t.Errorf("it is %+v, want %s", sum.Hosts, row.want)
				}
				if got := eventsOf(records(r), "tm001"); got != row.journal {
					t.Errorf("the journal says %q, want %q", got, row.journal)
				}
				if f.hosts["tm002"].connects > 0 {
					t.Error("a host without a plan was connected to")
				}
				f.aheadOfAll(t)
				if row.want == Kept || row.want == RolledBack && row.state != "" {
					f.neverMixed(t)
				}
			})
		})
	}
}

// TestResumeKeepsTheRules: what was left open comes first, and a failure there
// stops what was not begun; then canary and batches are as ever.
func TestResumeKeepsTheRules(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		bad  string
		want map[string]State
	}{
		{"all is well", "", map[string]State{"tm001": Kept, "tm002": Kept, "tm003": Kept, "tm004": Kept}},
		{"what was open fails", "tm002", map[string]State{"tm001": Kept, "tm002": RolledBack, "tm003": NotBegun, "tm004": NotBegun}},
		{"the canary fails", "tm003", map[string]State{"tm001": Kept, "tm002": Kept, "tm003": RolledBack, "tm004": NotBegun}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(names(4)...)
				f.hosts["tm001"].became(fix.RunKept)
				f.hosts["tm002"].became(fix.RunApplied)
				if row.bad != "" {
					f.hosts[row.bad].unmet = "shadowed"
				}
				saved := savedRun(names(4), map[string][]string{"tm001": {"apply", "kept"}, "tm002": {"apply", "verify"}})
				sum, err := f.repair().Resume(t.Context(), saved, inventoryOf(names(4)...))
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range sum.Hosts {
					if n := d.Planned.Host.Name; d.State != row.want[n] {
						t.Errorf("%s is %s (%s), want %s", n, d.State, d.Reason, row.want[n])
					}
				}
				f.aheadOfAll(t)
			})
		})
	}
}

func TestRollbackUndoesWhatTheRunLeft(t *testing.T) {
	t.Parallel()
	kept := []string{"apply", "verify", "keep", "kept"}
	for _, row := range []struct {
		name    string
		events  []string
		state   fix.RunState
		force   bool
		set     func(*fakeHost)
		want    State
		journal string
		after   State // as the journal has it from then on
	}{
		{name: "kept", events: kept, state: fix.RunKept, want: RolledBack, journal: "back rolled-back", after: RolledBack},
		{name: "not begun", want: Nothing, after: NotBegun},
		{name: "not reached", events: kept, state: fix.RunKept, set: func(h *fakeHost) { h.faults["connect"] = failing }, want: Refused, journal: "not-undone", after: Kept},
		{name: "sudo refuses", events: kept, state: fix.RunKept, set: func(h *fakeHost) { h.faults["start rollback"] = failing }, want: Refused, journal: "back not-undone", after: Kept},
		{name: "edited since", events: kept, state: fix.RunKept, set: func(h *fakeHost) { h.edited = true }, want: Refused, journal: "back not-undone", after: Kept},
		{name: "edited since, by force", events: kept, state: fix.RunKept, force: true, set: func(h *fakeHost) { h.edited = true }, want: RolledBack, journal: "back rolled-back", after: RolledBack},
		{name: "it cannot be rolled back", events: kept, state: fix.RunKept, set: func(h *fakeHost) { h.stuck = true }, want: Stuck, journal: "back stuck", after: Stuck},
		{name: "half done", events: kept[:1], state: fix.RunApplying, want: RolledBack, journal: "back rolled-back", after: RolledBack},
		{name: "no new login", events: kept, state: fix.RunKept, set: func(h *fakeHost) { h.faults["connect 2"] = failing }, want: Unknown, journal: "back unknown", after: Unknown},
		{name: "no new session", events: kept, state: fix.RunKept, set: func(h *fakeHost) { h.faults["audit"] = failing }, want: Unknown, journal: "back unknown", after: Unknown},
		{name: "the end is not heard", events: kept, state: fix.RunKept, set: func(h *fakeHost) { h.faults["wait rollback"] = deaf }, want: RolledBack, journal: "back rolled-back", after: RolledBack},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet("tm001", "tm002")
				h := f.hosts["tm001"]
				h.became(row.state)
				f.hosts["tm002"].became(fix.RunKept)
				if row.set != nil {
					row.set(h)
				}
				r := f.repair()
				saved := savedRun([]string{"tm001", "tm002"}, map[string][]string{"tm001": row.events, "tm002": kept})
				sum, err := r.Rollback(t.Context(), saved, inventoryOf("tm001", "tm002"), row.force)
				if err != nil {
					t.Fatal(err)
				}
				if d := sum.Hosts[0]; d.State != row.want || d.State != RolledBack && d.Reason == "" {
					t.Errorf("it is %s (%s), want %s", d.State, d.Reason, row.want)
				}
				if d := sum.Hosts[1]; d.State != RolledBack {
					t.Errorf("the other is %s (%s), want rolled-back whatever the first is", d.State, d.Reason)
				}
				if got := eventsOf(records(r), "tm001"); got != row.journal {
					t.Errorf("the journal says %q, want %q", got, row.journal)
				}
				for _, rec := range records(r) {
					saved.add(rec)
				}
				if got := saved.Hosts["tm001"]; got != row.after {
					t.Errorf("the journal leaves it %s, want %s", got, row.after)
				}
				if row.want == RolledBack && (h.hash != oldHash || h.connects > 2) {
					t.Errorf("it has the %s file after %d connections", h.hash, h.connects)
				}
				f.aheadOfAll(t)
			})
		})
	}
}

// TestRollbackTriesLogins: who could log in before a run, and cannot after its
// roll back, is no success.
func TestRollbackTriesLogins(t *testing.T) {
	t.Parallel()
	for opened, want := range map[string]State{"flink": Unknown, "": RolledBack} {
		f := newFleet("tm001")
		f.hosts["tm001"].became(fix.RunKept)
		f.hosts["tm001"].never = true
		saved := savedRun([]string{"tm001"}, nil)
		saved.add(Record{Event: EventApply, Host: "tm001", Opened: []string{opened}})
		saved.add(Record{Event: EventKept, Host: "tm001"})
		sum, err := f.repair().Rollback(t.Context(), saved, inventoryOf("tm001"), false)
		if err != nil {
			t.Fatal(err)
		}
		if d := sum.Hosts[0]; d.State != want || want == Unknown && !strings.Contains(d.Reason, "no session of flink opens") {
			t.Errorf("opened before: %q: it is %s (%s), want %s", opened, d.State, d.Reason, want)
		}
	}
}

func TestLookTellsWhatEachHostKnows(t *testing.T) {
	t.Parallel()
	f := newFleet(names(3)...)
	f.hosts["tm001"].became(fix.RunKept)
	f.hosts["tm003"].faults["connect"] = failing
	got := map[string]fix.RunState{}
	err := f.repair().Look(context.Background(), savedRun(names(3), nil), inventoryOf(names(3)...), func(name string, run *fix.HostRun, err error) error {
		switch {
		case err != nil:
			got[name] = "error"
		case run == nil:
			got[name] = ""
		default:
			got[name] = run.State
		}
		return nil
	})
	if err != nil || len(got) != 3 || got["tm001"] != fix.RunKept || got["tm002"] != "" || got["tm003"] != "error" {
		t.Errorf("Look tells %v, %v", got, err)
	}
}

func TestCompareSaysWhatHolds(t *testing.T) {
	t.Parallel()
	saved := savedRun([]string{"tm001"}, nil)
	saved.Plans.Hosts[0].Expect = []fix.Expect{
		{Setting: key, Horizon: probes.Live, AtLeast: 262144},
		{Setting: "nofile", Subject: "pid 7", Horizon: probes.Boot, AtLeast: 65536},
		{Setting: "nofile", Subject: "pid 7", Horizon: probes.Running, AtLeast: 65536},
		{Setting: "as", Subject: "user flink", Horizon: probes.Boot, AtLeast: probes.Unlimited},
	}
	value := func(v string) probes.HorizonValue { return probes.HorizonValue{Value: v, Source: "here"} }
	h := &report.Host{Name: "tm001", Checks: []probes.Check{
		{Probe: "maps", Horizons: []probes.Standing{{Setting: key, Live: value("65530"), Boot: value("65530")}}},
		{Probe: "nofile", Horizons: []probes.Standing{ // after a reboot, with other pids
			{Setting: "nofile", Subject: "pid 8", Boot: value("65536")}, {Setting: "nofile", Subject: "pid 9", Boot: value("1024:4096")},
		}},
	}}
	got := saved.Compare(h)
	want := []struct {
		held bool
		now  string
	}{{false, "65530"}, {false, "1024:4096"}, {false, ""}}
	if len(got) != len(want) {
		t.Fatalf("Compare gives %d values, want %d: %+v", len(got), len(want), got)
	}
	for i, w := range want {
		if got[i].Held != w.held || w.now != "" && got[i].Now != w.now || got[i].Now == "" {
			t.Errorf("Compare[%d] = %+v, want %+v", i, got[i], w)
		}
	}
	h.Checks[1].Horizons[1].Boot = value("65536")
	if got := saved.Compare(h); !got[1].Held {
		t.Errorf("both processes have it, and it is not held: %+v", got[1])
	}
	h.Unreachable = &report.Unreachable{Phase: "connect", Reason: "refused"}
	for _, c := range saved.Compare(h) {
		if c.Held || c.Now == "" {
			t.Errorf("a host that does not answer holds %+v", c)
		}
	}
	if got := saved.Compare(&report.Host{Name: "tm002"}); got != nil {
		t.Errorf("a host without a plan holds %v", got)
	}
}
