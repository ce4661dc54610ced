//go:build unix

package probes_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes"
)

// unrelated are facts that have nothing to do with why a TaskManager of the
// host fails. Each is added to a host at a moment that the last argument
// gives.
var unrelated = []struct {
	name string
	add  func(f *probes.Facts, r *rand.Rand, at int64)
}{
	{"another TaskManager that is well", addHealthyTaskManager},
	{"a logger of the job says what RocksDB would", func(f *probes.Facts, r *rand.Rand, at int64) {
		addEntry(f, r, at, probes.LogTaskManager, "com.example.orders.Sink", "retrying", "org.rocksdb.RocksDBException", lookalike(r), "com.example.orders.Sink.write")
	}},
	{"a connector says so", func(f *probes.Facts, r *rand.Rand, at int64) {
		addEntry(f, r, at, probes.LogTaskManager, "org.apache.kafka.clients.NetworkClient", "node 3 is gone", "java.io.IOException", lookalike(r), "sun.nio.ch.FileDispatcherImpl.read0")
	}},
	{"a JobManager tells of a TaskManager elsewhere", func(f *probes.Facts, r *rand.Rand, at int64) {
		addEntry(f, r, at, probes.LogJobManager, "org.apache.flink.runtime.executiongraph.ExecutionGraph",
			"Sink (1/4) switched from RUNNING to FAILED on tm99:41233-0a1b2c @ tm99 (dataPort=37655).", "java.io.IOException", "No space left on device", "java.io.FileOutputStream.writeBytes")
	}},
	{"a JobManager tells of damaged local files elsewhere", func(f *probes.Facts, r *rand.Rand, at int64) {
		addEntry(f, r, at, probes.LogJobManager, "org.apache.flink.runtime.executiongraph.ExecutionGraph",
			"Sink (1/4) switched from RUNNING to FAILED on tm99:41233-0a1b2c @ tm99 (dataPort=37655).", "org.rocksdb.RocksDBException",
			"block checksum mismatch: stored = 1, computed = 2  in /data/flink/state/job_0f_op_uuid/db/000017.sst offset 1 size 2", "org.rocksdb.RocksDB.get")
	}},
	{"a JobManager tells of local files that are gone elsewhere", func(f *probes.Facts, r *rand.Rand, at int64) {
		addEntry(f, r, at, probes.LogJobManager, "org.apache.flink.runtime.executiongraph.ExecutionGraph",
			"Sink (1/4) switched from RUNNING to FAILED on tm99:41233-0a1b2c @ tm99 (dataPort=37655).", "org.rocksdb.RocksDBException",
			"While open a file for random read: /data/flink/state/job_0f_op_uuid/db/000017.ldb: No such file or directory", "org.rocksdb.RocksDB.get")
	}},
	{"the metrics system does not reach a peer", func(f *probes.Facts, r *rand.Rand, at int64) {
		addEntry(f, r, at, probes.LogTaskManager, "org.apache.pekko.remote.transport.netty.NettyTransport",
			"Remote connection to [null] failed with java.net.ConnectException: Connection refused: tm98/10.0.0.98:33071", "", "", "")
	}},
	{"a task was cancelled", func(f *probes.Facts, r *rand.Rand, at int64) {
		addEntry(f, r, at, probes.LogTaskManager, "org.apache.flink.runtime.taskmanager.Task", "Source: a (1/1) switched from RUNNING to FAILED with failure cause:",
			"org.apache.flink.runtime.execution.CancelTaskException", "Task was cancelled", "org.apache.flink.runtime.taskmanager.Task.run")
	}},
	{"another program was killed for memory", func(f *probes.Facts, r *rand.Rand, at int64) {
		f.Memory.Kernel.OOMKills = append(f.Memory.Kernel.OOMKills, probes.OOMKill{Time: at, PID: 900000 + r.IntN(1000), Comm: "python3", UID: 33, Constraint: "CONSTRAINT_MEMCG",
			OOMMemcg: "/system.slice/export.service", TaskMemcg: "/system.slice/export.service", Source: "dmesg", Text: "Memory cgroup out of memory: Killed process 900001 (python3)"})
	}},
	{"a disk that nothing of Flink lies on fails", func(f *probes.Facts, r *rand.Rand, at int64) {
		for _, kind := range []string{probes.KernelIOError, probes.KernelFSError, probes.KernelReadOnly} {
			f.Memory.Kernel.Events = append(f.Memory.Kernel.Events, probes.KernelEvent{Time: at, Kind: kind, Device: "sdz9", Source: "dmesg", Text: "EXT4-fs error (device sdz9)"})
		}
	}},
	{"another unit may not fork", func(f *probes.Facts, r *rand.Rand, at int64) {
		f.Memory.Kernel.Events = append(f.Memory.Kernel.Events, probes.KernelEvent{Time: at, Kind: probes.KernelForkRejected, Device: "/system.slice/cron.service", Source: "dmesg",
			Text: "cgroup: fork rejected by pids controller in /system.slice/cron.service"})
	}},
	{"a full read-only disk that Flink does not use", func(f *probes.Facts, r *rand.Rand, at int64) {
		f.Disk.Dirs = append(f.Disk.Dirs, probes.DirFacts{Path: "/mnt/backup", Real: "/mnt/backup", Roles: []string{"checked"}, Kind: probes.Known("directory"),
			Mount: probes.Known(probes.Mount{Point: "/mnt/backup", Type: "ext4", Source: "/dev/sdy1", Options: []string{"ro", "noexec"}, SuperOptions: []string{"ro"}}),
			Space: probes.Known(probes.Space{Total: 1 << 30, Files: 1000}), Writable: map[int]probes.Value[bool]{1: probes.Known(false)}})
	}},
	{"a crash of another JVM", func(f *probes.Facts, r *rand.Rand, at int64) {
		f.Logs.Crashes = append(f.Logs.Crashes, probes.HsErr{Path: "/tmp/hs_err_pid800001.log", PID: 800001, Time: at, Command: "kafka.Kafka", Error: "Native memory allocation (mmap) failed to map 65536 bytes",
			Maps: 65530, MaxMapCount: probes.Known[int64](65530), Limits: map[string]probes.Limit{"AS": 1 << 30}})
	}},
	{"a TaskManager of last month, long replaced", addOldRun},
	{"a file of somebody else", func(f *probes.Facts, r *rand.Rand, at int64) {
		f.Files = append(f.Files, probes.File{Path: fmt.Sprintf("/etc/security/limits.d/zz%d.conf", r.IntN(9)), Content: "www-data hard nofile 64\nwww-data hard as 100000\n"})
	}},
	{"the order of directories", func(f *probes.Facts, r *rand.Rand, at int64) {
		r.Shuffle(len(f.Disk.Dirs), func(i, j int) { f.Disk.Dirs[i], f.Disk.Dirs[j] = f.Disk.Dirs[j], f.Disk.Dirs[i] })
	}},
}

func lookalike(r *rand.Rand) string {
	texts := []string{
		"While open a file for appending: /data/flink/state/x.sst: Too many open files", "block checksum mismatch: stored = 1, computed = 2  in /data/x.sst",
		"No space left on device", "Permission denied", "while mmap file for read: /data/x.sst: Cannot allocate memory", "unable to create native thread",
	}
	return texts[r.IntN(len(texts))]
}

func addEntry(f *probes.Facts, r *rand.Rand, at int64, kind, logger, head, class, message, frame string) {
	e := probes.LogEntry{File: "/opt/flink/log/other.log", Kind: kind, Line: 1 + r.IntN(1000), Run: -1, Count: 1 + r.IntN(3), First: at, Last: at, Logger: logger, Head: head}
	for i, run := range f.Logs.Runs {
		if run.Kind == kind {
			e.File, e.Run = run.File, i
		}
	}
	if class != "" {
		e.Chain = []probes.LogCause{{Class: class, Message: message, Frame: frame}}
	}
	f.Logs.Entries = append(f.Logs.Entries, e)
	slices.SortStableFunc(f.Logs.Entries, func(a, b probes.LogEntry) int { return int(a.Last - b.Last) })
}

func addHealthyTaskManager(f *probes.Facts, r *rand.Rand, at int64) {
	if len(f.Flink.TaskManagers) == 0 {
		return // a TaskManager that runs is no unrelated fact where none does
	}
	tm := f.Flink.TaskManagers[0]
	tm.PID = 700000 + r.IntN(1000)
	tm.LogFile = fmt.Sprintf("/opt/flink/log/flink-flink-taskexecutor-%d-other.log", 50+r.IntN(9))
	big := probes.LimitPair{Soft: 1 << 20, Hard: 1 << 20}
	free := probes.LimitPair{Soft: probes.Unlimited, Hard: probes.Unlimited}
	tm.Limits = probes.Known(map[string]probes.LimitPair{"nofile": big, "as": free, "nproc": free})
	started := tm.Started.Or(0)
	f.Flink.TaskManagers = append(f.Flink.TaskManagers, tm)
	f.Logs.Runs = append(f.Logs.Runs, probes.LogRun{File: tm.LogFile, Kind: probes.LogTaskManager, Started: started, Last: started + 60, MaxFiles: 1 << 20, Registered: started + 10})
}

func addOldRun(f *probes.Facts, r *rand.Rand, at int64) {
	const month = 30 * 86400
	file := fmt.Sprintf("/opt/flink/log/flink-flink-taskexecutor-%d-old.log", 70+r.IntN(9))
	n := len(f.Logs.Runs)
	f.Logs.Runs = append(f.Logs.Runs,
		probes.LogRun{File: file + ".2", Kind: probes.LogTaskManager, Started: at - month, Last: at - month + 100, MaxFiles: 100, Registered: at - month + 10, Running: at - month + 20, Failed: at - month + 90},
		probes.LogRun{File: file + ".1", Kind: probes.LogTaskManager, Started: at - month + 200, Last: at - month + 900, MaxFiles: 65536, Registered: at - month + 210, Running: at - month + 220})
	f.Logs.Entries = append([]probes.LogEntry{{File: file + ".2", Kind: probes.LogTaskManager, Run: n, Count: 3, First: at - month + 90, Last: at - month + 90,
		Logger: "org.apache.flink.runtime.taskmanager.Task", Head: "a (1/1) switched from RUNNING to FAILED with failure cause:",
		Chain: []probes.LogCause{{Class: "org.rocksdb.RocksDBException", Message: lookalike(r), Frame: "org.rocksdb.RocksDB.put"}}}}, f.Logs.Entries...)
}

// recorded are the facts of the module's recorded hosts, read when they are
// asked for the first time.
type recorded struct {
	sync.Mutex
	list  []string
	facts map[int][]byte
}

var recordedHosts = recorded{facts: map[int][]byte{}}

// names are the files case.json.
func (h *recorded) names(t testing.TB) []string {
	h.Lock()
	defer h.Unlock()
	if h.list == nil {
		h.list, _ = filepath.Glob(filepath.Join("testdata", "corpus", "*", "case.json"))
		if len(h.list) == 0 {
			t.Fatal("no recorded host")
		}
	}
	return h.list
}

func (h *recorded) get(t testing.TB, n int) (name string, facts *probes.Facts) {
	n %= len(h.names(t))
	h.Lock()
	defer h.Unlock()
	dir := filepath.Dir(h.list[n])
	if h.facts[n] == nil {
		root := t.TempDir()
		layOut(t, filepath.Join(dir, "tree"), root, readCorpusCase(t, dir))
		b, err := json.Marshal(collect(t, corpusShell(t), probes.HostSettings{Root: root}))
		if err != nil {
			t.Fatal(err)
		}
		h.facts[n] = b
	}
	facts, err := probes.UnmarshalFacts(h.facts[n])
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Base(dir), facts
}

// holding are the causes of a host that hold now, the first first, without
// what may rightly be told in another way.
func holding(f *probes.Facts) (list []string) {
	for _, c := range probes.Diagnose(f, &probes.Policy{}) {
		if c.Confidence != probes.History {
			list = append(list, c.Cause+" "+string(c.Confidence))
		}
	}
	return list
}

func TestUnrelatedFactsChangeNoCause(t *testing.T) {
	t.Parallel()
	for n := range len(recordedHosts.names(t)) {
		for i, u := range unrelated {
			name, f := recordedHosts.get(t, n)
			before := holding(f)
			u.add(f, rand.New(rand.NewPCG(uint64(n), uint64(i))), f.Memory.Now.Or(1764100000)-600)
			if after := holding(f); !slices.Equal(before, after) {
				t.Errorf("%s and %s: causes %q, want %q", name, u.name, after, before)
			}
		}
	}
}

// FuzzUnrelatedFacts adds any number of unrelated facts to a recorded host: the
// first cause stays, and none appears where there was none.
func FuzzUnrelatedFacts(f *testing.F) {
	f.Add(uint8(0), uint64(1), []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13})
	f.Add(uint8(14), uint64(7), []byte{1, 1, 6, 9})
	f.Add(uint8('L'), uint64(117), []byte{0, 1, 2, 3, 4, 5, 6, 7, 11, 11}) // once the newer of two was taken for history
	f.Fuzz(func(t *testing.T, host uint8, seed uint64, adds []byte) {
		name, facts := recordedHosts.get(t, int(host))
		before := holding(facts)
		r := rand.New(rand.NewPCG(seed, 0))
		now := facts.Memory.Now.Or(1764100000)
		for _, b := range adds[:min(len(adds), 40)] {
			unrelated[int(b)%len(unrelated)].add(facts, r, now-int64(r.IntN(7200)))
		}
		if after := holding(facts); first(before) != first(after) || len(before) == 0 && len(after) > 0 {
			t.Errorf("%s: causes %q, want %q first", name, after, before)
		}
	})
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
