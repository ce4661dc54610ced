package probes

import (
	"slices"
	"strings"
	"testing"
)

func topicNames(topics []Topic) (names []string) {
	for _, t := range topics {
		names = append(names, t.Name)
	}
	return names
}

// Each word of the runbook leads to its cause first; a setting to its probe,
// whose numbers it shows, and then to the cause.
func TestTheRunbooksWordsLeadToTheirCause(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"vm.max_map_count": "maps max_map_count", "sysctl vm.max_map_count": "", "sysctl -w": causeMaps, "sysctl -p": causeMaps, "65530": causeMaps, "262144": causeMaps,
		"ulimit -n": causeOpenFiles, "65536": causeOpenFiles, "limits.conf": causeOpenFiles, "LimitNOFILE": causeOpenFiles,
		"ulimit -m": causeAddressSpace, "ulimit -v": causeAddressSpace, "vmem": causeAddressSpace, "virtual memory": causeAddressSpace,
		"OOM": causeMemory, "oom killer": causeMemory, "top": causeMemory, "free": causeMemory, "syslog": causeMemory, "/var/log/messages": "", "exit code 137": causeMemory,
		"IO error while opening RocksDB": causeCorrupted, "checksum mismatch": causeCorrupted, "Corruption error": causeCorrupted, "delete state": causeCorrupted, "corrupted state": causeCorrupted,
		"ls -ld": causePermissions, "chown": causePermissions, "df -i": causeInodes, "inodes": causeInodes, "df -h": causeDiskFull,
		"JobManager": "jobmanager", "the next error": causeJobManager, "ulimit -u": causeThreads, "TasksMax": causeThreads, "noexec": causeNoExec,
		"OutOfMemoryError": causeHeap, "UnsatisfiedLinkError": causeLibrary,
	} {
		got := topicNames(Explain(query, nil))
		if want == "" { // it is found, whatever comes first
			want = strings.Join(got[:min(1, len(got))], " ")
			if want == "" {
				t.Errorf("Explain(%q) finds nothing", query)
			}
		}
		if n := len(strings.Fields(want)); len(got) < n || !slices.Equal(got[:n], strings.Fields(want)) {
			t.Errorf("Explain(%q) = %v, want %s first", query, got, want)
		}
	}
}

// Each text that the judge knows, as the last line of a stack that a user
// pastes, leads to its causes.
func TestLinesOfALogLeadToTheirCauses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line string
		want []string
	}{
		{"Caused by: org.rocksdb.RocksDBException: While open a file for appending: /data/x: Too many open files", []string{causeOpenFiles}},
		{"2026-11-24 11:41:02,300 WARN  o.a.f.r.taskmanager.Task [] - w (1/1) switched from RUNNING to FAILED with failure cause: java.nio.file.FileSystemException: /tmp/x: Too many open files in system", []string{causeOpenFiles}},
		{"java.io.IOException: Error while opening RocksDB instance.\nCaused by: org.rocksdb.RocksDBException: While appending to file: /data/a.sst: No space left on device\n\tat org.rocksdb.RocksDB.open(Native Method)", []string{causeDiskFull, causeInodes}},
		{"org.rocksdb.RocksDBException: While open a file for appending: /q: Disk quota exceeded", []string{causeDiskFull}},
		{"org.rocksdb.RocksDBException: while open a file for lock: /data/db/LOCK: Permission denied", []string{causePermissions}},
		{"java.nio.file.AccessDeniedException: /data/x", []string{causePermissions}},
		{"No local storage directories available. Local DB files directory '/data' does not exist and cannot be created.", []string{causePermissions, causeReadOnly, causeInodes, causeDiskFull}},
		{"java.io.IOException: Failed to create directory for shared state: file:/ckp/x/shared", []string{causePermissions}},
		{"While renaming a file to /d/LOG.old.1: /d/LOG: Read-only file system", []string{causeReadOnly}},
		{"java.lang.UnsatisfiedLinkError: /tmp/librocksdbjni-linux64.so: /tmp/librocksdbjni-linux64.so: failed to map segment from shared object: Operation not permitted", []string{causeNoExec}},
		{"java.lang.UnsatisfiedLinkError: /tmp/l.so: libstdc++.so.6: cannot open shared object file: No such file or directory", []string{causeLibrary}},
		{"java.lang.UnsatisfiedLinkError: /tmp/l.so: version `GLIBC_2.32' not found", []string{causeLibrary}},
		{"block checksum mismatch: stored = 1, computed = 2, type = 4  in /data/db/1.sst offset 0 size 9", []string{causeCorrupted}},
		{"java.io.IOException: Unexpected magic number. This can have multiple reasons", []string{causeCorrupted}},
		{"org.rocksdb.RocksDBException: While pread offset 0 len 4096: /data/1.sst: Input/output error", []string{causeCorrupted, "disk/io-errors"}},
		{"While lock file: /data/db/LOCK: Resource temporarily unavailable", []string{causeLock}},
		{"java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory or process/resource limits reached", []string{causeThreads, causeMaps, causeAddressSpace}},
		{"  what():  Resource temporarily unavailable", []string{causeThreads, causeMaps}},
		{"OpenJDK 64-Bit Server VM warning: INFO: os::commit_memory(0x0000, 65536, 0) failed; error='Not enough space' (errno=12)", []string{causeMemory, causeMaps, causeAddressSpace}},
		{"while mmap file for read: /data/db/1.sst: Cannot allocate memory", []string{causeMaps}},
		{"java.lang.OutOfMemoryError: Java heap space", []string{causeHeap}},
		{"java.lang.OutOfMemoryError: Metaspace", []string{causeMetaspace}},
		{"Caused by: java.lang.OutOfMemoryError: Cannot reserve 65536 bytes of direct buffer memory (allocated: 1, limit: 2)", []string{causeDirect}},
		{"Caused by: java.io.FileNotFoundException: /ckp/5f/chk-7/ab (No such file or directory)", []string{causeMissingFile}},
		{"While open a file for random read: /data/job_aa_op_b_uuid_c/db/1.ldb: No such file or directory", []string{causeMissingDirectory}},
		{"org.apache.flink.runtime.taskexecutor.exceptions.RegistrationTimeoutException: Could not register at the ResourceManager within the specified maximum registration duration PT5M.", []string{causeJobManager}},
		{"Could not resolve ResourceManager address pekko.tcp://flink@jm1:6123/user/rpc/resourcemanager_*, retrying in 10000 ms", []string{causeJobManager}},
		{"while link file to /d/chk-1.tmp/1.sst: /d/db/1.sst: Not supported", []string{"disk/network-file-system"}},
		{"[  792.877275] Out of memory: Killed process 4711 (java) total-vm:9kB, anon-rss:9kB", []string{causeMemory}},
		{"Nov 24 01:50:00 tm17 kernel: EXT4-fs (sdb1): Remounting filesystem read-only", []string{causeReadOnly}},
		{"[ 1.0] cgroup: fork rejected by pids controller in /system.slice/flink.service", []string{causeThreads}},
		{"[ 1.0] blk_update_request: I/O error, dev sdb, sector 77", []string{"disk/io-errors", causeCorrupted}},
		{"java.io.IOException: Error while opening RocksDB instance.", []string{"logs"}},
		{"org.apache.flink.util.FlinkException: Could not restore keyed state backend for Op_(2/4) from any of the 1 provided restore options.", []string{"logs"}},
		{"com.example.Broken: hello", nil},
	} {
		found := Explain(c.line, nil)
		got := topicNames(found)
		if len(found) > 0 && found[0].Kind == "probe" && c.want[0] != "logs" {
			t.Errorf("Explain(%q): the first is the probe %s, want a cause", c.line, found[0].Name)
		}
		if len(got) < len(c.want) || !slices.Equal(got[:len(c.want)], c.want) || c.want == nil && got != nil {
			t.Errorf("Explain(%q) = %v, want %v first", c.line, got, c.want)
		}
	}
}

func TestEveryTextHasATopic(t *testing.T) {
	t.Parallel()
	topics := Topics(nil)
	for _, text := range Texts {
		names := textTopics[text.ID]
		if len(names) == 0 || len(namedTopics(topics, names)) != len(names) {
			t.Errorf("topics of the text %s = %v, want some that are there", text.ID, names)
		}
	}
	for kind, names := range kernelTopics {
		if len(namedTopics(topics, names)) != len(names) {
			t.Errorf("topics of the kernel's %s = %v, want some that are there", kind, names)
		}
	}
}

func TestEveryCauseSaysWhatProvesIt(t *testing.T) {
	t.Parallel()
	if len(causeOrder) != len(CauseDocs) {
		t.Errorf("%d causes are ordered, %d documented", len(causeOrder), len(CauseDocs))
	}
	for _, d := range CauseDocs {
		for field, text := range map[string]string{"Proves": d.Proves, "Neighbours": d.Neighbours, "Restart": d.Restart, "Probe": d.Probe} {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s has no %s", d.Name, field)
			}
		}
		if restart := strings.Contains(d.Restart, "A restart is needed"); restart != (d.Starts != "") && d.Name != causeThreads {
			t.Errorf("%s: Restart is %q, and Starts %q", d.Name, d.Restart, d.Starts)
		}
		for _, word := range d.Words {
			found := Explain(word, nil) // JobManager is the name of a probe
			if ByName(strings.ToLower(word)) == nil && !slices.ContainsFunc(found, func(x Topic) bool { return x.Name == d.Name }) {
				t.Errorf("Explain(%q) does not find %s", word, d.Name)
			}
		}
	}
}
