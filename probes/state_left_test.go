package probes

import (
	"strings"
	"testing"
)

func TestWhatIsLeftBehindIsNamedAndHowThatIsKnown(t *testing.T) {
	t.Parallel()
	dir := func(p string, size int64) ScratchDir {
		return ScratchDir{Path: p, Kind: "rocksdb", Modified: Known(int64(1_600_000_000)), Size: Known(size)}
	}
	host := func(tms ...TaskManager) *Facts {
		f := aHost(tms...)
		f.State.Scratch = []ScratchDir{dir("/data/job_a", 1<<30), dir("/data/job b", 3<<30), dir("/ckp/job_c", 9<<30), {Path: "/data/tm_d", Modified: Known(int64(1)), Size: Unknown[int64]("du")}, dir("/other/job_e", 5<<30)}
		f.State.Durable = []DurableDir{{Role: RoleCheckpoint, Path: "/ckp"}}
		f.State.Open = map[int]Value[[]OpenDir]{}
		return f
	}
	tm := aTaskManager(4711)
	tm.Started = Known(int64(1_700_000_000))
	const names = "left behind by TaskManagers that are gone: '/data/job b' (3.0 GiB), /data/job_a (1.0 GiB), /data/tm_d (size not known); "
	for _, c := range []struct {
		name, dir string
		host      *Facts
		want      string
	}{
		{"nothing runs", "/data", host(), names + "no TaskManager runs (fuser -v"},
		{"none has a file open", "/data", with(host(tm), func(f *Facts) { f.State.Open[4711] = Known([]OpenDir{}) }), names + "they are older than every TaskManager that runs, and none has a file open there"},
		{"open files may not be read", "/data", with(host(tm), func(f *Facts) { f.State.Open[4711] = Unknown[[]OpenDir]("no") }), names + "they are older than every TaskManager that runs, but the open files of pid 4711 may not be read: look with fuser -v first"},
		{"durable state is never named", "/ckp", host(), ""},
		{"it is not known whether one runs", "/data", with(host(), func(f *Facts) { f.Flink.Searched = Unknown[bool]("hidepid") }), ""},
	} {
		got := Input{Facts: c.host}.leftBehind(c.dir)
		if !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: leftBehind = %q, want %q", c.name, got, c.want)
		}
	}
}

func TestADiskIsNamedByItsErrors(t *testing.T) {
	t.Parallel()
	m := Mount{Point: "/data", Source: "/dev/sdb1", Type: "ext4"}
	f := aHost()
	f.Memory.Kernel.Events = []KernelEvent{
		{Time: 100, Kind: KernelIOError, Device: "sdb", Source: "dmesg", Text: "one"}, {Time: 150, Kind: KernelIOError, Device: "sda", Source: "dmesg", Text: "of another disk"},
		{Time: 200, Kind: KernelFSError, Device: "sdb1", Source: "dmesg", Text: "two"}, {Time: 300, Kind: KernelIOError, Device: "sdb", Source: "dmesg", Text: "three"}, {Time: 400, Kind: KernelMounted, Device: "sdb1"},
	}
	f.Disk.Dirs = []DirFacts{{Path: "/data/state", Mount: Known(m)}, {Path: "/tmp", Mount: Known(Mount{Point: "/", Source: "/dev/sda1"})}}
	e, ok := f.diskErrors(m)
	if !ok || e.count != 3 || e.first != 100 || e.last != 300 || len(e.evidence) != 2 || e.evidence[0].Text != "one" || e.evidence[1].Text != "three" || strings.Join(e.dirs, " ") != "/data/state" {
		t.Errorf("errors = %+v, want three of /data/state, the first and the last", e)
	}
	if e, ok := f.diskErrors(Mount{Point: "/x", Source: "/dev/sdc1"}); ok {
		t.Errorf("errors of a sound disk = %+v, want none", e)
	}
	for source, want := range map[string]string{
		"/dev/sdb1": "smartctl -a /dev/sdb", "/dev/nvme0n1p2": "smartctl -a /dev/nvme0n1", "/dev/vda": "smartctl -a /dev/vda",
		"/dev/mapper/vg-data": "lsblk -s /dev/mapper/vg-data names the disks below it, smartctl -a DISK each", "/dev/loop0": "smartctl, the storage behind it", "nfs1:/x": "smartctl, the storage behind it",
	} {
		if got := smartHint(Mount{Source: source}); got != want {
			t.Errorf("smartHint(%s) = %q, want %q", source, got, want)
		}
	}
}

// A damaged checkpoint: what is kept is named, else where to look, by the
// names of the release.
func TestTheWayBackIsNamed(t *testing.T) {
	t.Parallel()
	const job = "5f0d1c2b3a49586776859403a2b1c0df"
	kept := func(p string, at int64) KeptState { return KeptState{Path: p, Modified: Known(at)} }
	host := func(version, value string, kept ...KeptState) *Facts {
		f := aHost()
		f.Flink.Homes, f.Flink.Versions = []string{"/opt/flink"}, map[string]string{"/opt/flink": version}
		f.State.Durable = []DurableDir{{Role: RoleCheckpoint, Setting: "state.checkpoints.dir", Value: value, Path: localPath(value)}}
		f.State.Kept = kept
		return f
	}
	own := []KeptState{kept("/ckp/"+job+"/chk-9", 1_700_000_600), kept("/ckp/"+job+"/chk-8", 1_700_000_000)}
	for _, c := range []struct {
		name    string
		host    *Facts
		want    []string
		without string
	}{
		{"the one before the newest", host("1.17.2", "file:///ckp", own...), []string{"/opt/flink/bin/flink run -s file:///ckp/" + job + "/chk-8 ...", "execution.savepoint.path", "chk-9 of 2023-11-14 22:23", "state.checkpoints.num-retained: 3", "copy the directory before you cancel"}, "PATH"},
		{"only one", host("2.2.1", "file:///ckp", own[:1]...), []string{"run -s file:///ckp/" + job + "/chk-9", "most likely the one that fails", "execution.state-recovery.path", "execution.checkpointing.num-retained"}, "state.checkpoints"},
		{"those of other jobs are no way back", host("2.2.1", "file:///ckp", kept("/ckp/"+strings.Repeat("0", 32)+"/chk-3", 1)), []string{"run -s PATH", "ls -lt /ckp/" + job}, "chk-3"},
		{"a savepoint is", host("2.2.1", "file:///ckp", own[0], kept("/sp/savepoint-5f-1", 5)), []string{"run -s file:///sp/savepoint-5f-1"}, ""},
		{"another file system", host("2.2.1", "s3a://bucket/ckp/"), []string{"aws s3 ls s3://bucket/ckp/" + job + "/"}, ""},
		{"hdfs", host("2.2.1", "hdfs:///ckp"), []string{"hdfs dfs -ls hdfs:///ckp/" + job}, ""},
		{"a name that is no word", host("2.2.1", "/c k"), []string{"ls -lt '/c k/" + job + "'"}, ""},
	} {
		got := newDiagnosis(Input{Facts: c.host, next: newResolver(c.host, nil)}).goBack(job)
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: goBack = %q, want %q in it", c.name, got, want)
			}
		}
		if c.without != "" && strings.Contains(got, c.without) {
			t.Errorf("%s: goBack = %q, want no %q", c.name, got, c.without)
		}
	}
}

func TestACleanerOfTheDirectoryIsNamed(t *testing.T) {
	t.Parallel()
	missing := func(cleaners ...Cleaner) *Facts {
		return failedWith(launched()["unit"].tm, "org.rocksdb.RocksDBException", "While open a file for random read: "+aDB+"1.ldb: No such file or directory",
			func(f *Facts) { f.Disk.Cleaners = cleaners })
	}
	rule := Cleaner{Source: "/usr/lib/tmpfiles.d/data.conf", Path: "/data", Age: "10d"}
	for _, c := range []struct {
		name  string
		host  *Facts
		named bool
	}{
		{"a rule", missing(rule), true},
		{"none", missing(), false},
		{"of another directory", missing(Cleaner{Source: "/usr/lib/tmpfiles.d/tmp.conf", Path: "/tmp", Age: "10d"}), false},
		{"it is excluded", missing(rule, Cleaner{Source: "/etc/tmpfiles.d/flink.conf", Path: "/data/state", Keep: true}), false},
	} {
		got, cause := firstCause(c.host)
		if named := strings.Contains(cause.Message, rule.Source) && strings.Contains(cause.Remedy, "x /data/state/tm_*"); got != "missing_directory likely" || named != c.named {
			t.Errorf("%s: cause = %s (%s), named %v, want %v", c.name, got, cause.Message, named, c.named)
		}
	}
}
