package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// fastTemp is an empty directory, in memory where that can be: a fleet is
// thousands of small files.
func fastTemp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "tmdoctor-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// isEmpty fails the test if a directory has anything in it.
func isEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("left behind: %s", e.Name())
	}
}

// noShell ends a test that needs /bin/sh for the hosts of the demonstration.
func noShell(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/bin/sh"); err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("/bin/sh is not there")
	}
	t.Skip("/bin/sh is not there")
}

// TestDemoShowsWhatItShouldAndLeavesNothing is not parallel: it sets TMPDIR.
func TestDemoShowsWhatItShouldAndLeavesNothing(t *testing.T) {
	noShell(t)
	dir := fastTemp(t)
	t.Setenv("TMPDIR", dir)
	var stdout, stderr bytes.Buffer
	getenv := func(name string) string { return map[string]string{"COLUMNS": "120", "LC_ALL": "C.UTF-8"}[name] }
	begin := time.Now()
	if got := runFor(nil, &stdout, &stderr, getenv, "demo"); got != 0 {
		t.Fatalf("exit status %d, want 0\n%s", got, stderr.String())
	}
	t.Logf("%v", time.Since(begin))
	if strings.Contains(stdout.String(), "io_pressure") {
		t.Errorf("a fact that many kernels have none of is said not to be seen:\n%s", &stdout)
	}
	rows := map[string]string{} // by host: the rest of its row
	for line := range strings.Lines(stdout.String()) {
		if host, rest, ok := strings.Cut(line, " "); ok && strings.HasPrefix(host, "tm0") && rows[host] == "" {
			rows[host] = strings.TrimSpace(rest)
		}
	}
	for _, c := range demo.Cases() {
		row := rows[c.Name]
		if c.Expect.Status == "ok" {
			if row != "" {
				t.Errorf("%s is healthy and has a row: %s", c.Name, row)
			}
			continue
		}
		if words := strings.Fields(row); len(words) < 2 || words[0] != c.Expect.Status ||
			c.Expect.Cause != "" && words[1] != c.Expect.Cause || c.Expect.Phase != "" && words[2] != c.Expect.Phase {
			t.Errorf("%s (%s): row %q, want %s", c.Name, c.Title, row, c.Expect)
		}
		if !strings.Contains(stderr.String(), "tmdoctor:   "+c.Name+"  "+c.Title+"\n") {
			t.Errorf("%s is not named at the end:\n%s", c.Name, stderr.String())
		}
	}
	isEmpty(t, dir)
}

func TestDemoNamesAHostThatShowsSomethingElse(t *testing.T) {
	t.Parallel()
	noShell(t)
	well := demo.Case{Title: "well", Like: "healthy", Expect: demo.Expect{Status: "ok"}}
	for _, tt := range []struct {
		name   string
		change func(*demo.Case)
		want   string // on standard error
	}{
		{"another status", func(c *demo.Case) { c.Expect.Status = "warn" }, "tm2 (well) should show: warn; it shows: ok"},
		{"a cause that is not there", func(c *demo.Case) { c.Expect.Cause, c.Expect.Confidence = "inodes", "proven" },
			"tm2 (well) should show: ok, cause inodes proven; it shows: ok"},
		{"a finding that is not there", func(c *demo.Case) { c.Expect.Code = "maps/low" }, "tm2 (well) should show: ok, finding maps/low; it shows: ok"},
		{"a failure that is not expected", func(c *demo.Case) { c.Like = "inodes" },
			"tm2 (well) should show: ok; it shows: fail, cause inodes proven, finding "},
		{"a host that can be asked", func(c *demo.Case) { c.Expect = demo.Expect{Status: "unknown", Phase: "connect"} },
			"tm2 (well) should show: unknown, unreachable in phase connect; it shows: ok"},
		{"a host that cannot", func(c *demo.Case) { c.Unreachable = true },
			"tm2 (well) should show: ok; it shows: unknown, unreachable in phase connect ("},
		{"a reason that is not given", func(c *demo.Case) { c.Expect.NotSeen = "sudo refuses it" },
			"tm2 (well) should show: ok, not seen: sudo refuses it; it shows: ok"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cases := []demo.Case{well, well}
			cases[0].Name, cases[1].Name = "tm1", "tm2"
			tt.change(&cases[1])
			var stdout, stderr bytes.Buffer
			u := &ui{environment: &environment{stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }, stdoutFD: -1, stderrFD: -1}}
			out := &outputFlags{color: "never", failOn: "warn"}
			if err := runDemo(context.Background(), u, out, cases); err != verdict(1) {
				t.Errorf("runDemo = %v, want exit status 1\n%s", err, stderr.String())
			}
			if !strings.Contains(stderr.String(), tt.want) || !strings.Contains(stderr.String(), "1 of 2 hosts did not show what they should") {
				t.Errorf("standard error lacks %q:\n%s", tt.want, stderr.String())
			}
			if strings.Contains(stderr.String(), "tm1") {
				t.Errorf("tm1 showed what it should, and is named:\n%s", stderr.String())
			}
		})
	}
}

// TestDemoIsRemovedAtEveryEnd ends the real program in the middle.
func TestDemoIsRemovedAtEveryEnd(t *testing.T) {
	t.Parallel()
	noShell(t)
	if runtime.GOOS == "windows" {
		t.Skip("no signals on Windows")
	}
	for _, tt := range []struct {
		name    string
		args    []string
		signals []os.Signal
		status  int
	}{
		{"Ctrl-C", []string{"demo"}, []os.Signal{syscall.SIGINT}, 1},
		{"SIGTERM", []string{"demo"}, []os.Signal{syscall.SIGTERM}, 1},
		{"a closed terminal", []string{"demo"}, []os.Signal{syscall.SIGHUP}, 1},
		{"Ctrl-C twice", []string{"demo"}, []os.Signal{syscall.SIGINT, syscall.SIGINT}, 130},
		{"a connection that breaks is no end", []string{"demo"}, []os.Signal{syscall.SIGPIPE}, 0},
		{"Ctrl-C of a fleet that is kept", []string{"demo", "--keep"}, []os.Signal{syscall.SIGINT}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := fastTemp(t)
			cmd := demoCommand(t, dir, tt.args...)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			waitForFleet(t, dir)
			for _, s := range tt.signals {
				cmd.Process.Signal(s)
			}
			cmd.Wait()
			got := cmd.ProcessState.ExitCode()
			// Two signals at once may be taken for one.
			if got != tt.status && !(len(tt.signals) == 2 && got == 1) {
				t.Errorf("exit status %d, want %d\n%s", got, tt.status, stderr.String())
			}
			isEmpty(t, dir)
		})
	}
}

// TestDemoIsRemovedWhenNobodyReads: as in `tmdoctor demo | head -n 1`.
func TestDemoIsRemovedWhenNobodyReads(t *testing.T) {
	t.Parallel()
	noShell(t)
	dir := fastTemp(t)
	cmd := demoCommand(t, dir, "demo", "-o", "ndjson")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	r.Close()
	if err := cmd.Wait(); err == nil {
		t.Error("exit status 0")
	}
	isEmpty(t, dir)
}

// demoCommand is this program as a process of its own, with its temporary
// files in dir.
func demoCommand(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "tmdoctor") // see TestMain
	if err := os.Symlink(self, name); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, args...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TMPDIR=") }), "TMPDIR="+dir)
	return cmd
}

// waitForFleet returns when the fleet in dir runs.
func waitForFleet(t *testing.T, dir string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if found, _ := filepath.Glob(filepath.Join(dir, "*", "tmdoctor.yaml")); len(found) > 0 {
			return
		}
	}
	t.Error("no fleet was started")
}
