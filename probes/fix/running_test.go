package fix_test

import (
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// lowProcess is a host whose files are well and whose TaskManager is older
// than they are.
func lowProcess(unit bool) (*madeHost, *probes.Facts) {
	h := newMadeHost("systemd", 262144, map[string]string{
		"/etc/sysctl.d/99-sysctl.conf": "-> ../sysctl.conf", "/etc/sysctl.conf": "vm.max_map_count=262144\n",
		"/etc/security/limits.conf":      "flink - nofile 65536\n",
		"/etc/systemd/system/tm.service": "[Service]\nUser=flink\nLimitNOFILE=65536\n",
	})
	if unit {
		h.unit = &probes.UnitLimits{
			Limits:   map[string]probes.LimitPair{"nofile": {Soft: 65536, Hard: 65536}, "as": {Soft: probes.Unlimited, Hard: probes.Unlimited}},
			TasksMax: probes.Unlimited, Fragment: "/etc/systemd/system/tm.service",
		}
	}
	f := h.facts()
	f.Flink.TaskManagers[0].Limits = probes.Known(map[string]probes.LimitPair{"nofile": {Soft: 1024, Hard: 4096}, "as": {Soft: 8 << 30, Hard: 8 << 30}})
	return h, f
}

func TestRunningTaskManagersAreRaisedOnlyAsTheyWereSeen(t *testing.T) {
	t.Parallel()
	seen := fix.Process{PID: 4711, Started: "5000", Limits: map[string]string{"nofile": "1024:4096", "as": "8589934592:unlimited"}}
	for _, tt := range []struct {
		name    string
		process func(p fix.Process) []fix.Process
		nrOpen  int64
		live    []string
		refused string
	}{
		{"as it was", func(p fix.Process) []fix.Process { return []fix.Process{p} }, 1 << 20,
			[]string{"nofile 1024:4096 65536:65536", "as 8589934592:unlimited unlimited:unlimited"}, ""},
		{"more by now, and never less", func(p fix.Process) []fix.Process {
			p.Limits = map[string]string{"nofile": "4096:500000", "as": "unlimited:unlimited"}
			return []fix.Process{p}
		}, 1 << 20, []string{"nofile 4096:500000 65536:500000"}, ""},
		{"gone", func(p fix.Process) []fix.Process { p.Gone = true; return []fix.Process{p} }, 1 << 20, nil, "the process is gone"},
		{"without a start time", func(p fix.Process) []fix.Process { p.Started = ""; return []fix.Process{p} }, 1 << 20, nil, "the process is gone"},
		{"not looked at", func(fix.Process) []fix.Process { return nil }, 1 << 20, nil, "was not looked at"},
		{"limits that are no numbers", func(p fix.Process) []fix.Process {
			p.Limits = map[string]string{"nofile": "1024:x", "as": ""}
			return []fix.Process{p}
		}, 1 << 20, nil, "could not be read"},
		{"above fs.nr_open", func(p fix.Process) []fix.Process { return []fix.Process{p} }, 50000,
			[]string{"as 8589934592:unlimited unlimited:unlimited"}, "more than fs.nr_open allows, 50000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, f := lowProcess(false)
			o := fix.Options{Running: true}
			f.NoFile.NrOpen = probes.Known(tt.nrOpen)
			q := fix.Ask(f, nil, o)
			if len(q.PIDs) != 1 || q.PIDs[0] != 4711 {
				t.Fatalf("asked for processes %v", q.PIDs)
			}
			s := h.snapshot(q)
			s.Processes = tt.process(seen)
			p := fix.Make("tm", f, s, nil, o)
			var live []string
			for _, l := range p.Live {
				if l.Kind != fix.LiveProcess || l.PID != 4711 || l.Started != "5000" {
					t.Errorf("%+v", l)
				}
				live = append(live, l.Setting+" "+l.Before+" "+l.After)
			}
			if strings.Join(live, ", ") != strings.Join(tt.live, ", ") {
				t.Errorf("live %q, want %q", live, tt.live)
			}
			if told := shownMade(p); !strings.Contains(told, tt.refused) || (len(live) > 0) != strings.Contains(told, "gone at its next start") {
				t.Errorf("want %q\n%s", tt.refused, told)
			}
			for _, e := range p.Expect {
				if e.Horizon != probes.Running || e.Subject != "pid 4711" {
					t.Errorf("%+v", e)
				}
			}
			if len(p.Files) > 0 {
				t.Errorf("files are changed:\n%s", shownMade(p))
			}
		})
	}
}

func TestOnlyUnitsThatRunAreRestarted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		units   []fix.UnitState
		restart bool
		refused string
	}{
		{"active", []fix.UnitState{{Unit: "tm.service", Active: "active"}}, true, ""},
		{"failed", []fix.UnitState{{Unit: "tm.service", Active: "failed"}}, false, "tm.service is failed"},
		{"not asked", nil, false, "was not looked at"},
		{"not known", []fix.UnitState{{Unit: "tm.service", Unknown: "no bus"}}, false, "no bus"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, f := lowProcess(true)
			for _, o := range []fix.Options{{RestartUnit: true}, {}} {
				s := h.snapshot(fix.Ask(f, nil, o))
				s.Units = tt.units
				p := fix.Make("tm", f, s, nil, o)
				want := tt.restart && o.RestartUnit
				if (len(p.Restart) == 1) != want || o.RestartUnit && !strings.Contains(shownMade(p), tt.refused) {
					t.Errorf("restart %q, want %v, %q\n%s", p.Restart, want, tt.refused, shownMade(p))
				}
				if want && len(p.Expect) == 0 {
					t.Error("nothing is expected of it")
				}
			}
		})
	}
}
