package probes_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
)

// standIn is in the environment of a process that only stands in for a
// TaskManager.
const standIn = "TMDOCTOR_STAND_IN"

func TestMain(m *testing.M) {
	if os.Getenv(standIn) != "" {
		time.Sleep(10 * time.Minute)
		os.Exit(0)
	}
	flag.Parse()
	if testing.Short() {
		shells = shells[:1]
	}
	os.Exit(m.Run())
}

// aTaskManagerProcess runs this very program under the name java with the
// arguments of a TaskManager, and returns its pid.
func aTaskManagerProcess(t testing.TB, args ...string) int {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	java := filepath.Join(t.TempDir(), "java")
	if err := os.Link(self, java); err != nil {
		b, err := os.ReadFile(self)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(java, b, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(java, append(args, "org.apache.flink.runtime.taskexecutor.TaskManagerRunner", "--configDir", "/nonexistent/conf")...)
	cmd.Env = []string{standIn + "=1"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	// A child is java from its exec on.
	for range 100 {
		if comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", cmd.Process.Pid)); string(comm) == "java\n" {
			return cmd.Process.Pid
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the stand-in did not start")
	return 0
}

// taskManager is the one of that pid.
func taskManager(f *probes.Facts, pid int) (probes.TaskManager, bool) {
	for _, tm := range f.Flink.TaskManagers {
		if tm.PID == pid {
			return tm, true
		}
	}
	return probes.TaskManager{}, false
}

// The script reads a running process as the kernel shows it, in every shell.
func TestALiveTaskManagerIsRead(t *testing.T) {
	t.Parallel()
	pid := aTaskManagerProcess(t, "-Xmx1g", "-Dpassword=s3cr3t")
	began := time.Now()
	eachShell(t, func(t *testing.T, shell []string) {
		f := collect(t, shell, probes.HostSettings{})
		tm, ok := taskManager(f, pid)
		if !ok {
			t.Fatalf("pid %d is not found among %d TaskManagers", pid, len(f.Flink.TaskManagers))
		}
		if uid, ok := tm.UID.Get(); !ok || uid != int64(os.Getuid()) {
			t.Errorf("uid %d, want %d", uid, os.Getuid())
		}
		var rlimit syscall.Rlimit
		syscall.Getrlimit(syscall.RLIMIT_NOFILE, &rlimit)
		if limits, _ := tm.Limits.Get(); limits["nofile"].Hard.String() != fmt.Sprint(rlimit.Max) {
			t.Errorf("hard limit of open files %s, want %d", limits["nofile"].Hard, rlimit.Max)
		}
		if started, ok := tm.Started.Get(); !ok || started < began.Unix()-30 || started > time.Now().Unix()+2 {
			t.Errorf("started at %d (%s), want about %d", started, tm.Started.Why(), began.Unix())
		}
		if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); err != nil || tm.Cwd.Or("") != cwd {
			t.Errorf("cwd %q (%s), want %q", tm.Cwd.Or(""), tm.Cwd.Why(), cwd)
		}
		maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Count(maps, []byte("\n")) - bytes.Count(maps, []byte("[vsyscall]"))
		if n, _ := f.Maps.Counts[pid].Get(); n < int64(want)-20 || n > int64(want)+20 {
			t.Errorf("%d maps, want about %d", n, want)
		}
		f.SetClock(began, time.Now())
		if skew, ok := f.Session.ClockSkew.Get(); !ok || skew != 0 {
			t.Errorf("this host's clock is %d s from itself (%s)", skew, f.Session.ClockSkew.Why())
		}
	})
}

// Another user's TaskManager is judged by what everybody may see; the rest is
// unknown with the reason and never zero.
func TestAnotherUsersTaskManagerIsReadAsFarAsAllowed(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		lacking(t, "root, to run as another user,")
	}
	pid := aTaskManagerProcess(t)
	script := probes.NewScript("c0ffee")
	var out bytes.Buffer
	cmd := exec.Command("/bin/sh", "-s")
	cmd.Stdin, cmd.Stdout, cmd.Dir = bytes.NewReader(script.For(probes.HostSettings{})), &out, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: &syscall.Credential{Uid: 543219, Gid: 543219}}
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	f, err := probes.ParseFacts(out.Bytes(), script.Nonce())
	if err != nil {
		t.Fatal(err)
	}
	tm, ok := taskManager(f, pid)
	if !ok {
		t.Fatalf("pid %d is not found", pid)
	}
	want := "only root and root may see it: run with --sudo"
	for name, v := range map[string]interface {
		IsKnown() bool
		Why() string
	}{"cwd": tm.Cwd, "stdout": tm.Stdout, "library": tm.RocksDBLibrary, "maps": f.Maps.Counts[pid]} {
		if v.IsKnown() || v.Why() != want {
			t.Errorf("%s: known %t, unknown because %q, want %q", name, v.IsKnown(), v.Why(), want)
		}
	}
	if !tm.Limits.IsKnown() || !tm.Threads.IsKnown() || !tm.VmPeak.IsKnown() {
		t.Error("what everybody may see is unknown")
	}
}

// BenchmarkScript is the CPU of the shell and all it starts on a host with
// two idle TaskManagers.
func BenchmarkScript(b *testing.B) {
	aTaskManagerProcess(b)
	aTaskManagerProcess(b)
	text := probes.NewScript("c0ffee").For(probes.HostSettings{})
	var cpu time.Duration
	for b.Loop() {
		cmd := exec.Command("/bin/sh", "-s")
		cmd.Stdin = bytes.NewReader(text)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if _, err := cmd.Output(); err != nil {
			b.Fatal(err)
		}
		cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op")
	b.ReportMetric(float64(len(text)), "script-bytes")
}

// BenchmarkParseFacts is the reading of an answer with two TaskManagers.
func BenchmarkParseFacts(b *testing.B) {
	root := unpack(b, "testdata/flink/running.txtar")
	script := probes.NewScript("c0ffee")
	out, _ := run(b, []string{"/bin/sh"}, script.For(probes.HostSettings{Root: root}))
	b.SetBytes(int64(len(out)))
	for b.Loop() {
		if _, err := probes.ParseFacts(out, script.Nonce()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "hosts/s")
}

// BenchmarkEvaluate is the judgement of a host with two TaskManagers. Its
// goal is 5,000 hosts a second on one core.
func BenchmarkEvaluate(b *testing.B) {
	f := collect(b, []string{"/bin/sh"}, probes.HostSettings{Root: unpack(b, "testdata/flink/running.txtar")})
	policy := &probes.Policy{}
	for b.Loop() {
		probes.Evaluate(f, policy)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "hosts/s")
}
