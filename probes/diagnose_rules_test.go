package probes_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes"
)

const (
	ruleNow    = 1795521600
	ruleLog    = "/opt/flink/log/flink-flink-taskexecutor-0-tm17.log"
	failedHead = "window (2/4)#0 (91c0a) switched from RUNNING to FAILED with failure cause:"
	chained    = "org.apache.flink.streaming.runtime.tasks.ExceptionInChainedOperatorException"
	rocksError = "org.rocksdb.RocksDBException"
)

// ruleHost is a host with one TaskManager that runs and whose task failed ten
// minutes ago of a chain of exceptions.
func ruleHost(chain ...probes.LogCause) *probes.Facts {
	f := &probes.Facts{}
	free := probes.LimitPair{Soft: probes.Unlimited, Hard: probes.Unlimited}
	f.Flink.Searched, f.Logs.Read, f.Logs.Zone = probes.Known(true), probes.Known(true), probes.Known(true)
	f.Memory.Now = probes.Known[int64](ruleNow)
	f.Flink.TaskManagers = []probes.TaskManager{{
		PID: 4711, UID: probes.Known[int64](1002), User: probes.Known("flink"), LogFile: ruleLog, Started: probes.Known[int64](ruleNow - 7200),
		Limits: probes.Known(map[string]probes.LimitPair{"nofile": {Soft: 4096, Hard: 4096}, "as": free, "nproc": free}),
	}}
	f.Logs.Runs = []probes.LogRun{{File: ruleLog, Kind: probes.LogTaskManager, Started: ruleNow - 7200, Last: ruleNow - 600, MaxFiles: 4096,
		Registered: ruleNow - 7100, Running: ruleNow - 7000, Failed: ruleNow - 600}}
	f.Logs.Entries = []probes.LogEntry{{File: ruleLog, Kind: probes.LogTaskManager, Line: 40, Count: 1, First: ruleNow - 600, Last: ruleNow - 600,
		Logger: "org.apache.flink.runtime.taskmanager.Task", Head: failedHead, Chain: chain}}
	return f
}

func cause(class, message, frame string) probes.LogCause {
	return probes.LogCause{Class: class, Message: message, Frame: frame}
}

// dead makes the TaskManager one that is gone.
func dead(f *probes.Facts) *probes.Facts {
	f.Flink.TaskManagers = nil
	return f
}

// on puts the directory of RocksDB on a disk.
func on(f *probes.Facts, m probes.Mount, s probes.Space) *probes.Facts {
	f.Disk.Dirs = []probes.DirFacts{{Path: "/data/rocks", Real: "/data/rocks", Roles: []string{probes.RoleLocalDir}, Kind: probes.Known("directory"),
		Mode: probes.Known("drwxr-xr-x"), UID: probes.Known[int64](1002), Mount: probes.Known(m), Space: probes.Known(s),
		Writable: map[int]probes.Value[bool]{4711: probes.Known(true)}}}
	return f
}

var (
	anyMount = probes.Mount{Point: "/data", Type: "ext4", Source: "/dev/sdb1", Device: "8:17", Options: []string{"rw"}}
	vast     = probes.Space{Total: 10 << 40, Free: 9 << 40, Avail: 9 << 40, Files: 1 << 20, FilesFree: 1 << 19}
	localSST = "/data/rocks/job_5f0d1c2b3a49586776859403a2b1c0df_op_Keyed_90bea66de1c231edf33913ecd54406c1__2_4__uuid_0b2f6c1e-8a51-4d0e-9f27-1d1b6a0c77e1/db/000071.sst"
)

// TestRules are single rules of the judgement, each against what it could be
// taken for.
func TestRules(t *testing.T) {
	t.Parallel()
	rows := map[string]struct {
		facts *probes.Facts
		want  []string // causes that hold now, with their confidence
		says  string   // in message or remedy of the first
		never string   // in none of them
	}{
		"a file of the job's own below a chained operator": {
			facts: ruleHost(cause(chained, "Could not forward element to next operator", "org.apache.flink.streaming.runtime.tasks.CopyingChainingOutput.pushToOperator"),
				cause("java.io.FileNotFoundException", "/etc/shadow (Permission denied)", "java.io.FileInputStream.open0")),
			want: []string{"user_code likely"}, never: "chown",
		},
		"a stale handle of the job's own file": {
			facts: ruleHost(cause("java.nio.file.FileSystemException", "/nfs/lookup/a.bin: Stale file handle", "sun.nio.fs.UnixException.translateToIOException")),
			want:  []string{"user_code likely"},
		},
		"locks that a file system has not": {
			facts: ruleHost(cause("java.io.IOException", "No locks available", "sun.nio.ch.FileDispatcherImpl.lock0")),
		},
		"a library of the job's own": {
			facts: ruleHost(cause("java.lang.UnsatisfiedLinkError", "/home/u/libfoo.so: libfoo_dep.so.1: cannot open shared object file: No such file or directory", "java.lang.ClassLoader.load0")),
			never: "librocksdbjni",
		},
		"a quota of which no fact tells": {
			facts: on(ruleHost(cause(rocksError, "While appending to file: "+localSST+": Disk quota exceeded", "org.rocksdb.RocksDB.put")), anyMount,
				probes.Space{Total: 10 << 40, Free: 300 << 30, Avail: 300 << 30, Files: 1 << 20, FilesFree: 1 << 19}),
			want: []string{"disk_full likely"}, says: "quota",
		},
		"a disk of which little is left in percent, and much in bytes": {
			facts: on(ruleHost(cause(rocksError, "While appending to file: "+localSST+": No space left on device", "org.rocksdb.RocksDB.put")), anyMount,
				probes.Space{Total: 10 << 40, Free: 400 << 30, Avail: 400 << 30, Files: 1 << 20, FilesFree: 1 << 19}),
			want: []string{"disk_full likely"},
		},
		"damage, and an error of the disk long ago": {
			facts: withEvent(on(ruleHost(cause(rocksError, "block checksum mismatch: stored = 1, computed = 2  in "+localSST, "org.rocksdb.RocksDB.get")), anyMount, vast),
				probes.KernelEvent{Time: ruleNow - 400*86400, Kind: probes.KernelIOError, Device: "sdb", Text: "I/O error, dev sdb, sector 917"}),
			want: []string{"corrupted_state likely"},
		},
		"damage, and an error of the disk just before": {
			facts: withEvent(on(ruleHost(cause(rocksError, "block checksum mismatch: stored = 1, computed = 2  in "+localSST, "org.rocksdb.RocksDB.get")), anyMount, vast),
				probes.KernelEvent{Time: ruleNow - 700, Kind: probes.KernelIOError, Device: "sdb", Text: "I/O error, dev sdb, sector 917"}),
			want: []string{"corrupted_state proven"}, says: "sdb",
		},
		"a stack in somebody's message": {
			facts: ruleHost(cause("com.acme.MyException", "bad", ""), cause(rocksError, "While open a file for appending: "+localSST+": Too many open files", "org.rocksdb.RocksDB.open")),
			want:  []string{"open_files likely"},
		},
		"the same as Java prints it": {
			facts: ruleHost(cause("java.io.IOException", "Error while opening RocksDB instance.", "org.apache.flink.contrib.streaming.state.RocksDBOperationUtils.openDB"),
				cause(rocksError, "While open a file for appending: "+localSST+": Too many open files", "org.rocksdb.RocksDB.open")),
			want: []string{"open_files proven"},
		},
		"a thread refused by the unit, and a vast address space": {
			facts: withEvent(crashed(dead(ruleHost()), 200<<30), probes.KernelEvent{Time: ruleNow - 600, Kind: probes.KernelForkRejected, Device: "/system.slice/flink-taskmanager.service",
				Text: "cgroup: fork rejected by pids controller in /system.slice/flink-taskmanager.service"}),
			want: []string{"threads proven"},
		},
		"a small address space": {
			facts: crashed(dead(ruleHost()), 3<<30),
			want:  []string{"address_space proven"},
		},
		"a TaskManager with another log was started since": {
			facts: beside(dead(ruleHost(cause(rocksError, "While open a file for appending: "+localSST+": Too many open files", "org.rocksdb.RocksDB.open"))), "/srv/tm2/log/taskmanager.log"),
			want:  []string{"open_files proven"},
		},
		"the next one in the same directory was started since": {
			facts: beside(dead(ruleHost(cause(rocksError, "While open a file for appending: "+localSST+": Too many open files", "org.rocksdb.RocksDB.open"))), "/opt/flink/log/flink-flink-taskexecutor-1-tm17.log"),
		},
	}
	for name, c := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := holding(c.facts); !slices.Equal(got, c.want) {
				t.Errorf("causes %q, want %q", got, c.want)
			}
			text := ""
			for _, cause := range probes.Diagnose(c.facts, &probes.Policy{}) {
				text += cause.Message + "\n" + cause.Remedy + "\n"
			}
			if !strings.Contains(text, c.says) || c.never != "" && strings.Contains(text, c.never) {
				t.Errorf("%q: want %q in it, and never %q", text, c.says, c.never)
			}
		})
	}
}

func withEvent(f *probes.Facts, k probes.KernelEvent) *probes.Facts {
	f.Memory.Kernel.Sources = probes.Known([]string{"dmesg"})
	k.Source = "dmesg"
	f.Memory.Kernel.Events = append(f.Memory.Kernel.Events, k)
	return f
}

// crashed adds an hs_err file of a thread that was refused under a limit of the
// address space.
func crashed(f *probes.Facts, as probes.Limit) *probes.Facts {
	f.Logs.Entries[0].Head, f.Logs.Entries[0].Chain = "Fatal error occurred", []probes.LogCause{cause("java.lang.OutOfMemoryError", "unable to create native thread: possibly out of memory or process/resource limits reached", "java.lang.Thread.start0")}
	f.Logs.Crashes = []probes.HsErr{{Path: "/home/flink/hs_err_pid4711.log", PID: 4711, Time: ruleNow - 600, LogFile: ruleLog, Command: "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
		Error: "Native memory allocation (malloc) failed to allocate 24 bytes", Maps: 900, Limits: map[string]probes.Limit{"AS": as}, MaxMapCount: probes.Known[int64](65530)}}
	return f
}

// beside adds a TaskManager that was started five minutes ago and works.
func beside(f *probes.Facts, log string) *probes.Facts {
	f.Logs.Runs = append(f.Logs.Runs, probes.LogRun{File: log, Kind: probes.LogTaskManager, Started: ruleNow - 300, Last: ruleNow - 200, MaxFiles: 65536, Registered: ruleNow - 290, Running: ruleNow - 280})
	return f
}

// A failure of which nothing makes a cause is told as it stands.
func TestWhatNoRuleTakesIsTold(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]*probes.Facts{
		"a file that is gone": ruleHost(cause(chained, "Could not forward element to next operator", "org.apache.flink.streaming.runtime.tasks.CopyingChainingOutput.pushToOperator"),
			cause("java.io.IOException", "hdfs://nn/x: File does not exist", "org.apache.hadoop.hdfs.DFSClient.open")),
		"locks that a file system has not": ruleHost(cause("java.io.IOException", "No locks available", "sun.nio.ch.FileDispatcherImpl.lock0")),
		"no hard links":                    ruleHost(cause(rocksError, "while link file to /x/chk-1.tmp/000022.sst: /x/db/000022.sst: Operation not permitted", "org.rocksdb.Checkpoint.createCheckpoint")),
	} {
		a := probes.Evaluate(f, &probes.Policy{})
		told := slices.ContainsFunc(a.Findings, func(x probes.Finding) bool { return x.Code == "logs/unknown-signature" })
		if !told && len(a.Causes) == 0 {
			t.Errorf("%s: neither a cause nor a finding", name)
		}
	}
}

// fsck of some file systems does nothing and says that all is well.
func TestFileSystemsAreCheckedByTheirOwnTools(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{"ext4": "umount /data && fsck /dev/sdb1", "xfs": "umount /data && xfs_repair /dev/sdb1", "btrfs": "umount /data && btrfs check --readonly /dev/sdb1"} {
		m := anyMount
		m.Type = kind
		f := withEvent(on(ruleHost(cause(rocksError, "While open a file for appending: "+localSST+": Read-only file system", "org.rocksdb.RocksDB.put")), m, vast),
			probes.KernelEvent{Time: ruleNow - 700, Kind: probes.KernelReadOnly, Device: "sdb1", Text: "Remounting filesystem read-only"})
		causes := probes.Diagnose(f, &probes.Policy{})
		if len(causes) != 1 || causes[0].Cause != "read_only" || !strings.Contains(causes[0].Remedy, want) {
			t.Errorf("%s: %+v, want %q in the remedy", kind, causes, want)
		}
	}
}
