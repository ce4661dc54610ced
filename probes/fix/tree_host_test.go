//go:build unix

package fix_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// treeHost is a directory that stands for a host.
type treeHost struct {
	root  string
	shell []string
}

// newTreeHost unpacks a case of package probes, with other files in it: a text,
// "-> TARGET" for a link, "" to take it away.
func newTreeHost(t testing.TB, file string, files map[string]string) *treeHost {
	t.Helper()
	archive, err := os.ReadFile("../testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	a := txtar.Parse(archive)
	a.Files = slices.DeleteFunc(a.Files, func(f txtar.File) bool { return f.Name == "want" })
	root := t.TempDir()
	if err := demo.Unpack(root, file, txtar.Format(a), demo.Caller(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))); err != nil {
		t.Fatal(err)
	}
	h := &treeHost{root: root}
	for _, shell := range shells {
		if _, err := exec.LookPath(shell[0]); err == nil && h.shell == nil {
			h.shell = shell
		}
	}
	if h.shell == nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no shell is installed")
		}
		t.Skip("no shell is installed")
	}
	for name, text := range files {
		h.put(t, name, text)
	}
	return h
}

// put makes, links or takes away a file.
func (h *treeHost) put(t testing.TB, name, text string) {
	t.Helper()
	at := h.root + name
	if err := os.RemoveAll(at); err != nil {
		t.Fatal(err)
	}
	if text == "" {
		return
	}
	if err := os.MkdirAll(path.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	var err error
	switch target, link := strings.CutPrefix(text, "-> "); {
	case link:
		err = os.Symlink(target, at)
	case text == "EMPTY":
		err = os.WriteFile(at, nil, 0o644)
	default:
		err = os.WriteFile(at, []byte(text), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// facts are what the script of package probes tells of the host.
func (h *treeHost) facts(t testing.TB) *probes.Facts {
	t.Helper()
	script := probes.NewScript("c0ffee")
	cmd := exec.Command(h.shell[0], append(h.shell[1:], "-s")...)
	cmd.Env, cmd.Dir = []string{"PATH=" + os.Getenv("PATH")}, "/"
	cmd.Stdin = bytes.NewReader(script.For(probes.HostSettings{Root: h.root}))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	facts, err := probes.ParseFacts(out, script.Nonce())
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

// snapshot is the host as root sees it.
func (h *treeHost) snapshot(t testing.TB, q fix.Query) *fix.Snapshot {
	t.Helper()
	s := &fix.Snapshot{Sysctls: map[string]probes.Value[string]{}}
	for _, p := range q.Paths {
		s.Files = append(s.Files, h.state(t, p))
	}
	for _, key := range q.Sysctls {
		b, err := os.ReadFile(h.root + "/proc/sys/" + strings.ReplaceAll(key, ".", "/"))
		if err != nil {
			s.Sysctls[key] = probes.Unknown[string](err.Error())
			continue
		}
		s.Sysctls[key] = probes.Known(strings.TrimSpace(string(b)))
	}
	for _, u := range q.Users {
		s.Sessions = append(s.Sessions, fix.Session{User: u, By: "su", Limits: map[string]string{}})
	}
	for _, pid := range q.PIDs {
		s.Processes = append(s.Processes, h.process(pid))
	}
	for _, u := range q.Units {
		s.Units = append(s.Units, fix.UnitState{Unit: u, Active: "active", Sub: "running", Reloaded: true})
	}
	return s
}

// state is a path of the host; links are followed in its directory.
func (h *treeHost) state(t testing.TB, name string) fix.FileState {
	t.Helper()
	st := fix.FileState{Path: name, Kind: probes.FileAbsent, Links: 1, Mode: "0644", Owner: "0:0"}
	if real := h.resolve(path.Dir(name)); real != "" {
		st.Dir = real
	}
	info, err := os.Lstat(h.root + name)
	if errors.Is(err, fs.ErrNotExist) {
		return st
	}
	if err != nil {
		t.Fatal(err)
	}
	st.Kind = probes.FileRegular
	if info.Mode()&fs.ModeSymlink != 0 {
		st.Kind = probes.FileLink
	}
	st.Real = h.resolve(name)
	b, err := os.ReadFile(h.root + st.Real)
	switch {
	case st.Real == "":
		st.Kind = probes.FileDangling
	case err != nil:
		st.Kind = probes.FileOther
	default:
		hash := sha256.Sum256(b)
		st.Content, st.SHA256 = b, hex.EncodeToString(hash[:])
		if info, err := os.Stat(h.root + st.Real); err == nil {
			st.Links = int(info.Sys().(*syscall.Stat_t).Nlink)
		}
	}
	return st
}

// resolve is a path without links, "" where it leads to nothing.
func (h *treeHost) resolve(name string) string {
	at := "/"
	parts := strings.Split(strings.Trim(name, "/"), "/")
	for links := 0; len(parts) > 0; {
		next := path.Join(at, parts[0])
		parts = parts[1:]
		info, err := os.Lstat(h.root + next)
		if err != nil || links > 8 {
			return ""
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		links++
		target, _ := os.Readlink(h.root + next)
		if path.IsAbs(target) {
			at = "/"
		}
		parts = append(strings.Split(strings.Trim(target, "/"), "/"), parts...)
	}
	return at
}

// limitRows are the items of limits.conf by the rows of /proc/PID/limits.
var limitRows = map[string]string{"Max open files": "nofile", "Max address space": "as"}

func (h *treeHost) process(pid int) fix.Process {
	p := fix.Process{PID: pid, Started: "5000", Limits: map[string]string{}}
	b, err := os.ReadFile(filepath.Join(h.root, "proc", strconv.Itoa(pid), "limits"))
	p.Gone = err != nil
	for line := range strings.Lines(string(b)) {
		for row, item := range limitRows {
			if rest, ok := strings.CutPrefix(line, row); ok {
				f := strings.Fields(rest)
				p.Limits[item] = f[0] + ":" + f[1]
			}
		}
	}
	return p
}
