package probes

import (
	"strings"
	"testing"
)

// firstCause is the first cause of a host, as "NAME CONFIDENCE".
func firstCause(f *Facts) (string, Cause) {
	causes := Diagnose(f, nil)
	if len(causes) == 0 {
		return "none", Cause{}
	}
	return causes[0].Cause + " " + string(causes[0].Confidence), causes[0]
}

// A host on which a TaskManager's log stopped: registered, no signal, no
// exception.
func stoppedHost(change func(*Facts)) *Facts {
	f := aHost()
	f.Memory.Now, f.Memory.Offset = Known(int64(1_800_000_100)), Known(int64(0))
	f.Logs.Runs = []LogRun{{File: "/opt/flink/log/tm.log.1", Kind: LogTaskManager, Started: 1_799_990_000, Registered: 1_799_990_010, Last: 1_800_000_000}}
	return with(f, change)
}

func TestCountersTellOfKillsWhereTheKernelLogMayNotBeRead(t *testing.T) {
	t.Parallel()
	unit := func(result string) func(*Facts) {
		return func(f *Facts) {
			u, _ := aUnit(1024, 524288).Get()
			u.Result, u.ExitStatus, u.MemoryMax = result, "9", Known(Limit(512<<20))
			f.NoFile.Units["flink-taskmanager.service"] = Known(u)
		}
	}
	pod := func(kills int64, limit Limit, change func(*Facts)) func(*Facts) {
		return func(f *Facts) {
			tm := launched()["kubernetes"].tm
			tm.LogFile = "/opt/flink/log/tm.log"
			f.Flink.TaskManagers = []TaskManager{tm}
			f.Logs.Runs = append(f.Logs.Runs, LogRun{File: tm.LogFile, Kind: LogTaskManager, Started: 1_800_000_020, Registered: 1_800_000_030, Last: 1_800_000_090})
			f.Memory.Cgroups = map[int]Value[CgroupMemory]{4711: Known(CgroupMemory{Path: "/kubepods/pod1/c2", Levels: []CgroupLevel{
				{Path: "/kubepods/pod1/c2", Max: limit}, {Path: "/kubepods/pod1", Max: limit, OOMKill: kills}}})}
			if change != nil {
				change(f)
			}
		}
	}
	for _, c := range []struct {
		name   string
		host   *Facts
		want   string
		remedy string
	}{
		{"systemd says that its unit was killed", stoppedHost(unit("oom-kill")), "out_of_memory proven", "systemctl restart flink-taskmanager.service"},
		{"its unit ended otherwise", stoppedHost(unit("signal")), "none", ""},
		{"a pod counts kills, and the log before stops", stoppedHost(pod(1, 1<<30, nil)), "out_of_memory likely", "raise resources.limits.memory of the pod"},
		{"a pod counts none", stoppedHost(pod(0, 1<<30, nil)), "none", ""},
		{"a group without a limit counts what others did", stoppedHost(pod(3, Unlimited, nil)), "none", ""},
		{"the kernel log was read and names nobody", stoppedHost(pod(1, 1<<30, func(f *Facts) { f.Memory.Kernel.Sources = Known([]string{"dmesg"}) })), "none", ""},
		{"it was told to stop", stoppedHost(pod(1, 1<<30, func(f *Facts) { f.Logs.Runs[0].Stopped = 1_800_000_000 })), "none", ""},
		{"it runs its job again", stoppedHost(pod(1, 1<<30, func(f *Facts) { f.Logs.Runs[1].Running = 1_800_000_040 })), "out_of_memory history", ""},
	} {
		got, cause := firstCause(c.host)
		if got != c.want || !strings.Contains(cause.Remedy, c.remedy) {
			t.Errorf("%s: cause = %s (%s), want %s with the remedy %q", c.name, got, cause.Remedy, c.want, c.remedy)
		}
	}
}

// What another network than the host's reaches is not known from the host.
func TestAConnectionFromTheHostSaysNothingOfAContainer(t *testing.T) {
	t.Parallel()
	const line = "Could not resolve ResourceManager address pekko.tcp://flink@jobmanager:6123/user/rpc/resourcemanager_*, retrying in 10000 ms"
	target := func(f *Facts) {
		f.JobManager.Searched = Known(true)
		f.JobManager.Targets = []JobManagerTarget{{PIDs: []int{4711}, Host: "jobmanager", Port: 6123, Addresses: Known([]string{}), Connect: Known(Connection{Result: Unresolvable})}}
	}
	for kind, want := range map[string]string{"login": "jobmanager_unreachable proven", "docker": "jobmanager_unreachable likely", "kubernetes": "jobmanager_unreachable likely"} {
		if got, cause := firstCause(failedWith(launched()[kind].tm, "", line, target)); got != want {
			t.Errorf("%s: cause = %s (%s), want %s", kind, got, cause.Message, want)
		}
	}
	registered := failedWith(launched()["docker"].tm, "", line, target)
	registered.Logs.Entries, registered.Logs.Runs[0].Registered = nil, 1_800_000_000
	unknown := failedWith(launched()["docker"].tm, "", line, target)
	unknown.Logs.Entries = nil
	for _, c := range []struct {
		name string
		host *Facts
		want string
	}{{"registered", registered, "ok"}, {"not seen to be registered", unknown, "unknown"}} {
		check, findings := judgeAlone(&JobManager, c.host)
		if string(check.Status) != c.want || len(findings) > 0 {
			t.Errorf("%s: jobmanager is %s (%s) with findings %v, want %s without one", c.name, check.Status, check.Reason, findings, c.want)
		}
	}
}

func TestPressureStandsBesideATimeout(t *testing.T) {
	t.Parallel()
	_, cause := firstCause(failedWith(launched()["unit"].tm, "", "The heartbeat of ResourceManager with id 7 timed out.", func(f *Facts) {
		f.JobManager.Targets = []JobManagerTarget{{PIDs: []int{4711}, Host: "jm1", Port: 6123, Addresses: Known([]string{"10.0.0.1"}), Connect: Known(Connection{Result: Connected})}}
		f.Memory.IOPressure = Known(Pressure{Full: [3]float64{60, 50, 41.7}})
	}))
	if !strings.Contains(cause.Message, "the host stands still") || len(cause.Evidence) < 2 || cause.Evidence[1] != (Evidence{Source: "/proc/pressure/io", Text: "full avg300=42"}) {
		t.Errorf("cause = %+v, want the pressure as evidence", cause)
	}
}
