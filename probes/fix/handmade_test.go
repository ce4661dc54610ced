package fix

import (
	"fmt"

	"github.com/tmdoctor/tmdoctor/probes"
)

// The plans of the tests here are made by hand: what is rendered does not
// depend on how it was decided.

// changed is a file that exists and changes.
func changed(path, before, after string) FileChange {
	return FileChange{
		Path: path, Before: []byte(before), After: []byte(after), BeforeSHA256: sum([]byte(before)), AfterSHA256: sum([]byte(after)),
		Mode: "0644", Owner: "0:0", Settings: []string{"vm.max_map_count"}, Why: "it wins at boot",
	}
}

// made is a file that is new.
func made(path, after string) FileChange {
	f := changed(path, "", after)
	f.Absent, f.BeforeSHA256 = true, ""
	return f
}

// mapsPlan raises vm.max_map_count, live and in sysctl.conf.
func mapsPlan(host string) *Plan {
	return &Plan{
		Host:   host,
		Files:  []FileChange{changed("/etc/sysctl.conf", "vm.swappiness = 1\nvm.max_map_count = 65530\n", "vm.swappiness = 1\nvm.max_map_count = 262144\n")},
		Live:   []LiveChange{{Kind: LiveSysctl, Setting: "vm.max_map_count", Before: "65530", After: "262144"}},
		Expect: []Expect{{Setting: "vm.max_map_count", Horizon: probes.Boot, AtLeast: 262144}},
		Query:  Query{Paths: []string{"/etc/sysctl.conf"}, Sysctls: []string{"vm.max_map_count"}},
	}
}

// unitPlan makes a drop-in of a unit, raises a running process and says all
// that can be said.
func unitPlan(host string) *Plan {
	dropIn := made("/etc/systemd/system/flink-taskmanager.service.d/zz-tmdoctor.conf", unitPlace("").header+"[Service]\nLimitNOFILE=65536:65536\n")
	dropIn.MakeDir, dropIn.Settings = true, []string{"nofile"}
	return &Plan{
		Host:    host,
		Files:   []FileChange{dropIn},
		Live:    []LiveChange{{Kind: LiveProcess, Setting: "nofile", PID: 4711, Started: "815", Before: "4096:4096", After: "65536:65536"}},
		Reload:  true,
		Restart: []string{"flink-taskmanager.service"},
		Expect:  []Expect{{Setting: "nofile", Subject: "user flink", Horizon: probes.Live, AtLeast: 65536}, {Setting: "as", Subject: "pid 4711", Horizon: probes.Running, AtLeast: probes.Unlimited}},
		Query:   Query{Users: []string{"flink"}, PIDs: []int{4711}, Units: []string{"flink-taskmanager.service"}, Run: "r1"},
		Refused: []Refusal{{Setting: "vm.max_map_count", Subject: "vm.max_map_count", Reason: "/etc/sysctl.conf is managed by Ansible", Instead: "sysctl:\n  name: vm.max_map_count\n  value: 262144\n"}},
		Advice:  []Advice{{Code: "memory/overcommitted", Subject: "pid 4711", Message: "more memory is configured than there is", Remedy: "lower taskmanager.memory.process.size"}},
		Notes:   []string{"a drop-in that sorts last"},
	}
}

// document is plans as fix saves them.
func document(plans ...*Plan) *Document {
	return &Document{Schema: Schema, Run: "20260102T030405Z-ab12", Created: "2026-01-02T03:04:05Z", Version: "v1.2.3", Options: Options{PersistIn: PersistAuto, Running: true, RestartUnit: true}, Hosts: plans}
}

// fleet are hosts tm001, tm002, ... with one plan each.
func fleet(n int, plan func(host string) *Plan) []*Plan {
	var plans []*Plan
	for i := range n {
		plans = append(plans, plan(fmt.Sprintf("tm%03d", i+1)))
	}
	return plans
}
