package probes

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// judged is a check and its findings in short lines, the whole of what a
// judge concludes but for the words.
type judged struct {
	Check    string   // STATUS OBSERVED, want WANT
	Reason   string   // of an unknown check
	NotSeen  []string // FACT: WHY
	Findings []string // STATUS CODE HORIZON SUBJECT: OBSERVED, want WANT (SOURCE)
}

func judgedOf(p *Probe, f *Facts, policy *Policy) judged {
	check, findings := judge(Input{Facts: f, Policy: policy, Probe: p, next: newResolver(f, nil)})
	j := judged{Check: fmt.Sprintf("%s %s, want %s", check.Status, check.Observed, check.Want), Reason: check.Reason}
	for _, n := range check.NotSeen {
		if strings.HasSuffix(n.Fact, afterReboot) {
			continue // hosts with files, in testdata, show what is known of it
		}
		j.NotSeen = append(j.NotSeen, n.Fact+": "+n.Why)
	}
	for _, x := range findings {
		j.Findings = append(j.Findings, fmt.Sprintf("%s %s %s %s: %s, want %s (%s)", x.Status, x.Code, x.Horizon, x.Subject, x.Observed, x.Want, x.Source))
	}
	return j
}

// judgeAlone judges one probe of a host under the default policy.
func judgeAlone(p *Probe, f *Facts) (Check, []Finding) {
	return judge(Input{Facts: f, Probe: p, next: newResolver(f, nil)})
}

// judgeCase is a host and what one probe concludes about it.
type judgeCase struct {
	name   string
	host   *Facts
	policy *Policy
	want   judged
}

func runJudgeCases(t *testing.T, p *Probe, cases []judgeCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(c.want, judgedOf(p, c.host, c.policy)); d != "" {
				t.Errorf("%s of this host (-want +got):\n%s", p.Name, d)
			}
		})
	}
}

// aHost is a healthy host with these TaskManagers, read by the user who runs
// them.
func aHost(tms ...TaskManager) *Facts {
	f := &Facts{Version: FactsVersion}
	f.Session = SessionFacts{UID: Known(int64(1000)), User: Known("flink"), FlinkUser: Known("flink")}
	f.Flink.Searched, f.Flink.TaskManagers = Known(true), tms
	f.Maps = MapsFacts{
		MaxMapCount: Known(int64(262144)), Counts: map[int]Value[int64]{},
		Boot: Known([]string{}), CommandLine: Known([]string{}), Writers: Known([]string{}),
	}
	f.NoFile = NoFileFacts{
		NrOpen: Known(int64(1048576)), FileMax: Known(int64(800000)), FileUsed: Known(int64(4000)),
		Descriptors: map[int]Value[int64]{}, Sessions: map[string]Value[LimitPair]{"flink": Known(LimitPair{65536, 65536})},
		Shell: Known([]string{}), SSHD: Known([]string{}), Units: map[string]Value[UnitLimits]{},
	}
	f.AddressSpace.Sessions = map[string]Value[LimitPair]{"flink": Known(LimitPair{Unlimited, Unlimited})}
	f.Threads = ThreadsFacts{
		ThreadsMax: Known(int64(120000)), PidMax: Known(int64(4194304)), Total: Known(int64(900)),
		Users: map[int64]Value[int64]{1000: Known(int64(300))}, Groups: map[int]Value[[]PidsGroup]{},
	}
	for _, tm := range tms {
		f.Maps.Counts[tm.PID] = Known(int64(340))
		f.NoFile.Descriptors[tm.PID] = Known(int64(90))
		f.Threads.Groups[tm.PID] = Known([]PidsGroup{})
	}
	return f
}

// aTaskManager is a healthy one, started from a login.
func aTaskManager(pid int) TaskManager {
	return TaskManager{
		PID: pid, UID: Known(int64(1000)), User: Known("flink"),
		JVMOptions: []string{"-Xmx536870902", "-Xms536870902"},
		Launch:     Launch{Kind: "login", Unit: "session-3.scope"},
		Limits: Known(map[string]LimitPair{
			"nofile": {65536, 65536}, "as": {Unlimited, Unlimited}, "nproc": {96000, 96000},
		}),
		Threads: Known(int64(70)), VmSize: Known(int64(9 << 30)), VmPeak: Known(int64(9 << 30)),
	}
}

// with changes a host and returns it.
func with(f *Facts, change func(*Facts)) *Facts {
	change(f)
	return f
}

// limits changes rows of a TaskManager's /proc/PID/limits.
func limits(tm TaskManager, rows map[string]LimitPair) TaskManager {
	all := map[string]LimitPair{}
	before, _ := tm.Limits.Get()
	for k, v := range before {
		all[k] = v
	}
	for k, v := range rows {
		all[k] = v
	}
	tm.Limits = Known(all)
	return tm
}

// inUnit is the TaskManager as a systemd unit starts it.
func inUnit(tm TaskManager, unit string) TaskManager {
	tm.Launch = Launch{Kind: "systemd", Unit: unit}
	return tm
}

// withFile adds a file to a host.
func withFile(f *Facts, path, content string) *Facts {
	f.Files = append(f.Files, File{Path: path, Kind: FileRegular, Content: content})
	return f
}
