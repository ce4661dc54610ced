//go:build linux

package repair

import (
	"reflect"
	"testing"
)

// The limits of sessions and units of these hosts are recorded answers, which
// no fix changes: what is shown here is what their trees can show.

// TestSickHostsAreFixedByTheirPlans: what package fix plans for hosts of the
// demo is applied and holds, leaves nothing to fix, and is rolled back to the
// byte.
func TestSickHostsAreFixedByTheirPlans(t *testing.T) {
	t.Parallel()
	likes := map[string]string{"tm001": "maps-exhausted", "tm002": "not-persistent", "tm003": "healthy"}
	f := startRealLike(t, likes)
	before := map[string]map[string]string{}
	for _, n := range f.names {
		before[n] = f.tree(t, n)
	}
	f.repair.Batch, f.repair.MaxFailures = 0, 9
	plans := f.surveyed(t)
	changes := 0
	for _, p := range plans {
		t.Logf("%s: %d files, %d live values, expects %v, refuses %v", p.Host.Name, len(p.Plan.Files), len(p.Plan.Live), p.Plan.Expect, p.Plan.Refused)
		if !p.Plan.IsEmpty() {
			changes++
		}
	}
	if changes != 2 {
		t.Errorf("%d hosts get something", changes)
	}
	f.journal(t, plans)
	sum, err := f.repair.Apply(t.Context(), plans)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range sum.Hosts {
		want := Kept
		if d.Planned.Plan.IsEmpty() {
			want = Nothing
		}
		if d.State != want {
			t.Errorf("%s (%s) is %s (%s), want %s", d.Planned.Host.Name, likes[d.Planned.Host.Name], d.State, d.Reason, want)
		}
	}
	for _, p := range f.surveyed(t) {
		if !p.Plan.IsEmpty() {
			t.Errorf("%s still gets %+v", p.Host.Name, p.Plan)
		}
	}
	saved, err := OpenRun(f.runs, "last")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range sum.Hosts {
		if d.State != Kept {
			continue
		}
		for _, held := range saved.Compare(d.After) {
			if !held.Held {
				t.Errorf("%s: %+v", d.Planned.Host.Name, held)
			}
		}
	}
	f.repair.Journal.Close()
	if f.repair.Journal, err = Continue(f.runs, saved, Record{Event: EventRollback, Who: f.repair.Who}); err != nil {
		t.Fatal(err)
	}
	defer f.repair.Journal.Close()
	if sum, err = f.repair.Rollback(t.Context(), saved, inventoryOf(f.names...), false); err != nil {
		t.Fatal(err)
	}
	for _, d := range sum.Hosts {
		n := d.Planned.Host.Name
		if after := f.tree(t, n); d.State != RolledBack && d.State != Nothing || !reflect.DeepEqual(after, before[n]) {
			t.Errorf("%s is %s (%s), and not as it was: %v", n, d.State, d.Reason, differing(before[n], after))
		}
	}
}

// surveyed is what all hosts of the fleet get, by package fix.
func (f *realFleet) surveyed(t *testing.T) []*Planned {
	t.Helper()
	all := make([]*Planned, len(f.names))
	err := f.repair.Survey(t.Context(), inventoryOf(f.names...), func(p *Planned) error {
		all[p.Index] = p
		return p.Err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
