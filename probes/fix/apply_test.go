//go:build unix

package fix_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// odd holds what editors, shells and printf stumble over: CR, NUL, no end.
const odd = "a = 1\r\n%d 'x' \"y\" \\n $(id) `id` \x00 \xff\xfe ä\t\v\n-vm.max_map_count = 65530\nno end"

// oddFiles is a host with such files.
var oddFiles = map[string]string{
	"/etc/sysctl.conf":                odd,
	"/etc/security/limits.conf":       "# none\n",
	"/etc/security/limits.d/a b.conf": "",
}

// oddPlan changes all of them, makes one beside them and one in a directory of
// its own, and raises a value of the kernel.
func oddPlan(t testing.TB, h *host) *fix.Plan {
	t.Helper()
	return &fix.Plan{
		Files: []fix.FileChange{
			h.change(t, "/etc/sysctl.conf", strings.Replace(odd, "65530", "262144", 1)),
			h.change(t, "/etc/security/limits.conf", "# none\nflink soft nofile 65536\nflink hard nofile 65536\n"),
			h.change(t, "/etc/security/limits.d/a b.conf", "-\n"),
			h.change(t, "/etc/sysctl.d/zz-tmdoctor.conf", "vm.max_map_count = 262144\n"),
			h.change(t, "/etc/new.d/x.conf", odd),
		},
		Live: []fix.LiveChange{mapCount},
	}
}

// wantNew and wantOld compare every file and value of a plan with what the host has.
func wantNew(t testing.TB, h *host, p *fix.Plan) {
	t.Helper()
	for _, f := range p.Files {
		if got := h.read(t, f.Path); got != string(f.After) {
			t.Errorf("%s = %q, want %q", f.Path, got, f.After)
		}
	}
	for _, l := range p.Live {
		if got := h.read(t, "/proc/sys/vm/max_map_count"); l == mapCount && got != l.After+"\n" {
			t.Errorf("%s = %q, want %q", l.Setting, got, l.After)
		}
	}
}

func wantTree(t testing.TB, h *host, want map[string]string) {
	t.Helper()
	if d := cmp.Diff(want, h.tree(t)); d != "" {
		t.Errorf("the tree is not as it was (-was +is):\n%s", d)
	}
}

// appletTools is a directory with the tools that a program uses, all from one
// binary.
func appletTools(t testing.TB, binary string, lacks ...string) string {
	t.Helper()
	path, err := exec.LookPath(binary)
	if err != nil {
		lacking(t, binary)
	}
	dir := t.TempDir()
	list := exec.Command(path)
	if binary == "busybox" {
		list = exec.Command(path, "--list")
	}
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	skip := " " + strings.Join(lacks, " ") + " "
	for _, name := range strings.Fields(string(out)) {
		if !strings.Contains(skip, " "+name+" ") {
			if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// eachWorld runs a test in all shells with the tools of GNU, of busybox and of
// toybox, on a host of its own each.
func eachWorld(t *testing.T, files map[string]string, test func(t *testing.T, h *host)) {
	for _, shell := range shells {
		for _, tools := range []string{"gnu", "busybox", "toybox"} {
			t.Run(shell[0]+"/"+tools, func(t *testing.T) {
				t.Parallel()
				h := newHost(t, files)
				h.shell = shell
				if tools != "gnu" {
					h.path, h.coarse = appletTools(t, tools), tools == "busybox"
				}
				if _, err := exec.LookPath(shell[0]); err != nil {
					lacking(t, shell[0])
				}
				test(t, h)
			})
		}
	}
}

func TestApplyThenRollbackLeavesTheTreeAsItWas(t *testing.T) {
	t.Parallel()
	eachWorld(t, oddFiles, func(t *testing.T, h *host) {
		before, p := h.tree(t), oddPlan(t, h)

		a := h.answer(t, fix.Apply(nonce, runID, who, p, 30, true), fix.Back(nonce))
		if a.Outcome != fix.RolledBack || a.Reason != "told to go back" {
			t.Fatalf("told back: %s (%s)", a.Outcome, a.Reason)
		}
		wantTree(t, h, before)

		a = h.answer(t, fix.Apply(nonce, runID, who, p, 30, true), fix.Keep(nonce))
		if a.Outcome != fix.Kept || a.Reason != "" {
			t.Fatalf("told to keep: %s (%s)", a.Outcome, a.Reason)
		}
		wantNew(t, h, p)
		wantStates(t, a, "new")
		for path := range h.tree(t) {
			if strings.Contains(path, ".tmdoctor.") {
				t.Errorf("%s is left behind", path)
			}
		}
		if s := h.inspect(t, fix.Query{Run: runID}); s.Run == nil || s.Run.State != fix.RunKept || s.Unfinished != nil || s.Lock != "" {
			t.Errorf("the host knows of the run: %+v, unfinished %+v, lock %q", s.Run, s.Unfinished, s.Lock)
		}

		a = h.answer(t, fix.Rollback(nonce, runID, who, false), "")
		if a.Outcome != fix.RolledBack || a.Reason != "" {
			t.Fatalf("roll back: %s (%s)", a.Outcome, a.Reason)
		}
		wantStates(t, a, "old")
		wantTree(t, h, before)

		a = h.answer(t, fix.Rollback(nonce, runID, who, false), "")
		if a.Outcome != fix.RolledBack || len(a.Notes) != 1 || a.Notes[0] != "run "+runID+" is rolled back already" {
			t.Errorf("roll back again: %s (%s) %q", a.Outcome, a.Reason, a.Notes)
		}
	})
}

func wantStates(t testing.TB, a *fix.Answer, state string) {
	t.Helper()
	if len(a.Files) == 0 {
		t.Error("no file was told")
	}
	for _, f := range a.Files {
		if string(f.State) != state {
			t.Errorf("%s is told %s, want %s", f.Path, f.State, state)
		}
	}
}

func TestWithoutWaitingItKeeps(t *testing.T) {
	t.Parallel()
	for _, shell := range shells {
		h := newHost(t, oddFiles)
		h.shell = shell
		p := oddPlan(t, h)
		if a := h.answer(t, fix.Apply(nonce, runID, who, p, 30, false), ""); a.Outcome != fix.Kept {
			t.Errorf("%s: %s (%s)", shell, a.Outcome, a.Reason)
		}
		wantNew(t, h, p)
	}
}

func TestAnythingButKeepGoesBack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, verdict string
		patience      int
		reason        string
	}{
		{"end of input", "", 30, "the connection ended without a verdict"},
		{"back", fix.Back(nonce), 30, "told to go back"},
		{"another nonce", "keep 0", 30, "the connection ended without a verdict"},
		{"more words", fix.Keep(nonce) + " x", 30, "the connection ended without a verdict"},
		{"a carriage return", fix.Keep(nonce) + "\r", 30, "the connection ended without a verdict"},
	} {
		for _, shell := range shells {
			t.Run(tt.name+"/"+shell[0], func(t *testing.T) {
				t.Parallel()
				h := newHost(t, oddFiles)
				h.shell = shell
				before := h.tree(t)
				a := h.answer(t, fix.Apply(nonce, runID, who, oddPlan(t, h), tt.patience, true), tt.verdict)
				if a.Outcome != fix.RolledBack || a.Reason != tt.reason {
					t.Errorf("%s (%s), want rolled-back (%s)", a.Outcome, a.Reason, tt.reason)
				}
				wantTree(t, h, before)
			})
		}
	}
}

// The host's own clock: its input stays open and says nothing.
func TestNoVerdictGoesBack(t *testing.T) {
	t.Parallel()
	for _, shell := range shells {
		t.Run(shell[0], func(t *testing.T) {
			t.Parallel()
			h := newHost(t, oddFiles)
			h.shell = shell
			before := h.tree(t)
			a := h.answer(t, fix.Apply(nonce, runID, who, oddPlan(t, h), 1, true), silent)
			if a.Outcome != fix.RolledBack || a.Reason != "no verdict came in 1 s" {
				t.Errorf("%s (%s)", a.Outcome, a.Reason)
			}
			wantTree(t, h, before)
		})
	}
}

func TestRollbackRefusesWhatWasEditedSince(t *testing.T) {
	t.Parallel()
	h := newHost(t, oddFiles)
	before, p := h.tree(t), oddPlan(t, h)
	if a := h.answer(t, fix.Apply(nonce, runID, who, p, 30, true), fix.Keep(nonce)); a.Outcome != fix.Kept {
		t.Fatalf("%s (%s)", a.Outcome, a.Reason)
	}
	h.write(t, "/etc/sysctl.conf", "mine\n")
	edited := h.tree(t)
	a := h.answer(t, fix.Rollback(nonce, runID, who, false), "")
	if want := "/etc/sysctl.conf was edited since run " + runID; a.Outcome != fix.Untouched || a.Reason != want {
		t.Errorf("%s (%s), want untouched (%s)", a.Outcome, a.Reason, want)
	}
	wantTree(t, h, edited)
	s := h.inspect(t, fix.Query{Run: runID})
	if f := s.Run.Files[0]; s.Run.State != fix.RunKept || string(f.BeforeText) != odd || string(f.NowText) != "mine\n" || f.Now != sum("mine\n") {
		t.Errorf("the run is told as %+v", s.Run)
	}
	a = h.answer(t, fix.Rollback(nonce, runID, who, true), "")
	if a.Outcome != fix.RolledBack {
		t.Errorf("forced: %s (%s)", a.Outcome, a.Reason)
	}
	wantTree(t, h, before)
}

func TestALiveValueIsNeverLowered(t *testing.T) {
	t.Parallel()
	h := newHost(t, oddFiles)
	p := oddPlan(t, h)
	// Somebody raises it between the comparison and its turn.
	h.inject = func(text string) string {
		return strings.Replace(text, "change_live() {\n", "change_live() {\necho 1000000 >\"$root/proc/sys/vm/max_map_count\"\n", 1)
	}
	a := h.answer(t, fix.Apply(nonce, runID, who, p, 30, true), fix.Keep(nonce))
	if got := h.read(t, "/proc/sys/vm/max_map_count"); a.Outcome != fix.Kept || got != "1000000\n" {
		t.Errorf("%s (%s): vm.max_map_count = %q, want 1000000", a.Outcome, a.Reason, got)
	}
	h.inject = nil
	a = h.answer(t, fix.Rollback(nonce, runID, who, false), "")
	if got := h.read(t, "/proc/sys/vm/max_map_count"); a.Outcome != fix.RolledBack || got != "1000000\n" {
		t.Errorf("roll back: %s (%s): vm.max_map_count = %q, want it left at 1000000", a.Outcome, a.Reason, got)
	}
}

func TestSettleKeepsWhatWasApplied(t *testing.T) {
	t.Parallel()
	for _, shell := range shells {
		h := newHost(t, oddFiles)
		h.shell = shell
		p := oddPlan(t, h)
		h.inject = func(text string) string {
			return strings.Replace(text, "\tlimit \"$patience\" verdict", "\tkill -9 $$\n\tlimit \"$patience\" verdict", 1)
		}
		if a := h.answer(t, fix.Apply(nonce, runID, who, p, 30, true), fix.Keep(nonce)); a.Outcome != fix.Applied {
			t.Fatalf("%s: %s (%s)", shell, a.Outcome, a.Reason)
		}
		h.inject = nil
		if a := h.answer(t, fix.Settle(nonce, runID, who), ""); a.Outcome != fix.Kept {
			t.Errorf("%s: %s (%s)", shell, a.Outcome, a.Reason)
		}
		wantNew(t, h, p)
		if a := h.answer(t, fix.Settle(nonce, "other", who), ""); a.Outcome != fix.Untouched || a.Reason != "this host knows nothing of run other" {
			t.Errorf("%s: %s (%s)", shell, a.Outcome, a.Reason)
		}
	}
}
