package probes

import (
	"slices"
	"strings"
	"testing"
)

// launched are TaskManagers by what started them, and how each is restarted.
func launched() map[string]struct {
	tm    TaskManager
	again string
} {
	of := func(l Launch) TaskManager {
		tm := aTaskManager(4711)
		tm.Launch, tm.Home, tm.ConfigDir, tm.LogFile = l, "/opt/flink", "/opt/flink/conf", "/opt/flink/log/flink-flink-taskexecutor-0-tm.log"
		return tm
	}
	id := strings.Repeat("0123456789abcdef", 4)
	pod := of(Launch{Kind: LaunchContainer, Owner: "the Kubernetes node's container runtime", Evidence: "cgroup 0::/kubepods.slice/pod1/" + id})
	pod.ResourceID = "job-taskmanager-1-1"
	yarn := of(Launch{Kind: LaunchYARN, Owner: "YARN's NodeManager", Unit: "nodemanager.service"})
	yarn.LogFile = "/var/log/yarn/application_1700000000000_0042/container_1/taskmanager.log"
	return map[string]struct {
		tm    TaskManager
		again string
	}{
		"unit":       {of(Launch{Kind: LaunchSystemd, Unit: "flink-taskmanager.service"}), "systemctl restart flink-taskmanager.service"},
		"user unit":  {of(Launch{Kind: LaunchUserUnit, Unit: "flink.service"}), "as flink: systemctl --user"},
		"login":      {of(Launch{Kind: LaunchLogin, Unit: "session-3.scope"}), "from a new session of flink: /opt/flink/bin/taskmanager.sh stop && /opt/flink/bin/taskmanager.sh start"},
		"yarn":       {yarn, "kill 4711 (Flink asks YARN for a new container)"},
		"docker":     {of(Launch{Kind: LaunchContainer, Owner: "docker", Evidence: "cgroup 0::/system.slice/docker-" + id + ".scope"}), "docker restart 0123456789ab"},
		"kubernetes": {pod, "kubectl delete pod job-taskmanager-1-1 (a new one takes its place)"},
		"unknown":    {of(Launch{Kind: LaunchUnknown, Unit: "supervisor.service"}), "restart it through what started it (supervisor.service)"},
	}
}

const aDB = "/data/state/job_5f0d1c2b3a49586776859403a2b1c0df_op_K_1_1__uuid_0b2f6c1e-8a51-4d0e-9f27-1d1b6a0c77e1/db/"

// What it takes for the remedy of a cause to reach a TaskManager that runs.
const (
	needsRestart = "restart"      // it is to be started again
	needsNone    = "none"         // what runs finds the change
	needsLimit   = "limit"        // the next start has it; the process can be changed at once
	needsConfig  = "configured"   // a setting of Flink
	needsMount   = "mount"        // none on the host; a container keeps its mounts
	needsMaybe   = "none, or one" // none, and one for a setting of its own
)

// causeNeeds is each cause that a log entry brings about.
var causeNeeds = []struct {
	cause, class, message string
	change                func(*Facts)
	needs                 string
}{
	{cause: causeOpenFiles, class: "org.rocksdb.RocksDBException", message: "While open a file for appending: " + aDB + "1.sst: Too many open files", needs: needsLimit},
	{cause: causeOpenFiles, class: "java.io.IOException", message: "/x: Too many open files in system", needs: needsNone},
	{cause: causeMaps, class: "org.rocksdb.RocksDBException", message: "while mmap file for read: " + aDB + "1.sst: Cannot allocate memory", change: func(f *Facts) { f.Maps.Counts[4711] = Known(int64(262144)) }, needs: needsNone},
	{cause: causeAddressSpace, class: "java.lang.OutOfMemoryError", message: "unable to create native thread: possibly out of memory", change: func(f *Facts) {
		f.Flink.TaskManagers[0] = limits(f.Flink.TaskManagers[0], map[string]LimitPair{"as": {10 << 30, 10 << 30}})
	}, needs: needsLimit},
	{cause: causeThreads, class: "java.lang.OutOfMemoryError", message: "unable to create native thread: possibly out of memory", change: func(f *Facts) {
		f.Flink.TaskManagers[0] = limits(f.Flink.TaskManagers[0], map[string]LimitPair{"nproc": {300, 300}})
	}, needs: needsLimit},
	{cause: causeMemory, class: "java.lang.OutOfMemoryError", message: "unable to create native thread: possibly out of memory", change: func(f *Facts) {
		f.Memory.Overcommit, f.Memory.CommitLimit, f.Memory.Committed = Known(int64(2)), Known(int64(100)), Known(int64(95))
	}, needs: needsNone},
	{cause: causeCorrupted, class: "org.rocksdb.RocksDBException", message: "block checksum mismatch: stored = 1, computed = 2 in " + aDB + "1.sst offset 0 size 9", needs: needsNone},
	{cause: causePermissions, class: "org.rocksdb.RocksDBException", message: "While open a file for appending: " + aDB + "1.sst: Permission denied", needs: needsNone},
	{cause: causeInodes, class: "org.rocksdb.RocksDBException", message: "While open a file for appending: " + aDB + "1.sst: No space left on device", change: func(f *Facts) {
		f.Disk.Dirs[0].Space = Known(Space{Total: 1 << 40, Free: 1 << 39, Avail: 1 << 39, Files: 1000})
	}, needs: needsNone},
	{cause: causeDiskFull, class: "org.rocksdb.RocksDBException", message: "While appending to file: " + aDB + "1.sst: No space left on device", needs: needsNone},
	{cause: causeReadOnly, class: "org.rocksdb.RocksDBException", message: "While open a file for appending: " + aDB + "1.sst: Read-only file system", needs: needsMount},
	{cause: causeNoExec, class: "java.lang.UnsatisfiedLinkError", message: "/data/state/librocksdbjni-linux64.so: /data/state/librocksdbjni-linux64.so: failed to map segment from shared object", change: func(f *Facts) {
		f.Disk.Dirs[0].Mount = Known(Mount{Point: "/data", Source: "/dev/sdb1", Type: "ext4", Options: []string{"rw", "noexec"}})
	}, needs: needsMount},
	{cause: causeHeap, class: "java.lang.OutOfMemoryError", message: "Java heap space", needs: needsConfig},
	{cause: causeDirect, class: "java.lang.OutOfMemoryError", message: "Direct buffer memory", needs: needsConfig},
	{cause: causeMetaspace, class: "java.lang.OutOfMemoryError", message: "Metaspace", needs: needsConfig},
	{cause: causeLock, class: "org.rocksdb.RocksDBException", message: "While lock file: " + aDB + "LOCK: Resource temporarily unavailable", needs: needsNone},
	{cause: causeLibrary, class: "java.lang.UnsatisfiedLinkError", message: "/data/state/librocksdbjni-linux64.so: libstdc++.so.6: cannot open shared object file: No such file or directory", needs: needsRestart},
	{cause: causeMissingDirectory, class: "org.rocksdb.RocksDBException", message: "While open a file for random read: " + aDB + "1.ldb: No such file or directory", needs: needsNone},
	{cause: causeMissingFile, class: "java.io.FileNotFoundException", message: "/ckp/5f0d1c2b3a49586776859403a2b1c0df/chk-7/ab (No such file or directory)", needs: needsNone},
	{cause: causeUserCode, class: "com.example.Broken", message: "no", needs: needsNone},
	{cause: causeJobManager, class: "", message: "Could not resolve ResourceManager address pekko.tcp://flink@jm1:6123/user/rpc/resourcemanager_*, retrying in 10000 ms", needs: needsMaybe},
}

// failedWith is a host whose TaskManager logged a failure.
func failedWith(tm TaskManager, class, message string, change func(*Facts)) *Facts {
	f := aHost(tm)
	f.Flink.Homes = []string{"/opt/flink"}
	f.Memory.Now, f.Memory.Offset = Known(int64(1_800_000_100)), Known(int64(0))
	m := Known(Mount{Point: "/data", Source: "/dev/sdb1", Type: "ext4", Options: []string{"rw"}})
	f.Disk.Dirs = []DirFacts{{Path: "/data/state", Real: "/data/state", Roles: []string{RoleLocalDir}, Mount: m, Kind: Known("directory"), Space: Known(Space{Total: 1 << 40})}}
	f.Logs.Runs = []LogRun{{File: tm.LogFile, Kind: LogTaskManager, Started: 1_700_000_000, Last: 1_800_000_000}}
	e := LogEntry{File: tm.LogFile, Kind: LogTaskManager, Line: 7, Count: 1, First: 1_800_000_000, Last: 1_800_000_000, Head: "t (1/1) switched from RUNNING to FAILED"}
	if class != "" {
		e.Chain = []LogCause{{Class: class, Message: message}}
	} else {
		e.Head = message
	}
	f.Logs.Entries = []LogEntry{e}
	if change != nil {
		change(f)
	}
	return f
}

// Each cause, for each way in which a TaskManager is started: its remedy says
// whether that one has to be started again, and how.
func TestRemediesSayHowToRestartAndWhenNotTo(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range causeNeeds {
		seen[c.cause] = true
		for kind, by := range launched() {
			t.Run(c.cause+"/"+kind, func(t *testing.T) {
				t.Parallel()
				causes := Diagnose(failedWith(by.tm, c.class, c.message, c.change), nil)
				if len(causes) == 0 || causes[0].Cause != c.cause {
					t.Fatalf("causes = %v, want %s first", causes, c.cause)
				}
				got := causes[0].Remedy
				for _, want := range wanted(c.needs, kind, by.again) {
					if !strings.Contains(got, want) {
						t.Errorf("remedy = %q, want %q in it", got, want)
					}
				}
				if c.needs == needsNone && strings.Contains(got, by.again) {
					t.Errorf("remedy = %q, want no restart", got)
				}
				if strings.Contains(got, "limits.conf:") && kind != "login" && kind != "unknown" {
					t.Errorf("remedy = %q, and limits.conf does not reach it", got)
				}
			})
		}
	}
	for _, d := range CauseDocs {
		if !seen[d.Name] {
			t.Errorf("no row for %s", d.Name)
		}
	}
}

func wanted(needs, kind, again string) []string {
	made := "make the container anew"
	switch {
	case needs == needsNone:
		return []string{"no restart"}
	case needs == needsConfig && kind == "yarn":
		return []string{"submit it again", "application_1700000000000_0042"}
	case needs == needsMaybe:
		return []string{"no restart is needed", again}
	case needs == needsMount && kind == "docker":
		return []string{"make it anew"}
	case needs == needsMount && kind != "kubernetes":
		return []string{noRestart, "mount -o remount,"}
	case needs == needsLimit && kind == "docker":
		return []string{made, "without a restart: prlimit --pid 4711 --"}
	case needs == needsLimit && kind == "kubernetes":
		return []string{"without a restart: prlimit --pid 4711 --"}
	case needs == needsLimit:
		return []string{again, "without a restart: prlimit --pid 4711 --"}
	}
	return []string{again}
}

func TestAStarterOfNoneIsTheHosts(t *testing.T) {
	t.Parallel()
	unit := with(aHost(), func(f *Facts) { f.NoFile.Units["flink-taskmanager.service"] = aUnit(1024, 524288) })
	two := with(aHost(), func(f *Facts) { f.Flink.Homes = []string{"/opt/flink-1.20", "/opt/flink 2"} })
	for _, c := range []struct {
		name string
		host *Facts
		log  string
		want string
	}{
		{"a unit stands ready", unit, "", "systemctl restart flink-taskmanager.service"},
		{"a user with one installation", with(aHost(), func(f *Facts) { f.Flink.Homes = []string{"/opt/flink"} }), "", "start the TaskManager from a new session of flink: /opt/flink/bin/taskmanager.sh start"},
		{"the installation whose log it was", two, "/opt/flink 2/log/flink-flink-taskexecutor-0-tm.log", "start the TaskManager from a new session of flink: '/opt/flink 2/bin/taskmanager.sh' start"},
		{"several, and no log", two, "", "start the TaskManager from a new session"},
		{"a log of YARN", aHost(), "/log/application_1_2/container_3/taskmanager.log", "nothing to start by hand: Flink asks YARN for a new container (yarn application -status application_1_2)"},
	} {
		if got := starterOfNone(Input{Facts: c.host, next: newResolver(c.host, nil)}, c.log).again(); got != c.want {
			t.Errorf("%s: again = %q, want %q", c.name, got, c.want)
		}
	}
}

func TestOneOfTwoIsStoppedByItsPid(t *testing.T) {
	t.Parallel()
	tm := launched()["login"].tm
	other := tm
	other.PID = 4712
	tm.ConfigDir = "/etc/flink"
	got := starterOf(Input{Facts: aHost(tm, other)}, tm).again()
	want := "restart the TaskManager from a new session of flink: kill 4711 && FLINK_CONF_DIR=/etc/flink /opt/flink/bin/taskmanager.sh start"
	if got != want {
		t.Errorf("again = %q, want %q", got, want)
	}
}

// What a unit mounts for itself is changed in the unit.
func TestAMountOfTheUnitsOwnIsChangedThere(t *testing.T) {
	t.Parallel()
	f := failedWith(launched()["unit"].tm, "org.rocksdb.RocksDBException", "While open a file for appending: "+aDB+"1.sst: Read-only file system", func(f *Facts) {
		f.Disk.Dirs[0].Private = true
		f.Disk.Dirs[0].Mount = Known(Mount{Point: "/data", Source: "/dev/sdb1", Type: "ext4", Options: []string{"ro"}})
	})
	causes := Diagnose(f, nil)
	for _, want := range []string{"ReadWritePaths=/data", "systemctl daemon-reload && systemctl restart flink-taskmanager.service"} {
		if !slices.ContainsFunc(causes, func(c Cause) bool { return strings.Contains(c.Remedy, want) }) {
			t.Errorf("causes = %v, want %q in the remedy", causes, want)
		}
	}
}
