//go:build unix

package fix_test

import (
	"os"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/fix"
)

const runDir = "/var/lib/tmdoctor/runs/" + runID

// killedHost is a host whose program was killed after it had changed the files
// of smallPlan.
func killedHost(t testing.TB, shell []string) (h *host, was map[string]string) {
	t.Helper()
	h = newHost(t, smallFiles)
	h.shell = shell
	was = h.tree(t)
	h.inject = func(text string) string {
		return strings.Replace(text, "\nread_back() {", "\nread_back() { kill -9 $$; }\nread_back_all() {", 1)
	}
	h.talk(t, fix.Apply(nonce, runID, who, smallPlan(t, h), 30, true), fix.Keep(nonce))
	h.inject = nil
	if h.read(t, "/etc/sysctl.conf") == odd {
		t.Fatal("nothing is changed: the test tests nothing")
	}
	return h, was
}

// What a host has of a run is not thrown away because the word that says how far
// the run is was lost.
func TestALostStateIsNoState(t *testing.T) {
	t.Parallel()
	for _, shell := range shells {
		for name, spoil := range map[string]func(path string) error{
			"gone":   os.Remove,
			"empty":  func(path string) error { return os.WriteFile(path, nil, 0o644) },
			"zeroes": func(path string) error { return os.WriteFile(path, make([]byte, 8), 0o644) },
		} {
			h, was := killedHost(t, shell)
			if err := spoil(h.root + runDir + "/state"); err != nil {
				t.Fatal(err)
			}
			other := &fix.Plan{Files: []fix.FileChange{h.change(t, "/etc/other.conf", "x\n")}}
			a := h.answer(t, fix.Apply(nonce, "20260102T000000Z-bb", who, other, 30, false), "")
			if want := "run " + runID + " is applying here and not finished"; a.Outcome != fix.Untouched || !strings.Contains(a.Reason, want) {
				t.Errorf("%s, %s: the next run: %s (%s)", shell, name, a.Outcome, a.Reason)
			}
			if s := h.inspect(t, fix.Query{}); s.Unfinished == nil || s.Unfinished.State != fix.RunApplying {
				t.Errorf("%s, %s: unfinished is %+v", shell, name, s.Unfinished)
			}
			if a := h.answer(t, fix.Rollback(nonce, runID, who, false), ""); a.Outcome != fix.RolledBack {
				t.Errorf("%s, %s: roll back: %s (%s)", shell, name, a.Outcome, a.Reason)
			}
			wantTree(t, h, was)
		}
	}
}

// Nor what somebody edited since.
func TestALostStateOfAnEditedFile(t *testing.T) {
	t.Parallel()
	for _, shell := range shells {
		h, _ := killedHost(t, shell)
		edited := h.read(t, "/etc/sysctl.conf") + "# by hand\n"
		h.write(t, "/etc/sysctl.conf", edited)
		if err := os.Remove(h.root + runDir + "/state"); err != nil {
			t.Fatal(err)
		}
		a := h.answer(t, fix.Rollback(nonce, runID, who, false), "")
		if a.Outcome != fix.Untouched || !strings.Contains(a.Reason, "/etc/sysctl.conf was edited since") {
			t.Errorf("%s: %s (%s)", shell, a.Outcome, a.Reason)
		}
		other := &fix.Plan{Files: []fix.FileChange{h.change(t, "/etc/other.conf", "x\n")}}
		if a := h.answer(t, fix.Apply(nonce, "20260102T000000Z-bb", who, other, 30, false), ""); a.Outcome != fix.Untouched {
			t.Errorf("%s: the next run: %s (%s)", shell, a.Outcome, a.Reason)
		}
		if now := h.read(t, "/etc/sysctl.conf"); now != edited || h.read(t, runDir+"/kept/1") != odd {
			t.Errorf("%s: the file is %q", shell, now)
		}
	}
}

// Where it is not known whole what a run changed, it is not undone.
func TestADamagedManifestIsNotRolledBack(t *testing.T) {
	t.Parallel()
	for _, shell := range shells {
		for name, spoil := range map[string]func(text string) string{
			"empty":                func(string) string { return "" },
			"without its end":      func(text string) string { return text[:strings.Index(text, "end ")] },
			"without a line":       func(text string) string { return text[strings.Index(text, "\n")+1:] },
			"cut in the first one": func(text string) string { return text[:20] },
			"with another word":    func(text string) string { return strings.Replace(text, "file 1", "\x00\x00le 1", 1) },
			"with another letter":  func(text string) string { return strings.Replace(text, "/etc/new.d", "/etc/nev.d", 1) },
		} {
			h, _ := killedHost(t, shell)
			h.write(t, runDir+"/kept/manifest", spoil(h.read(t, runDir+"/kept/manifest")))
			if s := h.inspect(t, fix.Query{Run: runID}); s.Run == nil || !s.Run.Cut {
				t.Errorf("%s, %s: the run is %+v", shell, name, s.Run)
			}
			a := h.answer(t, fix.Rollback(nonce, runID, who, false), "")
			if a.Outcome != fix.Untouched || !strings.Contains(a.Reason, "manifest is damaged") {
				t.Errorf("%s, %s: %s (%s)", shell, name, a.Outcome, a.Reason)
			}
			a = h.answer(t, fix.Rollback(nonce, runID, who, true), "")
			if a.Outcome != fix.Stuck || !strings.Contains(a.Reason, "manifest (damaged)") {
				t.Errorf("%s, %s, forced: %s (%s)", shell, name, a.Outcome, a.Reason)
			}
			if a.Outcome == fix.Stuck && name == "without its end" && h.read(t, "/etc/sysctl.conf") != odd {
				t.Errorf("%s, %s: what is known is not restored", shell, name)
			}
		}
	}
}

// A value that cannot be read is not one that was given back.
func TestAValueThatCannotBeReadIsNotRestored(t *testing.T) {
	t.Parallel()
	for _, shell := range shells {
		h := newHost(t, smallFiles)
		h.shell = shell
		p := smallPlan(t, h)
		p.Live = []fix.LiveChange{mapCount}
		if a := h.answer(t, fix.Apply(nonce, runID, who, p, 30, true), fix.Keep(nonce)); a.Outcome != fix.Kept {
			t.Fatalf("%s (%s)", a.Outcome, a.Reason)
		}
		if err := os.Remove(h.root + "/proc/sys/vm/max_map_count"); err != nil {
			t.Fatal(err)
		}
		if a := h.answer(t, fix.Rollback(nonce, runID, who, false), ""); a.Outcome != fix.Stuck || !strings.Contains(a.Reason, "vm.max_map_count") {
			t.Errorf("%s: %s (%s)", shell, a.Outcome, a.Reason)
		}
	}
}

// tool puts a script before the tools of a host.
func (h *host) tool(t testing.TB, name, text string) {
	t.Helper()
	if h.tools == "" {
		h.tools = t.TempDir()
	}
	if err := os.WriteFile(h.tools+"/"+name, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// What was not written to the disk counts as not written, and no second try
// says otherwise: the kernel tells of a lost write once.
func TestAWriteThatIsLostIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	for _, shell := range shells {
		for _, tt := range []struct{ name, tool, text, reason string }{
			{"a file", "dd", `case $* in *of=*.tmp*) [ -e "$0.once" ] || { : >"$0.once"; exit 1; } ;; esac; exec /bin/dd "$@"`, "durable: not written to the disk"},
			{"a directory, before", "sync", `case $* in */etc) [ -e "$0.once" ] || { : >"$0.once"; exit 1; } ;; esac; exec /bin/sync "$@"`, "durable_dir: it failed"},
			{"a directory, after", "sync", `case $* in */etc) if [ -e "$0.once" ] && [ ! -e "$0.twice" ]; then : >"$0.twice"; exit 1; fi; : >"$0.once" ;; esac; exec /bin/sync "$@"`, "durable_dir: it failed"},
		} {
			h := newHost(t, smallFiles)
			h.shell = shell
			was := h.tree(t)
			h.tool(t, tt.tool, tt.text)
			h.inject = func(text string) string { return strings.ReplaceAll(text, "command -v fsync", "false") }
			a := h.answer(t, fix.Apply(nonce, runID, who, smallPlan(t, h), 30, true), fix.Keep(nonce))
			want := fix.Untouched
			if tt.name == "a directory, after" {
				want = fix.RolledBack
			}
			if a.Outcome != want || a.Reason != tt.reason {
				t.Errorf("%s, %s: %s (%s), want %s (%s)", shell, tt.name, a.Outcome, a.Reason, want, tt.reason)
			}
			wantTree(t, h, was)
		}
	}
}
