package probes

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// kernelRecords are the records of a memory section that read these logs.
func kernelRecords(t *testing.T, lines ...string) Records {
	t.Helper()
	r, err := parseRecords([]byte("[memory\n" + strings.Join(lines, "\n") + "\n]memory 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var testClock = hostClock{
	boot: 1_795_000_000,
	now:  time.Date(2026, 11, 24, 2, 0, 0, 0, time.FixedZone("", 3600)),
}

func at(s string) int64 {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t.Unix()
}

func TestTheVictimIsReadFromEveryKernelsRecords(t *testing.T) {
	t.Parallel()
	const file = "/var/log/kern.log"
	tests := []struct {
		name  string
		lines []string
		want  OOMKill
	}{
		{"6.1, whole host, through syslog in local time", []string{
			"=memory.kernel_source " + file,
			"=memory.log." + file + " Nov 24 01:52:03 tm002 kernel: perl invoked oom-killer: gfp_mask=0x140cca, order=0",
			"=memory.log." + file + " Nov 24 01:52:04 tm002 kernel: oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),global_oom,task_memcg=/user.slice/user-1002.slice/session-6.scope,task=java,pid=2073,uid=1002",
			"=memory.log." + file + " Nov 24 01:52:04 tm002 kernel: Out of memory: Killed process 2073 (java) total-vm:1402780kB, anon-rss:346480kB, file-rss:4kB, shmem-rss:0kB, UID:1002 pgtables:1044kB oom_score_adj:300",
		}, OOMKill{
			Time: at("2026-11-24T01:52:04+01:00"), PID: 2073, Comm: "java", UID: 1002, Constraint: "CONSTRAINT_NONE",
			TaskMemcg: "/user.slice/user-1002.slice/session-6.scope", AnonRSS: 346480 << 10, Source: file,
			Text: "Out of memory: Killed process 2073 (java) total-vm:1402780kB, anon-rss:346480kB, file-rss:4kB, shmem-rss:0kB, UID:1002 pgtables:1044kB oom_score_adj:300",
		}},
		{"6.1, a unit's limit, through dmesg", []string{
			"=memory.kernel_source dmesg",
			"=memory.dmesg [  792.877275] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/system.slice/x.service,task_memcg=/system.slice/x.service,task=java,pid=687,uid=1002",
			"=memory.dmesg [  792.877403] Memory cgroup out of memory: Killed process 687 (java) total-vm:1946712kB, anon-rss:330996kB, file-rss:29548kB, shmem-rss:0kB, UID:1002",
		}, OOMKill{
			Time: 1_795_000_792, PID: 687, Comm: "java", UID: 1002, Constraint: "CONSTRAINT_MEMCG",
			TaskMemcg: "/system.slice/x.service", OOMMemcg: "/system.slice/x.service", AnonRSS: 330996 << 10, Source: "dmesg",
			Text: "Memory cgroup out of memory: Killed process 687 (java) total-vm:1946712kB, anon-rss:330996kB, file-rss:29548kB, shmem-rss:0kB, UID:1002",
		}},
		{"3.10, through the journal", []string{
			"=memory.kernel_source journalctl -k",
			"=memory.journal 2026-11-24T01:00:00+0100 tm kernel: Out of memory: Kill process 21945 (java) score 956 or sacrifice child",
			"=memory.journal 2026-11-24T01:00:00+0100 tm kernel: Killed process 21945 (java), UID 1000, total-vm:9kB, anon-rss:8kB, file-rss:0kB",
		}, OOMKill{
			Time: at("2026-11-24T01:00:00+01:00"), PID: 21945, Comm: "java", UID: 1000, AnonRSS: 8 << 10, Source: "journalctl -k",
			Text: "Killed process 21945 (java), UID 1000, total-vm:9kB, anon-rss:8kB, file-rss:0kB",
		}},
		{"4.15, a container's limit, RFC 3339 syslog", []string{
			"=memory.kernel_source /var/log/syslog",
			"=memory.log./var/log/syslog 2026-11-24T00:00:01.123456+00:00 tm kernel: [ 9.1] Task in /docker/abc killed as a result of limit of /docker/abc",
			"=memory.log./var/log/syslog 2026-11-24T00:00:01.123456+00:00 tm kernel: [ 9.2] Memory cgroup out of memory: Kill process 12 (java) score 1000 or sacrifice child",
			"=memory.log./var/log/syslog 2026-11-24T00:00:01.123456+00:00 tm kernel: [ 9.3] Killed process 12 (java) total-vm:1kB, anon-rss:1kB, file-rss:0kB",
		}, OOMKill{
			Time: at("2026-11-24T00:00:01Z"), PID: 12, Comm: "java", UID: -1, Constraint: "CONSTRAINT_MEMCG", TaskMemcg: "/docker/abc", OOMMemcg: "/docker/abc",
			AnonRSS: 1 << 10, Source: "/var/log/syslog", Text: "Killed process 12 (java) total-vm:1kB, anon-rss:1kB, file-rss:0kB",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := parseKernel(kernelRecords(t, tt.lines...), testClock)
			if diff := cmp.Diff([]OOMKill{tt.want}, got.OOMKills); diff != "" {
				t.Errorf("victims (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOtherProgramsForgeNoVictim(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"=memory.log./var/log/syslog Nov 24 01:52:04 tm002 myapp[12]: Out of memory: Killed process 2073 (java) total-vm:1kB",
		"=memory.log./var/log/syslog Nov 24 01:52:04 tm002 systemd[1]: Killed process 2073 (java) total-vm:1kB",
		"=memory.log./var/log/syslog Out of memory: Killed process 2073 (java) total-vm:1kB",
		"=memory.dmesg [ 1.0] flink said: Out of memory: Killed process 2073 (java)",
	} {
		if got := parseKernel(kernelRecords(t, "=memory.kernel_source dmesg", line), testClock); len(got.OOMKills) > 0 {
			t.Errorf("%s: a victim: %+v", line, got.OOMKills)
		}
	}
}

func TestKernelEventsNameTheirDevice(t *testing.T) {
	t.Parallel()
	tests := []struct{ line, kind, device string }{
		{"EXT4-fs (loop0): Remounting filesystem read-only", KernelReadOnly, "loop0"},
		{"EXT4-fs error (device loop0): ext4_journal_check_start:83: comm rocksdb:high0: Detected aborted journal", KernelFSError, "loop0"},
		{"EXT4-fs (sda1): mounted filesystem with ordered data mode. Quota mode: none.", KernelMounted, "sda1"},
		{"XFS (nvme0n1p1): Filesystem has been shut down due to log error (0x2).", KernelReadOnly, "nvme0n1p1"},
		{"I/O error, dev sdb, sector 123 op 0x0:(READ)", KernelIOError, "sdb"},
		{"blk_update_request: critical medium error, dev sdb, sector 9", KernelIOError, "sdb"},
		{"Buffer I/O error on dev dm-3, logical block 0, async page read", KernelIOError, "dm-3"},
		{"cgroup: fork rejected by pids controller in /system.slice/flink.service", KernelForkRejected, "/system.slice/flink.service"},
		{"VFS: file-max limit 657 reached", KernelFileMax, ""},
		{"java[4711]: segfault at 0 ip 00007f rsp 00007f error 4 in librocksdbjni-linux64.so[7f+1]", KernelSegfault, ""},
	}
	for _, tt := range tests {
		got := parseKernel(kernelRecords(t, "=memory.kernel_source dmesg", "=memory.dmesg [ 5.000000] "+tt.line), testClock).Events
		want := []KernelEvent{{Time: testClock.boot + 5, Kind: tt.kind, Device: tt.device, Source: "dmesg", Text: tt.line}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.line, diff)
		}
	}
}

func TestNoPermissionIsNotNoKill(t *testing.T) {
	t.Parallel()
	got := parseKernel(kernelRecords(t, "?memory.kernel_source not permitted"), testClock)
	if why := got.Sources.Why(); why != "not permitted" {
		t.Errorf("sources: %q, want it unknown for want of permission", why)
	}
}

func TestSyslogOfDecemberIsLastYears(t *testing.T) {
	t.Parallel()
	c := hostClock{now: time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)}
	if got, want := c.yearless("Dec 31 23:59:59"), at("2026-12-31T23:59:59Z"); got != want {
		t.Errorf("yearless = %d, want %d", got, want)
	}
}

func FuzzKernelLine(f *testing.F) {
	f.Add("[ 1.0] oom-kill:constraint=CONSTRAINT_NONE,task_memcg=/a,task=java,pid=1,uid=2")
	f.Add("Nov 24 01:52:04 tm002 kernel: Killed process 1 (java) total-vm:1kB")
	for _, p := range kernelEvents {
		f.Add(p.text.String())
	}
	f.Fuzz(func(t *testing.T, line string) {
		_, text, _ := testClock.split(line)
		if !strings.HasSuffix(line, text) {
			t.Fatalf("split(%q) made up the text %q", line, text)
		}
		for i, p := range kernelEvents {
			if m := &kernelMatchers[i]; p.text.MatchString(line) && !m.may(m.lexicon.in(line)) {
				t.Fatalf("%q is %s, and has none of its words", line, p.text)
			}
		}
		var b kernelReader
		b.add(1, text, "dmesg")
		if len(b.kills)+len(b.events) > 1 {
			t.Fatalf("%q is %d kills and %d events", line, len(b.kills), len(b.events))
		}
	})
}
