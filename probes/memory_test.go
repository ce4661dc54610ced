package probes

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSizesAreReadAsFlinkDoes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want int64
		ok   bool
	}{
		{"285212676b", 285212676, true},
		{"536870902", 536870902, true},
		{"1728m", 1728 << 20, true},
		{"4 GB", 4 << 30, true},
		{" 2tebibytes ", 2 << 40, true},
		{"1.5g", 0, false},
		{"m", 0, false},
		{"", 0, false},
		{"9223372036854775807k", 0, false},
		{"-1m", 0, false},
	}
	for _, tt := range tests {
		if got, ok := memorySize(tt.text); got != tt.want || ok != tt.ok {
			t.Errorf("memorySize(%q) = %d, %v, want %d, %v", tt.text, got, ok, tt.want, tt.ok)
		}
	}
}

func TestTheSizeOfATaskManagerIsItsArguments(t *testing.T) {
	t.Parallel()
	config := []FlinkConfig{{Path: "/opt/flink/conf/config.yaml", Settings: map[string]ConfigSetting{"taskmanager.memory.process.size": {Value: "9g", Line: 3}}}}
	tests := []struct {
		name   string
		tm     TaskManager
		want   int64
		source string
	}{
		// The parts of a real one with taskmanager.memory.process.size: 1000m.
		{"arguments of Flink 1.10 and later", TaskManager{
			ConfigDir:  "/opt/flink/conf",
			JVMOptions: []string{"-Xmx226492412", "-XX:MaxDirectMemorySize=201326592", "-XX:MaxMetaspaceSize=134217728"},
			Dynamic:    map[string]string{"taskmanager.memory.managed.size": "285212676b", "taskmanager.memory.jvm-overhead.max": "201326592b"},
		}, 1000 << 20, "arguments of the process"},
		{"no managed memory in argv", TaskManager{ConfigDir: "/opt/flink/conf", JVMOptions: []string{"-Xmx1g"}}, 9 << 30, "/opt/flink/conf/config.yaml:3"},
		{"another configuration", TaskManager{ConfigDir: "/x", JVMOptions: []string{"-Xmx512m", "-Xmx1g"}}, 1 << 30, "-Xmx, MaxDirectMemorySize and MaxMetaspaceSize of the process"},
	}
	for _, tt := range tests {
		f := &Facts{Flink: FlinkFacts{Configs: config}}
		if got, source, _ := f.configuredSize(tt.tm); got != tt.want || source != tt.source {
			t.Errorf("%s: %d from %q, want %d from %q", tt.name, got, source, tt.want, tt.source)
		}
	}
}

func TestTheBindingLimitMayBeAParents(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		lines []string
		path  string
		limit Limit
	}{
		{"version 2", []string{
			"sys/fs/cgroup/a.slice/b.service/memory.max:max", "sys/fs/cgroup/a.slice/b.service/memory.events:oom_kill 3",
			"sys/fs/cgroup/a.slice/memory.max:1000",
		}, "/a.slice", 1000},
		{"version 1", []string{
			"sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes:500", "sys/fs/cgroup/memory/docker/abc/memory.oom_control:oom_kill 3",
			"sys/fs/cgroup/memory/docker/memory.limit_in_bytes:9223372036854771712", "sys/fs/cgroup/memory/memory.limit_in_bytes:9223372036854771712",
		}, "/docker/abc", 500},
	}
	for _, tt := range tests {
		var lines []string
		for _, l := range tt.lines {
			lines = append(lines, "=memory.7.cgroup "+l)
		}
		c, ok := parseCgroup(kernelRecords(t, lines...), 7).Get()
		if !ok || c.Binding() == nil {
			t.Fatalf("%s: no binding limit: %+v", tt.name, c)
		}
		if b := c.Binding(); b.Path != tt.path || b.Max != tt.limit || c.Levels[0].OOMKill != 3 {
			t.Errorf("%s: limit %v of %s, %d kills, want %v of %s and 3 kills", tt.name, b.Max, b.Path, c.Levels[0].OOMKill, tt.limit, tt.path)
		}
	}
}

func TestWhoseProcessTheVictimWas(t *testing.T) {
	t.Parallel()
	f := &Facts{
		Flink: FlinkFacts{
			TaskManagers: []TaskManager{{PID: 9, UID: Known(int64(1002))}},
			PidFiles: []PidFile{
				{Path: "/tmp/flink-flink-taskexecutor.pid", PIDs: []int{1187, 9}},
				{Path: "/tmp/flink-flink-standalonesession.pid", PIDs: []int{600}},
			},
		},
		Memory: MemoryFacts{Cgroups: map[int]Value[CgroupMemory]{9: Known(CgroupMemory{Path: "/docker/abc", Levels: []CgroupLevel{{}}})}},
	}
	tests := []struct {
		name string
		kill OOMKill
		want VictimKind
	}{
		{"its pid file lists it", OOMKill{PID: 1187, Comm: "java", UID: -1}, VictimTaskManager},
		{"a pid file of a JobManager", OOMKill{PID: 600, Comm: "java", UID: -1}, VictimJava},
		{"the cgroup of a running one", OOMKill{PID: 5, Comm: "java", UID: 0, TaskMemcg: "/docker/abc"}, VictimTaskManager},
		{"a helper in its cgroup", OOMKill{PID: 5, Comm: "sh", UID: 0, TaskMemcg: "/docker/abc"}, VictimOther},
		{"a unit named after it", OOMKill{PID: 5, Comm: "java", UID: 0, TaskMemcg: "/system.slice/flink-taskmanager@2.service"}, VictimTaskManager},
		{"java of its user", OOMKill{PID: 5, Comm: "java", UID: 1002, TaskMemcg: "/user.slice/user-1002.slice/session-6.scope"}, VictimLikely},
		{"java of another user", OOMKill{PID: 5, Comm: "java", UID: 33}, VictimJava},
		{"something of its user", OOMKill{PID: 5, Comm: "perl", UID: 1002}, VictimOther},
		{"the pid of one that lives", OOMKill{PID: 9, Comm: "perl", UID: 0}, VictimOther},
	}
	for _, tt := range tests {
		if got, why := f.Victim(tt.kill); got != tt.want {
			t.Errorf("%s: %s (%s), want %s", tt.name, got, why, tt.want)
		}
	}
}

func TestNothingProposesToRemoveDurableState(t *testing.T) {
	t.Parallel()
	verbs := []string{"rm ", "delete", "remove", "may go", "clean"}
	durable := []string{"checkpoint", "savepoint", "chk-", "durable"}
	check := func(where, text string) {
		for sentence := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return r == '.' || r == ';' || r == '\n' }) {
			for _, v := range verbs {
				for _, d := range durable {
					if strings.Contains(sentence, v) && strings.Contains(sentence, d) && !strings.Contains(sentence, "never") && !strings.Contains(sentence, "neither") {
						t.Errorf("%s speaks of %q and %q in one sentence: %s", where, v, d, sentence)
					}
				}
			}
		}
	}
	for _, p := range []*Probe{&State, &Disk} {
		check(p.Name+" doc", p.Doc)
		for _, c := range p.Codes {
			check(c.Slug+" fix", c.Fix)
		}
	}
	f := &Facts{
		Flink: FlinkFacts{Searched: Known(true)},
		State: StateFacts{
			Listed:  Known(true),
			Durable: []DurableDir{{Role: RoleCheckpoint, Setting: "execution.checkpointing.dir", Value: "file:///data/cp", Path: "/data/cp"}},
			Scratch: []ScratchDir{
				{Path: "/data/cp/job_1_op_1_uuid_1", Kind: "rocksdb", Size: Known(int64(9 << 30)), Modified: Known(int64(1))},
				{Path: "/data/state/job_2_op_2_uuid_2", Kind: "rocksdb", Size: Known(int64(5 << 30)), Modified: Known(int64(1))},
			},
		},
		Disk: DiskFacts{Listed: Known(true), Dirs: []DirFacts{{Path: "/data/cp/local", Real: "/data/cp/local", Roles: []string{RoleLocalDir}}}},
	}
	_, findings := judgeAlone(&State, f)
	if len(findings) != 2 {
		t.Fatalf("%d findings, want abandoned-directories and local-dir-inside-checkpoint-dir: %+v", len(findings), findings)
	}
	for _, x := range findings {
		check(x.Code, x.Remedy)
		if strings.Contains(x.Remedy, "/data/cp") {
			t.Errorf("%s: the remedy names a path within the checkpoints: %s", x.Code, x.Remedy)
		}
	}
}

func TestAbandonedIsOnlyWhatNobodyUses(t *testing.T) {
	t.Parallel()
	const started = 1_000_000
	dir := func(name string, modified Value[int64]) ScratchDir {
		return ScratchDir{Path: "/s/" + name, Modified: modified, Size: Known(int64(1))}
	}
	old, young := Known(int64(started-3600)), Known(int64(started+60))
	f := &Facts{
		Flink: FlinkFacts{Searched: Known(true), TaskManagers: []TaskManager{{
			PID: 7, Started: Known(int64(started)), ResourceID: "tm1", RocksDBLibrary: Known("/s/rocksdb-lib-a/librocksdbjni-linux64.so"),
		}}},
		State: StateFacts{
			Scratch: []ScratchDir{
				dir("job_old", old), dir("job_young", young), dir("job_when", Unknown[int64]("no clock")), dir("job_open", old),
				dir("tm_tm1", old), dir("tm_other", old), dir("tm_other/tmp", old), dir("rocksdb-lib-a", old),
			},
			Open: map[int]Value[[]OpenDir]{7: Known([]OpenDir{{Path: "/s/job_open", Files: 3, SST: 1}})},
		},
	}
	paths := func() (got []string) {
		for _, d := range f.abandoned() {
			got = append(got, d.Path)
		}
		return got
	}
	if diff := cmp.Diff([]string{"/s/job_old", "/s/tm_other"}, paths()); diff != "" {
		t.Errorf("with a TaskManager (-want +got):\n%s", diff)
	}
	f.Flink.Searched = Unknown[bool]("hidepid")
	if got := paths(); got != nil {
		t.Errorf("with a process table that was not seen: %v, want none", got)
	}
}
