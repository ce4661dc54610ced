package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/tmdoctor/tmdoctor/cmd/internal/repair"
	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/remote"
	"github.com/tmdoctor/tmdoctor/report"
)

// fakeRepair stands for package repair: hosts that are named by how they come
// out. What real hosts do is shown by demo --fix and in package repair.
type fakeRepair struct {
	*repair.Repair
	// ends is how each host comes out of Apply, repair.Kept where it is not said.
	ends map[string]repair.State
	// idle have nothing to fix, refused something that is refused beside, lost
	// cannot be asked.
	idle, refused, lost map[string]bool
	stopped             string

	applied []*repair.Planned // nil if Apply was not called
	undone  []inventory.Host
}

func (f *fakeRepair) Survey(_ context.Context, hosts []inventory.Host, each func(*repair.Planned) error) error {
	for i, h := range hosts {
		p := &repair.Planned{Host: h, Index: i}
		switch {
		case f.lost[h.Name]:
			p.Err = &remote.Error{Phase: remote.PhaseConnect, Reason: "connection refused\x1b[2J"}
		default:
			p.Before = sight(h.Name, "65530", probes.Warn)
			p.Plan = planOf(h.Name)
			if f.idle[h.Name] {
				p.Before, p.Plan = sight(h.Name, "262144", probes.OK), &fix.Plan{Host: h.Name}
			}
			if f.refused[h.Name] {
				p.Plan.Refused = []fix.Refusal{{Setting: "nofile", Subject: "user flink", Reason: "it is managed by Puppet"}}
			}
		}
		if err := each(p); err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeRepair) Apply(_ context.Context, plans []*repair.Planned) (*repair.Summary, error) {
	if f.Journal == nil {
		return nil, errors.New("no journal")
	}
	f.applied = plans
	s := &repair.Summary{Run: f.Run, Stopped: f.stopped}
	for _, p := range plans {
		d := repair.Done{Planned: p, State: repair.Kept}
		if end, ok := f.ends[p.Host.Name]; ok {
			d.State, d.Reason = end, "of \x1b[31msome reason"
		}
		f.Notify(repair.Event{Host: p.Host.Name, Step: repair.StepApply, Batch: 1, Of: 1})
		f.Notify(repair.Event{Host: p.Host.Name, Step: repair.StepDone, Batch: 1, Of: 1, State: d.State})
		if d.State == repair.Kept {
			d.After, d.Logins = sight(p.Host.Name, "262144", probes.OK), []string{"op by ssh"}
			if err := f.Journal.Write(repair.Record{Event: repair.EventKept, Host: p.Host.Name}); err != nil {
				return nil, err
			}
		}
		s.Hosts = append(s.Hosts, d)
	}
	return s, f.Journal.Write(repair.Record{Event: repair.EventEnd})
}

func (f *fakeRepair) Rollback(_ context.Context, saved *repair.SavedRun, hosts []inventory.Host, _ bool) (*repair.Summary, error) {
	f.undone = hosts
	s := &repair.Summary{Run: saved.Run}
	for _, h := range hosts {
		for _, p := range saved.Plans.Hosts {
			if p.Host == h.Name {
				state, event := repair.RolledBack, repair.EventRolledBack
				if end, ok := f.ends[h.Name]; ok {
					state = end
					event = map[repair.State]repair.RecordEvent{repair.Refused: repair.EventNotUndone, repair.Unknown: repair.EventUnknown, repair.Stuck: repair.EventStuck}[end]
				}
				s.Hosts = append(s.Hosts, repair.Done{Planned: &repair.Planned{Host: h, Plan: p}, State: state})
				if err := f.Journal.Write(repair.Record{Event: repair.EventBack, Host: h.Name}); err != nil {
					return nil, err
				}
				if err := f.Journal.Write(repair.Record{Event: event, Host: h.Name}); err != nil {
					return nil, err
				}
			}
		}
	}
	return s, nil
}

func (f *fakeRepair) Look(_ context.Context, _ *repair.SavedRun, hosts []inventory.Host, each func(string, *fix.HostRun, error) error) error {
	for _, h := range hosts {
		run := &fix.HostRun{Files: []fix.RunFile{{Path: "/etc/sysctl.conf", Before: "b", After: "a", Now: "n", BeforeText: []byte("old\n"), NowText: []byte("edited\n")}}}
		if err := each(h.Name, run, nil); err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeRepair) Resume(_ context.Context, saved *repair.SavedRun, hosts []inventory.Host) (*repair.Summary, error) {
	return &repair.Summary{Run: saved.Run}, nil
}

// sight is a host as check shows it: one limit.
func sight(name, value string, status probes.Status) *report.Host {
	at := probes.HorizonValue{Value: value, Source: "/etc/sysctl.conf:2"}
	return &report.Host{Name: name, Status: status, Checks: []probes.Check{{Probe: "maps", Status: status, Horizons: []probes.Standing{
		{Setting: "vm.max_map_count", Used: -1, Running: at, Live: at, Boot: at},
	}}}}
}

// planOf raises vm.max_map_count, live and in sysctl.conf.
func planOf(host string) *fix.Plan {
	sum := func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }
	before, after := "vm.swappiness = 1\nvm.max_map_count = 65530\n", "vm.swappiness = 1\nvm.max_map_count = 262144\n"
	return &fix.Plan{
		Host: host,
		Files: []fix.FileChange{{
			Path: "/etc/sysctl.conf", Before: []byte(before), After: []byte(after), BeforeSHA256: sum(before), AfterSHA256: sum(after),
			Mode: "0644", Owner: "0:0", Settings: []string{"vm.max_map_count"}, Why: "it wins at boot",
		}},
		Live:   []fix.LiveChange{{Kind: fix.LiveSysctl, Setting: "vm.max_map_count", Before: "65530", After: "262144"}},
		Expect: []fix.Expect{{Setting: "vm.max_map_count", Horizon: probes.Boot, AtLeast: 262144}},
		Query:  fix.Query{Paths: []string{"/etc/sysctl.conf"}, Sysctls: []string{"vm.max_map_count"}},
	}
}

// desk is somebody who runs tmdoctor against fake hosts.
type desk struct {
	t    *testing.T
	dir  string
	fake *fakeRepair
	// typed is what is typed on the terminal; nil is no terminal.
	typed   *string
	asked   string // what the terminal showed
	columns string
}

func newDesk(t *testing.T) *desk { return &desk{t: t, dir: t.TempDir(), fake: &fakeRepair{}} }

// run runs tmdoctor.
func (d *desk) run(args ...string) (status int, stdout, stderr string) {
	d.t.Helper()
	var out, errs, tty bytes.Buffer
	env := &environment{stdout: &out, stderr: &errs, stdoutFD: -1, stderrFD: -1}
	env.getenv = func(name string) string {
		return map[string]string{"XDG_STATE_HOME": filepath.Join(d.dir, "state"), "HOME": d.dir, "COLUMNS": d.columns}[name]
	}
	env.repairs = func(r *repair.Repair) repairer { d.fake.Repair = r; return d.fake }
	env.terminal = func() (*terminal, error) {
		if d.typed == nil {
			return nil, errNoTerminal
		}
		read := func() ([]byte, error) {
			if *d.typed == "" {
				return nil, io.EOF
			}
			return []byte(*d.typed), nil
		}
		return &terminal{Writer: &tty, line: read, secret: read, restore: func() {}}, nil
	}
	status = run(context.Background(), args, env)
	d.asked = tty.String()
	return status, out.String(), errs.String()
}
