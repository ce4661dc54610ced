package fix_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// forged is a file of a plan with other bytes after.
func forged(path, before, after string) fix.FileChange {
	f := fix.FileChange{Path: path, Before: []byte(before), After: []byte(after), BeforeSHA256: sum(before), AfterSHA256: sum(after), Mode: "0644", Owner: "0:0"}
	if before == "" {
		f.Absent, f.BeforeSHA256 = true, ""
	}
	return f
}

// A plan from a file is believed only as far as its host bears it out: whoever
// edits the plan edits what it promises too.
func TestRecheckHoldsAPlanAgainstItsHost(t *testing.T) {
	t.Parallel()
	const limits = "* hard nofile 1048576\nflink soft nofile 1024\n"
	const header = "# tmdoctor fix: what TaskManagers with RocksDB need\n"
	unit := &probes.UnitLimits{
		Limits:   map[string]probes.LimitPair{"nofile": {Soft: 1024, Hard: 4096}, "as": {Soft: probes.Unlimited, Hard: probes.Unlimited}},
		TasksMax: 14745, MemoryMax: probes.Known(probes.Unlimited), Fragment: "/etc/systemd/system/tm.service", State: "enabled",
	}
	files := map[string]string{"/etc/sysctl.d/x.conf": "vm.max_map_count=65530\n", "/etc/security/limits.conf": limits}
	for _, tt := range []struct {
		name string
		unit bool
		p    fix.Plan
		want string // what it is refused for, "" if it is not
	}{
		{"a sysctl", false, fix.Plan{Files: []fix.FileChange{forged("/etc/sysctl.d/zz.conf", "", header+"vm.max_map_count = 262144\n")}}, ""},
		{"a sysctl that is lower", false, fix.Plan{Files: []fix.FileChange{forged("/etc/sysctl.d/zz.conf", "", header+"vm.max_map_count = 1\n")}}, "vm.max_map_count: the plan would lower it for the next boot, from 65530 to 1"},
		{"a sysctl that is not enough", false, fix.Plan{Files: []fix.FileChange{forged("/etc/sysctl.d/zz.conf", "", header+"vm.max_map_count = 65531\n")}}, "is not enough"},
		{"a sysctl that another file takes back", false, fix.Plan{Files: []fix.FileChange{forged("/etc/sysctl.d/a.conf", "", header+"vm.max_map_count = 262144\n")}}, "is not enough"},
		{"a user", false, fix.Plan{Files: []fix.FileChange{forged("/etc/security/limits.conf", limits, limits+"flink soft nofile 65536\nflink hard nofile 1048576\n")}}, ""},
		{"a user with less than all have", false, fix.Plan{Files: []fix.FileChange{forged("/etc/security/limits.conf", limits, limits+"flink soft nofile 4\nflink hard nofile 4\n")}}, "nofile of user flink: the plan would lower it for the next boot, from 1024:1048576 to 4"},
		{"another user", false, fix.Plan{Files: []fix.FileChange{forged("/etc/security/limits.conf", limits, limits+"root hard nofile 16\n")}, Query: fix.Query{Users: []string{"root"}}}, "user root: no TaskManager of this host is started by a session of that user"},
		{"a unit", true, fix.Plan{Reload: true, Files: []fix.FileChange{forged("/etc/systemd/system/tm.service.d/zz.conf", "", header+"[Service]\nLimitNOFILE=65536\n")}}, ""},
		{"a unit with less", true, fix.Plan{Reload: true, Files: []fix.FileChange{forged("/etc/systemd/system/tm.service.d/zz.conf", "", header+"[Service]\nLimitNOFILE=4\n")}}, "nofile of tm.service: the plan would lower it"},
		{"fewer tasks", true, fix.Plan{Reload: true, Files: []fix.FileChange{forged("/etc/systemd/system/tm.service.d/zz.conf", "", header+"[Service]\nLimitNOFILE=65536\nTasksMax=1\n")}}, "TasksMax of tm.service: the plan would lower it"},
		{"another unit", true, fix.Plan{Reload: true, Files: []fix.FileChange{forged("/etc/systemd/system/sshd.service.d/zz.conf", "", header+"[Service]\nLimitNOFILE=65536\n")}, Query: fix.Query{Units: []string{"sshd.service"}}}, "sshd.service: no TaskManager of this host is started by that unit"},
		{"a restart of another unit", true, fix.Plan{Restart: []string{"systemd-poweroff.service"}}, "systemd-poweroff.service: no TaskManager of this host"},
		{"a restart", true, fix.Plan{Restart: []string{"tm.service"}}, ""},
		{"another process", false, fix.Plan{Live: []fix.LiveChange{{Kind: fix.LiveProcess, Setting: "nofile", PID: 800, Started: "1", Before: "1:1", After: "2:2"}}}, "pid 800: it is no TaskManager"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newMadeHost("systemd", 65530, files)
			if tt.unit {
				h.unit = unit
				h.files["/etc/systemd/system/tm.service"] = "[Service]\nUser=flink\nLimitNOFILE=1024:4096\n"
			}
			tt.p.Query.Users = append(tt.p.Query.Users, "flink")
			tt.p.Query.Units = append(tt.p.Query.Units, "tm.service")
			more, err := fix.Recheck(&tt.p, h.facts(), nil, fix.Options{Running: true, RestartUnit: true})
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("it is refused: %v", err)
			case tt.want == "" && len(tt.p.Files) > 0 && len(more) == 0:
				t.Error("nothing more is expected of a plan that promises nothing")
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("Recheck gives %v, want %s", err, tt.want)
			}
		})
	}
}

// What Make plans for a host passes for as long as the host is as it was.
func TestRecheckAcceptsWhatMakePlans(t *testing.T) {
	t.Parallel()
	h := newMadeHost("systemd", 65530, map[string]string{"/etc/sysctl.conf": "vm.max_map_count=65530\n", "/etc/security/limits.conf": "flink - nofile 4096\n"})
	p := h.plan(fix.Options{Running: true})
	if p.IsEmpty() {
		t.Fatal("nothing is planned: the test tests nothing")
	}
	more, err := fix.Recheck(p, h.facts(), nil, fix.Options{Running: true})
	if err != nil {
		t.Error(err)
	}
	for _, e := range more {
		if !slices.ContainsFunc(p.Expect, func(x fix.Expect) bool {
			return x.Setting == e.Setting && x.Subject == e.Subject && x.Horizon == e.Horizon
		}) {
			t.Errorf("Make did not expect %+v", e)
		}
	}
	p.Expect = nil
	if more, _ := fix.Recheck(p, h.facts(), nil, fix.Options{Running: true}); len(more) < 2 {
		t.Errorf("of a plan without promises it expects only %+v", more)
	}
	if bytes.Equal(p.Files[0].Before, p.Files[0].After) {
		t.Error("the plan changes nothing")
	}
}
