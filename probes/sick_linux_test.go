package probes_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
)

// eachShell runs a test in every shell that the script has to run in.
func eachShell(t *testing.T, test func(t *testing.T, shell []string)) {
	t.Helper()
	for _, shell := range shells {
		t.Run(strings.Join(shell, "-"), func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(shell[0]); err != nil {
				lacking(t, shell[0])
			}
			test(t, shell)
		})
	}
}

// hanging is a directory with commands that never end, to stand first in PATH.
func hanging(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\nsleep 300 &\nwait\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// withMark is the environment of a shell and all it starts.
func withMark(path string) (env []string, mark string) {
	mark = fmt.Sprintf("TMDOCTOR_TEST=%x", rand.Uint64())
	return []string{mark, "PATH=" + path + ":" + os.Getenv("PATH")}, mark
}

// left are the processes that carry the mark, zombies not counted.
func left(t *testing.T, mark string) []string {
	t.Helper()
	var found []string
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		if env, err := os.ReadFile(d + "/environ"); err == nil && bytes.Contains(env, []byte(mark)) {
			args, _ := os.ReadFile(d + "/cmdline")
			found = append(found, d+" "+string(bytes.ReplaceAll(args, []byte{0}, []byte{' '})))
		}
	}
	return found
}

// gone waits until nothing carries the mark.
func gone(t *testing.T, mark string, within time.Duration) {
	t.Helper()
	var found []string
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if found = left(t, mark); len(found) == 0 {
			return
		}
	}
	t.Errorf("left behind after %s: %q", within, found)
	for _, f := range found {
		var pid int
		if _, err := fmt.Sscanf(f, "/proc/%d ", &pid); err == nil {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// start starts the script in a session of its own, as sshd does.
func start(t *testing.T, shell, env []string, script *probes.Script) (*exec.Cmd, io.ReadCloser) {
	t.Helper()
	cmd := exec.Command(shell[0], append(shell[1:], "-s")...)
	cmd.Env, cmd.Dir = env, "/"
	cmd.Stdin = bytes.NewReader(script.For(probes.HostSettings{}))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		end  func(cmd *exec.Cmd, out io.ReadCloser)
	}{
		{"when the reader goes", func(_ *exec.Cmd, out io.ReadCloser) { out.Close() }},
		{"after SIGHUP", func(cmd *exec.Cmd, out io.ReadCloser) {
			cmd.Process.Signal(syscall.SIGHUP)
			io.Copy(io.Discard, out)
		}},
		{"after SIGTERM", func(cmd *exec.Cmd, out io.ReadCloser) {
			cmd.Process.Signal(syscall.SIGTERM)
			io.Copy(io.Discard, out)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			eachShell(t, func(t *testing.T, shell []string) {
				env, mark := withMark(hanging(t, "date"))
				cmd, out := start(t, shell, env, probes.NewScript("c0ffee"))
				io.ReadFull(out, make([]byte, 100))
				time.Sleep(1500 * time.Millisecond) // well into the command that hangs
				if len(left(t, mark)) < 2 {
					t.Error("the script did not run any more: this proves nothing")
				}
				tt.end(cmd, out)
				cmd.Wait()
				gone(t, mark, 5*time.Second)
			})
		})
	}
}

func TestACommandThatHangsCostsItsFact(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, shell []string) {
		env, mark := withMark(hanging(t, "uname"))
		script := probes.NewScript("c0ffee")
		began := time.Now()
		cmd, out := start(t, shell, env, script)
		stdout, err := io.ReadAll(out)
		if err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("the script took %s", took)
		}
		facts, err := probes.ParseFacts(stdout, script.Nonce())
		if err != nil {
			t.Fatal(err)
		}
		if facts.Host.Machine.IsKnown() {
			t.Error("the answer of a command that hangs is known")
		}
		if !facts.Host.Kernel.IsKnown() || !facts.Host.Now.IsKnown() || !facts.Maps.MaxMapCount.IsKnown() {
			t.Errorf("a command that hangs costs more than its fact: kernel %q, clock %q, maps %q",
				facts.Host.Kernel.Why(), facts.Host.Now.Why(), facts.Maps.MaxMapCount.Why())
		}
		gone(t, mark, 3*time.Second)
	})
}

// A host on which no process can be started still tells what it can.
func TestAHostThatRefusesProcessesIsNeverHealthy(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		lacking(t, "root, to run as another user,")
	}
	prlimit, err := exec.LookPath("prlimit")
	if err != nil {
		lacking(t, "prlimit")
	}
	for i, shell := range shells {
		// bash tries again for 15 s, mksh for 31 s.
		if shell[0] == "bash" || shell[0] == "mksh" {
			continue
		}
		t.Run(strings.Join(shell, "-"), func(t *testing.T) {
			t.Parallel()
			path, err := exec.LookPath(shell[0])
			if err != nil {
				lacking(t, shell[0])
			}
			script := probes.NewScript("c0ffee")
			var out bytes.Buffer
			cmd := exec.Command(prlimit, append(append([]string{"--nproc=1", path}, shell[1:]...), "-s")...)
			cmd.Stdin, cmd.Stdout, cmd.Dir = bytes.NewReader(script.For(probes.HostSettings{})), &out, "/"
			// A user that nobody is: no process but this one counts.
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: &syscall.Credential{Uid: uint32(543210 + i), Gid: 543210}}
			if err := cmd.Run(); err == nil {
				t.Fatal("the shell ended well: the host refused no process")
			}
			facts, err := probes.ParseFacts(out.Bytes(), script.Nonce())
			if facts == nil || err != nil && !errors.Is(err, probes.ErrTruncated) {
				t.Fatalf("ParseFacts: %v\n%s", err, out.Bytes())
			}
			if !facts.Host.Kernel.IsKnown() {
				t.Errorf("what needs no process is unknown: %s", facts.Host.Kernel.Why())
			}
			if want := "refuses to start processes"; !strings.Contains(facts.Maps.MaxMapCount.Why(), want) {
				t.Errorf("max_map_count is unknown because %q, want %q", facts.Maps.MaxMapCount.Why(), want)
			}
			if s := probes.Evaluate(facts, &probes.Policy{}).Status; s.Rank() < probes.StatusUnknown.Rank() {
				t.Errorf("the host is %s", s)
			}
		})
	}
}

// Whatever beginning of the program arrives, its answer is never taken for
// whole.
func TestATruncatedScriptIsNoticed(t *testing.T) {
	t.Parallel()
	script := probes.NewScript("c0ffee")
	text := script.For(probes.HostSettings{Root: t.TempDir()})
	last := bytes.LastIndex(text, []byte("tmdoctor </dev/null"))
	cuts := []int{last, last + 1, last + 4, last + len("tmdoctor </de")}
	for range 12 {
		cuts = append(cuts, rand.IntN(last))
	}
	for _, n := range cuts {
		cmd := exec.Command("/bin/sh", "-s")
		cmd.Stdin = bytes.NewReader(text[:n])
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		out, _ := cmd.Output()
		if _, err := probes.ParseFacts(out, script.Nonce()); err == nil || script.Complete(out) {
			t.Errorf("the first %d bytes of %d give a whole answer", n, len(text))
		}
	}
}

// A real answer, cut anywhere, is an error.
func TestACutAnswerIsNeverHealthy(t *testing.T) {
	t.Parallel()
	script := probes.NewScript("c0ffee")
	out, _ := run(t, []string{"/bin/sh"}, script.For(probes.HostSettings{}))
	end := bytes.LastIndexByte(bytes.TrimRight(out, "\n"), '\n') + 1
	var cuts []int
	for i, c := range out[:end] {
		if c == '\n' && (i%7 == 0 || len(cuts) < 50) {
			cuts = append(cuts, i, i+1)
		}
	}
	for range 100 {
		cuts = append(cuts, rand.IntN(end))
	}
	for _, n := range cuts {
		facts, err := probes.ParseFacts(out[:n], script.Nonce())
		if err == nil {
			t.Fatalf("%d bytes of %d: no error", n, len(out))
		}
		if facts != nil && probes.Evaluate(facts, &probes.Policy{}).Status.Rank() < probes.StatusUnknown.Rank() {
			t.Errorf("%d bytes of %d are healthy", n, len(out))
		}
	}
}
