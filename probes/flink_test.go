//go:build unix

package probes_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// unpack is the directory of a case of testdata.
func unpack(t testing.TB, file string) string {
	t.Helper()
	archive, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if err := demo.Unpack(root, file, archive, demo.Caller(caseNow)); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestFlinkFactsAreWhatTheHostShows(t *testing.T) {
	t.Parallel()
	root := unpack(t, "testdata/flink/running.txtar")
	f := collect(t, []string{"/bin/sh"}, probes.HostSettings{Root: root, StateDirs: []string{"/data/more"}}).Flink
	if len(f.TaskManagers) != 2 {
		t.Fatalf("%d TaskManagers, want 2", len(f.TaskManagers))
	}
	tm := f.TaskManagers[0]
	number := func(v probes.Value[int64]) int64 { return v.Or(-1) }
	limits, _ := tm.Limits.Get()
	if d := cmp.Diff(map[string]probes.LimitPair{
		"nofile": {Soft: 20000, Hard: 20000}, "nproc": {Soft: 96365, Hard: 96365}, "as": {Soft: probes.Unlimited, Hard: probes.Unlimited},
	}, limits); d != "" {
		t.Errorf("limits differ (-want +got):\n%s", d)
	}
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"pid", tm.PID, 4711},
		{"uid", number(tm.UID), int64(1002)},
		{"user", tm.User.Or(""), "flink"},
		{"class", tm.MainClass, "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"},
		{"options", tm.JVMOptions, []string{"-Xmx536870902", "-XX:MaxDirectMemorySize=268435458", "-Djava.io.tmpdir=/data/tmp"}},
		{"dynamic", tm.Dynamic, map[string]string{"taskmanager.memory.managed.size": "536870920b", "state.checkpoints.dir": "(withheld)"}},
		{"log", tm.LogFile, "/opt/flink/log/flink-flink-taskexecutor-0-tm001.log"},
		{"configuration", tm.ConfigDir, "/opt/flink/conf"},
		{"home", tm.Home, "/opt/flink"},
		{"version", tm.Version, "1.20.3"},
		{"threads", number(tm.Threads), int64(81)},
		{"peak", number(tm.VmPeak), int64(2146704 << 10)},
		{"started", number(tm.Started), caseNow.Unix() - 1708 + 1658},
		{"cwd", tm.Cwd.Or(""), "/home/flink"},
		{"stdout", tm.Stdout.Or(""), "/opt/flink/log/flink-flink-taskexecutor-0-tm001.out"},
		{"launch", tm.Launch.Kind + " " + tm.Launch.Unit, "systemd flink-taskmanager.service"},
		{"launch of the other", f.TaskManagers[1].Launch.Kind + " " + f.TaskManagers[1].Launch.Unit, "login session-4.scope"},
		{"homes", f.Homes, []string{"/opt/flink-1.20.3"}},
		{"log directories", f.LogDirs, []string{"/opt/flink-1.20.3/log"}},
		{"pid files", f.PidFiles, []probes.PidFile{{Path: "/tmp/flink-flink-taskexecutor.pid", PIDs: []int{17, 4711, 4712}}}},
		{"settings", f.Configs, []probes.FlinkConfig{{Path: "/opt/flink-1.20.3/conf/config.yaml", Settings: map[string]probes.ConfigSetting{
			"jobmanager.rpc.address":         {Value: "jm.example.com", Line: 4},
			"jobmanager.rpc.port":            {Value: "6123", Line: 5},
			"io.tmp.dirs":                    {Value: "/data/a,/data/b", Line: 13},
			"state.backend.rocksdb.localdir": {Value: "/data/rocks #1", Line: 15},
		}}}},
		{"state paths", f.StatePaths, []string{
			"tmp /data/a", "tmp /data/b", "localdir /data/rocks #1", "log /opt/flink-1.20.3/log",
			"tmp /data/tmp", "inventory /data/more", "tmp /tmp",
		}},
	} {
		if d := cmp.Diff(tt.want, tt.got); d != "" {
			t.Errorf("%s differs (-want +got):\n%s", tt.name, d)
		}
	}
}

// The case is full of secrets: in arguments, configuration, comments and
// environments. None of them leaves the host.
func TestNoSecretLeavesTheHost(t *testing.T) {
	t.Parallel()
	root := unpack(t, "testdata/flink/running.txtar")
	script := probes.NewScript("c0ffee")
	planted := 0
	filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			b, _ := os.ReadFile(path)
			planted += bytes.Count(b, []byte("s3cr3t"))
		}
		return nil
	})
	if planted < 9 {
		t.Fatalf("the case has only %d secrets", planted)
	}
	for _, shell := range [][]string{{"/bin/sh"}} {
		out, stderr := run(t, shell, script.For(probes.HostSettings{Root: root, Sudo: true}))
		for _, text := range [][]byte{out, stderr} {
			if i := bytes.Index(text, []byte("s3cr3t")); i >= 0 {
				t.Errorf("a secret leaves the host: %q", text[max(0, i-80):min(len(text), i+40)])
			}
		}
	}
}

// What stands in place of a file is not opened, and how big a file is does
// not matter.
func TestTrapsInPlaceOfFilesCostNothing(t *testing.T) {
	t.Parallel()
	root := unpack(t, "testdata/flink/running.txtar")
	conf := filepath.Join(root, "opt/flink-1.20.3/conf")
	pipe := func(path string) {
		os.Remove(path)
		if err := syscall.Mkfifo(path, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	huge := func(path string) {
		if err := os.Truncate(path, 10<<30); err != nil {
			t.Skipf("no file of 10 GB here: %v", err)
		}
	}
	pipe(filepath.Join(conf, "flink-conf.yaml"))
	pipe(filepath.Join(root, "tmp/flink-other-taskexecutor.pid"))
	pipe(filepath.Join(root, "opt/flink-1.20.3/log/flink-flink-taskexecutor-1-tm001.log"))
	os.Symlink("/dev/zero", filepath.Join(root, "opt/flink-1.20.3/log/flink-flink-taskexecutor-2-tm001.log"))
	os.Symlink("loop", filepath.Join(conf, "loop"))
	os.Symlink("../../../../../../../../etc/passwd", filepath.Join(root, "tmp/flink-up-taskexecutor.pid"))
	huge(filepath.Join(conf, "config.yaml"))
	huge(filepath.Join(root, "tmp/flink-flink-taskexecutor.pid"))
	huge(filepath.Join(root, "opt/flink-1.20.3/log/flink-flink-taskexecutor-0-tm001.log"))
	began := time.Now()
	f := collect(t, []string{"/bin/sh"}, probes.HostSettings{Root: root})
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("the script took %s", took)
	}
	if len(f.Flink.TaskManagers) != 2 || len(f.Flink.PidFiles) != 2 {
		t.Errorf("%d TaskManagers and %d pid files, want 2 and 2", len(f.Flink.TaskManagers), len(f.Flink.PidFiles))
	}
	for _, file := range f.Files {
		if len(file.Content) > 70<<10 {
			t.Errorf("%s: %d bytes were sent", file.Path, len(file.Content))
		}
	}
	if strings.Contains(asJSON(t, f), "nobody:") {
		t.Error("a link led out of the directory that stands for the host")
	}
}

// A process table of 20,000 is searched in the time of one section.
func TestManyProcessesCostLittle(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("writes 20,000 files")
	}
	root := unpack(t, "testdata/flink/running.txtar")
	for pid := 10_000; pid < 30_000; pid++ {
		dir := filepath.Join(root, "proc", fmt.Sprint(pid))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "comm"), []byte("kworker/0:1\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	f := collect(t, []string{"/bin/sh"}, probes.HostSettings{Root: root})
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the script took %s", took)
	}
	if n := len(f.Flink.TaskManagers); n != 2 {
		t.Errorf("%d TaskManagers, want 2", n)
	}
}
