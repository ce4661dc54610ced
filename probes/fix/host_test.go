//go:build unix

package fix_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/probes/fix"
)

const (
	nonce = "0123456789abcdef"
	runID = "20260101T000000Z-aa"
	who   = "ops@bastion"
)

// shells are all that the programs have to run in, with their arguments. -short
// takes the first alone: it is for runs that look at the Go code.
var shells = [][]string{{"dash"}, {"bash", "--posix"}, {"busybox", "ash"}, {"mksh"}}

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		shells = shells[:1]
	}
	os.Exit(m.Run())
}

// densely is how far apart the operations lie at which a program is disturbed:
// n, and far with -short.
func densely(n int) int {
	if testing.Short() {
		return n + 6
	}
	return n
}

// lacking ends a test that needs what is not installed: skipped on a
// developer's machine, failed where CI is set.
func lacking(t testing.TB, tool string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed", tool)
	}
	t.Skipf("%s is not installed", tool)
}

// host is a directory that stands for a host, and the shell and tools it has.
type host struct {
	root  string
	shell []string
	// path holds the tools; "" for those of this machine.
	path string
	// coarse is true if its cp(1) keeps times to the second only.
	coarse bool
	// live is true if the program runs with the root of the machine, over which
	// the shell has mounted this one's directories.
	live bool
	// tools come before those of the machine.
	tools string
	// inject changes the text of a program.
	inject func(text string) string
	// during is called once a program waits for its verdict.
	during func()
}

// newHost is a host with the given files: by path, the text.
func newHost(t testing.TB, files map[string]string) *host {
	t.Helper()
	h := &host{root: t.TempDir(), shell: shells[0]}
	for _, dir := range []string{"/var/lib", "/etc/sysctl.d", "/etc/security/limits.d", "/proc/sys/vm"} {
		if err := os.MkdirAll(h.root+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h.write(t, "/proc/sys/vm/max_map_count", "65530\n")
	for path, text := range files {
		h.write(t, path, text)
	}
	return h
}

func (h *host) write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(h.root+path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.root+path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (h *host) read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(h.root + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// command is the shell with a program as it would be sent.
func (h *host) command(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, h.shell[0], append(h.shell[1:len(h.shell):len(h.shell)], "-s")...)
	cmd.WaitDelay = 10 * time.Second
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent"}
	if h.tools != "" {
		cmd.Env[0] = "PATH=" + h.tools + ":" + os.Getenv("PATH")
	}
	if h.path != "" {
		cmd.Env[0] = "PATH=" + h.path
		if abs, err := exec.LookPath(h.shell[0]); err == nil {
			cmd.Path, cmd.Err = abs, nil
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

func (h *host) text(program []byte) string {
	text := string(program)
	if h.inject != nil {
		text = h.inject(text)
	}
	if h.path != "" {
		text = strings.Replace(text, "\nPATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin\n", "\n", 1)
	}
	root := h.root
	if h.live {
		root = ""
	}
	return "root=" + quote(root) + "\n" + text
}

// silent is the verdict of a connection that stays open and says nothing.
const silent = "silent"

// talk runs a program. Once it has said that all is applied, it is told the
// verdict; "" closes its input instead.
func (h *host) talk(t testing.TB, program []byte, verdict string) (stdout []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	cmd := h.command(ctx)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	out := &watch{until: []byte(fix.AppliedMark(nonce) + "\n"), then: func() {
		if h.during != nil {
			h.during()
		}
		if verdict == silent {
			return
		}
		if verdict != "" {
			io.WriteString(stdin, verdict+"\n")
		}
		stdin.Close()
	}}
	cmd.Stdout, cmd.Stderr = out, &stderr
	if err := cmd.Start(); err != nil {
		lacking(t, h.shell[0])
	}
	if _, err := io.WriteString(stdin, h.text(program)); err != nil {
		t.Logf("the program was not read whole: %v", err)
	}
	if verdict == "" && !bytes.Contains(program, []byte("\n\tapply\n")) {
		stdin.Close()
	}
	cmd.Wait()
	if ctx.Err() != nil {
		t.Fatalf("the program did not end\nstdout: %s\nstderr: %s", out.all, stderr.Bytes())
	}
	if stderr.Len() > 0 {
		t.Logf("stderr: %s", stderr.Bytes())
	}
	return out.all
}

// watch calls then once its text has come.
type watch struct {
	all   []byte
	until []byte
	then  func()
	done  bool
}

func (w *watch) Write(p []byte) (int, error) {
	w.all = append(w.all, p...)
	if !w.done && bytes.Contains(w.all, w.until) {
		w.done = true
		w.then()
	}
	return len(p), nil
}

func (h *host) answer(t testing.TB, program []byte, verdict string) *fix.Answer {
	t.Helper()
	out := h.talk(t, program, verdict)
	a, err := fix.ParseAnswer(out, nonce)
	if err != nil {
		t.Fatalf("%v: %v\n%s", h.shell[len(h.shell)-1:], err, out)
	}
	return a
}

func (h *host) inspect(t testing.TB, q fix.Query) *fix.Snapshot {
	t.Helper()
	out := h.talk(t, fix.Inspect(nonce, q), "")
	s, err := fix.ParseSnapshot(out, nonce)
	if err != nil {
		t.Fatalf("%v: %v\n%s", h.shell[len(h.shell)-1:], err, out)
	}
	return s
}

// tree is all that lies below the root but what is kept of runs: by path, its
// mode, owner, links, time of change for files and text.
func (h *host) tree(t testing.TB) map[string]string {
	t.Helper()
	tree := map[string]string{}
	err := filepath.WalkDir(h.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, h.root)
		if name == "/var/lib/tmdoctor" {
			return fs.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		text := fmt.Sprintf("%v %d:%d", info.Mode(), st.Uid, st.Gid)
		switch {
		case d.Type() == fs.ModeSymlink:
			to, _ := os.Readlink(path)
			text += " -> " + to
		case d.Type().IsRegular():
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			at := info.ModTime().UTC()
			if h.coarse {
				at = at.Truncate(time.Second)
			}
			text += fmt.Sprintf(" %d %s %q", st.Nlink, at.Format(time.RFC3339Nano), b)
			if strings.HasPrefix(name, "/proc/") {
				text = fmt.Sprintf("%q", b)
			}
		}
		tree[name] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// change is a file of a plan as this host has it now.
func (h *host) change(t testing.TB, path, after string) fix.FileChange {
	t.Helper()
	f := fix.FileChange{Path: path, After: []byte(after), AfterSHA256: sum(after), Mode: "0644", Owner: fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid())}
	info, err := os.Lstat(h.root + path)
	if err != nil {
		f.Absent = true
		_, err := os.Stat(filepath.Dir(h.root + path))
		f.MakeDir = err != nil
		return f
	}
	f.Before = []byte(h.read(t, path))
	f.BeforeSHA256 = sum(string(f.Before))
	st := info.Sys().(*syscall.Stat_t)
	f.Mode, f.Owner = fmt.Sprintf("%04o", st.Mode&0o7777), fmt.Sprintf("%d:%d", st.Uid, st.Gid)
	return f
}

var mapCount = fix.LiveChange{Kind: fix.LiveSysctl, Setting: "vm.max_map_count", Before: "65530", After: "262144"}
