//go:build linux

package repair

import (
	"context"
	"os"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/remote"
)

// TestRealHostsAreFixedAndRolledBack runs the whole way over real SSH: survey,
// canary, batch, a verification that fails, a comparison, a roll back.
func TestRealHostsAreFixedAndRolledBack(t *testing.T) {
	t.Parallel()
	f := startReal(t, 5)
	before := map[string]map[string]string{}
	for _, n := range f.names {
		before[n] = f.tree(t, n)
	}
	plans := f.planned(t, func(host string) string {
		if host == "tm003" {
			return key + " = 70000\n" // not what the plan promises
		}
		return key + " = 262144\n"
	})
	f.journal(t, plans)
	sum, err := f.repair.Apply(t.Context(), plans)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range sum.Hosts {
		want := Kept
		if d.Planned.Host.Name == "tm003" {
			want = RolledBack
		}
		if d.State != want {
			t.Errorf("%s is %s (%s), want %s", d.Planned.Host.Name, d.State, d.Reason, want)
		}
		t.Log(d.Planned.Host.Name, d.State, d.Reason, d.Logins)
	}
	if got := f.connects.Load(); got != 3*5 {
		t.Errorf("%d connections for 5 hosts, want 15", got)
	}
	if after := f.tree(t, "tm003"); !reflect.DeepEqual(after, before["tm003"]) {
		t.Errorf("tm003 is not as it was: %v", differing(before["tm003"], after))
	}
	saved, err := OpenRun(f.runs, "last")
	if err != nil {
		t.Fatal(err)
	}
	if saved.Ended.IsZero() || saved.Hosts["tm001"] != Kept || saved.Hosts["tm003"] != RolledBack {
		t.Errorf("saved run %v, ended %v", saved.Hosts, saved.Ended)
	}
	for _, held := range saved.Compare(sum.Hosts[0].After) {
		if !held.Held {
			t.Errorf("after the run: %+v", held)
		}
	}
	f.rollBack(t, saved, before)
}

// rollBack undoes a run and holds every host against what it was.
func (f *realFleet) rollBack(t *testing.T, saved *SavedRun, before map[string]map[string]string) {
	t.Helper()
	if err := f.repair.Journal.Close(); err != nil {
		t.Fatal(err)
	}
	j, err := Continue(f.runs, saved, Record{Event: EventRollback, Who: f.repair.Who})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	f.repair.Journal = j
	err = f.repair.Look(t.Context(), saved, inventoryOf(f.names...), func(name string, run *fix.HostRun, err error) error {
		if err != nil || run == nil || run.State != fix.RunKept && run.State != fix.RunRolledBack {
			t.Errorf("%s knows %+v, %v", name, run, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sum, err := f.repair.Rollback(t.Context(), saved, inventoryOf(f.names...), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range sum.Hosts {
		n := d.Planned.Host.Name
		if want := map[bool]State{true: Nothing, false: RolledBack}[n == "tm003"]; d.State != want {
			t.Errorf("%s is %s (%s), want %s", n, d.State, d.Reason, want)
		}
		if after := f.tree(t, n); !reflect.DeepEqual(after, before[n]) {
			t.Errorf("%s is not as it was: %v", n, differing(before[n], after))
		}
	}
}

func differing(a, b map[string]string) (paths []string) {
	for p := range a {
		if a[p] != b[p] {
			paths = append(paths, p+": "+a[p]+" -> "+b[p])
		}
	}
	for p := range b {
		if _, ok := a[p]; !ok {
			paths = append(paths, p+": new")
		}
	}
	return paths
}

// TestRealRunIsUndoneWithoutItsJournal: what the host kept of it is enough.
func TestRealRunIsUndoneWithoutItsJournal(t *testing.T) {
	t.Parallel()
	f := startReal(t, 2)
	before := f.tree(t, "tm001")
	plans := f.planned(t, func(string) string { return key + " = 262144\n" })
	f.journal(t, plans)
	if _, err := f.repair.Apply(t.Context(), plans[:1]); err != nil {
		t.Fatal(err)
	}
	if reflect.DeepEqual(f.tree(t, "tm001"), before) {
		t.Fatal("nothing is changed: the test tests nothing")
	}
	saved, err := Remembered("run1", inventoryOf(f.names...))
	if err != nil {
		t.Fatal(err)
	}
	whys := map[string]string{}
	if err := f.repair.Look(t.Context(), saved, inventoryOf(f.names...), func(name string, run *fix.HostRun, err error) error {
		whys[name] = saved.Remember(name, run)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if whys["tm001"] != "" || whys["tm002"] != "the host knows nothing of run run1" || saved.Who == "" {
		t.Errorf("%q, begun by %q", whys, saved.Who)
	}
	f.repair.Run = "run2"
	f.journal(t, nil)
	sum, err := f.repair.Rollback(t.Context(), saved, inventoryOf(f.names...), false)
	if err != nil {
		t.Fatal(err)
	}
	if d := sum.Hosts; d[0].State != RolledBack || d[1].State != Nothing {
		t.Errorf("%s (%s), %s", d[0].State, d[0].Reason, d[1].State)
	}
	if after := f.tree(t, "tm001"); !reflect.DeepEqual(after, before) {
		t.Errorf("tm001 is not as it was: %v", differing(before, after))
	}
}

// TestRealHostBearsAPlanOut before it is changed by one from a file.
func TestRealHostBearsAPlanOut(t *testing.T) {
	t.Parallel()
	f := startReal(t, 2)
	plans := f.planned(t, func(host string) string {
		if host == "tm001" {
			return key + " = 1\n"
		}
		return key + " = 262144\n"
	})
	before := f.tree(t, "tm001")
	for _, p := range plans {
		p.Before, p.Recheck, p.Plan.Expect = nil, true, nil
	}
	f.repair.MaxFailures = 1
	f.journal(t, nil)
	sum, err := f.repair.Apply(t.Context(), plans)
	if err != nil {
		t.Fatal(err)
	}
	if d := sum.Hosts[0]; d.State != Refused || !strings.Contains(d.Reason, "the plan is not one for this host: "+key) {
		t.Errorf("tm001 is %s (%s), want refused", d.State, d.Reason)
	}
	if after := f.tree(t, "tm001"); !reflect.DeepEqual(after, before) {
		t.Errorf("tm001 was changed: %v", differing(before, after))
	}
	d := sum.Hosts[1]
	if d.State != Kept || len(d.Planned.Plan.Expect) == 0 || d.Planned.Before == nil {
		t.Errorf("tm002 is %s (%s), %+v", d.State, d.Reason, d.Planned.Plan.Expect)
	}
	if got := f.connects.Load(); got > 3+3 {
		t.Errorf("%d connections for 2 hosts", got)
	}
}

// TestRealHostChangedSinceIsRefused by the host's own program.
func TestRealHostChangedSinceIsRefused(t *testing.T) {
	t.Parallel()
	f := startReal(t, 2)
	plans := f.planned(t, func(string) string { return key + " = 262144\n" })
	if err := os.WriteFile(f.at("tm001", confAt), []byte("# mine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	f.journal(t, plans)
	sum, err := f.repair.Apply(t.Context(), plans)
	if err != nil {
		t.Fatal(err)
	}
	if d := sum.Hosts[0]; d.State != Refused || !strings.Contains(d.Reason, "has changed") {
		t.Errorf("tm001 is %s (%s), want refused because it has changed", d.State, d.Reason)
	}
	if d := sum.Hosts[1]; d.State != Kept {
		t.Errorf("tm002 is %s (%s), want kept", d.State, d.Reason)
	}
	if b, _ := os.ReadFile(f.at("tm001", confAt)); string(b) != "# mine\n" {
		t.Errorf("the file is now %q", b)
	}
}

// cutting loses the first connection at a step.
type cutting struct {
	remote.Connector
	at   string
	once *atomic.Bool
}

func (c cutting) Connect(ctx context.Context, h inventory.Host) (remote.Conn, error) {
	conn, err := c.Connector.Connect(ctx, h)
	if err != nil {
		return nil, err
	}
	return &cutConn{conn, c}, nil
}

type cutConn struct {
	remote.Conn
	c cutting
}

func (c *cutConn) Start(ctx context.Context, p remote.Program) (remote.Talk, error) {
	talk, err := c.Conn.Start(ctx, p)
	if err != nil {
		return nil, err
	}
	return &cutTalk{talk, c}, nil
}

type cutTalk struct {
	remote.Talk
	conn *cutConn
}

func (t *cutTalk) cut(step string) {
	if t.conn.c.at == step && t.conn.c.once.CompareAndSwap(false, true) {
		t.conn.Close()
	}
}

func (t *cutTalk) Until(ctx context.Context, line string) ([]byte, error) {
	t.cut("apply")
	return t.Talk.Until(ctx, line)
}

func (t *cutTalk) Say(ctx context.Context, line string) error {
	t.cut("verdict")
	err := t.Talk.Say(ctx, line)
	t.cut("said")
	return err
}

// TestRealHostComesToAnEndWhereTheConnectionIsCut: it is kept or rolled back,
// and what is said of it is so.
func TestRealHostComesToAnEndWhereTheConnectionIsCut(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"apply", "verdict", "said"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			f := startReal(t, 1)
			before := f.tree(t, "tm001")
			plans := f.planned(t, func(string) string { return key + " = 262144\n" })
			f.journal(t, plans)
			f.repair.Native = cutting{f.repair.Native, at, new(atomic.Bool)}
			sum, err := f.repair.Apply(t.Context(), plans)
			if err != nil {
				t.Fatal(err)
			}
			d, after := sum.Hosts[0], f.tree(t, "tm001")
			t.Log(d.State, d.Reason)
			switch old := reflect.DeepEqual(before, after); {
			case d.State != Kept && d.State != RolledBack && d.State != Refused:
				t.Errorf("it is %s (%s)", d.State, d.Reason)
			case old == (d.State == Kept):
				t.Errorf("it is %s, and its files are old: %v", d.State, old)
			}
		})
	}
}

// TestRealRunIsResumed after tmdoctor was killed in front of its verdict: the
// host has rolled back by itself, and gets what was confirmed.
func TestRealRunIsResumed(t *testing.T) {
	t.Parallel()
	f := startReal(t, 3)
	plans := f.planned(t, func(string) string { return key + " = 262144\n" })
	f.journal(t, plans)
	r := f.repair
	if err := r.Journal.Write(Record{Event: EventApply, Host: "tm001"}); err != nil {
		t.Fatal(err)
	}
	conn, err := r.connect(t.Context(), plans[0].Host)
	if err != nil {
		t.Fatal(err)
	}
	text := fix.Apply("n0nce", r.Run, r.Who, plans[0].Plan, 60, true)
	talk, err := conn.Start(t.Context(), remote.Program{Text: text, Root: true, End: fix.EndMark("n0nce")})
	if err == nil {
		_, err = talk.Until(t.Context(), fix.AppliedMark("n0nce"))
	}
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()      // as if killed
	r.Journal.Close() // and the lock is gone
	saved, err := OpenRun(f.runs, r.Run)
	if err != nil {
		t.Fatal(err)
	}
	if saved.Hosts["tm001"] != Unknown || saved.Hosts["tm002"] != NotBegun {
		t.Errorf("the journal has %v", saved.Hosts)
	}
	if r.Journal, err = Continue(f.runs, saved, Record{Event: EventResume, Who: r.Who}); err != nil {
		t.Fatal(err)
	}
	defer r.Journal.Close()
	sum, err := r.Resume(t.Context(), saved, inventoryOf(f.names...))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range sum.Hosts {
		if d.State != Kept {
			t.Errorf("%s is %s (%s), want kept", d.Planned.Host.Name, d.State, d.Reason)
		}
	}
	if b, _ := os.ReadFile(f.at("tm001", confAt)); !strings.HasSuffix(string(b), "262144\n") {
		t.Errorf("the file ends in %q", b)
	}
}
