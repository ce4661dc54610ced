package probes

import "testing"

func TestThreadsAreJudged(t *testing.T) {
	t.Parallel()
	nproc := func(pid int, soft Limit) TaskManager {
		return limits(aTaskManager(pid), map[string]LimitPair{"nproc": {soft, soft}})
	}
	group := func(f *Facts, pid int, g ...PidsGroup) *Facts {
		f.Threads.Groups[pid] = Known(g)
		return f
	}
	rootTM := nproc(4711, 310)
	rootTM.UID, rootTM.User = Known(int64(0)), Known("root")
	slice := PidsGroup{Path: "/sys/fs/cgroup/system.slice/flink.service/pids.max", Current: 54, Max: 56}
	runJudgeCases(t, &Threads, []judgeCase{
		{"a healthy host is ok", aHost(aTaskManager(4711)), nil, judged{Check: "ok 300/96000, want below 80 %"}},
		{"79 % is not near", aHost(nproc(4711, 376)), nil, judged{Check: "ok 300/376, want below 80 %"}},
		{"80 % of nproc is near", aHost(nproc(4711, 375)), nil, judged{
			Check:    "warn 300/375, want below 80 %",
			Findings: []string{"warn threads/near running pid 4711: 300 of 375 threads (80 %), want below 80 % (/proc/*/status of uid 1000)"},
		}},
		{"95 % of nproc is exhausted", aHost(nproc(4711, 310)), nil, judged{
			Check:    "fail 300/310, want below 80 %",
			Findings: []string{"fail threads/exhausted running pid 4711: 300 of 310 threads (96 %), want below 80 % (/proc/*/status of uid 1000)"},
		}},
		{"root is not held to nproc", with(aHost(rootTM), func(f *Facts) { f.Threads.Users[0] = Known(int64(300)) }), nil, judged{
			Check: "ok 900/120000, want below 80 %",
		}},
		{"two TaskManagers of a user with one limit are one finding", aHost(nproc(4711, 310), nproc(4712, 310)), nil, judged{
			Check:    "fail 300/310, want below 80 %",
			Findings: []string{"fail threads/exhausted running pid 4711: 300 of 310 threads (96 %), want below 80 % (/proc/*/status of uid 1000)"},
		}},
		{"two TaskManagers with their own limits are judged each", aHost(aTaskManager(4711), nproc(4712, 310)), nil, judged{
			Check:    "fail 300/310, want below 80 %",
			Findings: []string{"fail threads/exhausted running pid 4712: 300 of 310 threads (96 %), want below 80 % (/proc/*/status of uid 1000)"},
		}},
		{"TasksMax of the unit is exhausted", group(aHost(inUnit(aTaskManager(4711), "flink.service")), 4711, slice), nil, judged{
			Check:    "fail 54/56, want below 80 %",
			Findings: []string{"fail threads/exhausted running pid 4711: 54 of 56 threads (96 %), want below 80 % (/sys/fs/cgroup/system.slice/flink.service/pids.current)"},
		}},
		{"the host has no thread left", with(aHost(), func(f *Facts) { f.Threads.PidMax = Known(int64(1000)) }), nil, judged{
			Check:    "warn 900/1000, want below 80 %",
			Findings: []string{"warn threads/near live kernel.pid_max: 900 of 1000 threads (90 %), want below 80 % (/proc/loadavg)"},
		}},
		{"threads that are not seen leave the verdict", with(aHost(nproc(4711, 310)), func(f *Facts) {
			f.Threads.Users[1000] = Unknown[int64]("not all processes of the user can be seen")
		}), nil, judged{
			Check: "ok 900/120000, want below 80 %", NotSeen: []string{"users.1000: not all processes of the user can be seen"},
		}},
		{"limits that cannot be read are unknown", with(aHost(aTaskManager(4711)), func(f *Facts) {
			f.Flink.TaskManagers[0].Limits = Unknown[map[string]LimitPair]("permission denied")
		}), nil, judged{Check: "unknown 900/120000, want below 80 %", Reason: "limits of pid 4711: permission denied"}},
		{"an unknown total is unknown", with(aHost(), func(f *Facts) { f.Threads.Total = Unknown[int64]("/proc/loadavg cannot be read") }), nil, judged{
			Check: "unknown ?, want below 80 %", Reason: "total: /proc/loadavg cannot be read",
		}},
	})
}

func TestTooFewThreadsOfAUserAreUnknown(t *testing.T) {
	t.Parallel()
	f := aHost(aTaskManager(4711))
	parseThreads(records(t, "[threads\n=threads.user.1000 12\n=threads.4711.pids 5 max /sys\n]threads 1\n"), f)
	if got, want := f.Threads.Users[1000], Unknown[int64]("not all processes of the user can be seen"); got != want {
		t.Errorf("12 threads of a user whose TaskManager has 70 = %v, want %v", got, want)
	}
	if got := f.Threads.Groups[4711].Why(); got != `not a number: "5 max /sys"` {
		t.Errorf("a group without a number: %q", got)
	}
}
