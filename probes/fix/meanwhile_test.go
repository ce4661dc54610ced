//go:build linux

package fix_test

import (
	"os"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// What somebody else does to a file before it is its turn stays, and the run
// ends there as if it had never begun: no later rollback undoes the edit.
func TestAnEditBeforeItsTurnStays(t *testing.T) {
	t.Parallel()
	for _, shell := range shells {
		for how, edit := range map[string]string{
			"in place":  `echo "# by hand" >>"$root/etc/sysctl.conf"`,
			"by rename": `cp -p "$root/etc/sysctl.conf" "$root/x"; echo "# by hand" >>"$root/x"; mv "$root/x" "$root/etc/sysctl.conf"`,
		} {
			h := newHost(t, smallFiles)
			h.shell = shell
			h.inject = func(text string) string {
				return strings.Replace(text, "\nchange() {\n", "\nchange() {\n\t"+edit+"\n", 1)
			}
			a := h.answer(t, fix.Apply(nonce, runID, who, smallPlan(t, h), 30, true), fix.Keep(nonce))
			if a.Outcome != fix.RolledBack {
				t.Errorf("%s, %s: %s (%s), want %s", shell, how, a.Outcome, a.Reason, fix.RolledBack)
			}
			h.inject = nil
			h.answer(t, fix.Rollback(nonce, runID, who, true), "")
			if now := h.read(t, "/etc/sysctl.conf"); now != odd+"# by hand\n" {
				t.Errorf("%s, %s: the file is %q", shell, how, now)
			}
			for name := range h.tree(t) {
				if strings.Contains(name, ".tmdoctor.") {
					t.Errorf("%s, %s: %s is left", shell, how, name)
				}
			}
			if s := h.inspect(t, fix.Query{Paths: []string{"/etc/sysctl.conf"}}); s.Unfinished != nil || s.Files[0].Links != 1 {
				t.Errorf("%s, %s: unfinished %+v, %d names", shell, how, s.Unfinished, s.Files[0].Links)
			}
		}
	}
}

// Whoever may write where a run is kept decides what a roll back makes of /etc.
func TestAPlaceOfOthersIsNotTrusted(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(dir string) error{
		"the group may write": func(dir string) error { return os.Chmod(dir, 0o775) },
		"all may write":       func(dir string) error { return os.Chmod(dir, 0o757) },
		"it is another's": func(dir string) error {
			if os.Getuid() != 0 {
				return os.Chmod(dir, 0o777) // only root gives directories away
			}
			return os.Chown(dir, 1234, 1234)
		},
	} {
		for _, dir := range []string{"/var/lib/tmdoctor", "/var/lib/tmdoctor/runs"} {
			h := newHost(t, smallFiles)
			was := h.tree(t)
			if err := os.MkdirAll(h.root+"/var/lib/tmdoctor/runs", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := spoil(h.root + dir); err != nil {
				t.Fatal(err)
			}
			a := h.answer(t, fix.Apply(nonce, runID, who, smallPlan(t, h), 30, true), fix.Keep(nonce))
			if a.Outcome != fix.Untouched || !strings.Contains(a.Reason, "others could write") {
				t.Errorf("%s of %s: %s (%s)", name, dir, a.Outcome, a.Reason)
			}
			if a := h.answer(t, fix.Rollback(nonce, runID, who, true), ""); a.Outcome != fix.Untouched {
				t.Errorf("%s of %s: roll back: %s (%s)", name, dir, a.Outcome, a.Reason)
			}
			wantTree(t, h, was)
		}
	}
}

// A mode that somebody gave since is an edit too.
func TestARollbackKeepsAnotherMode(t *testing.T) {
	t.Parallel()
	h := newHost(t, smallFiles)
	was := h.tree(t)
	if a := h.answer(t, fix.Apply(nonce, runID, who, smallPlan(t, h), 30, true), fix.Keep(nonce)); a.Outcome != fix.Kept {
		t.Fatalf("%s (%s)", a.Outcome, a.Reason)
	}
	if err := os.Chmod(h.root+"/etc/sysctl.conf", 0o600); err != nil {
		t.Fatal(err)
	}
	if a := h.answer(t, fix.Rollback(nonce, runID, who, false), ""); a.Outcome != fix.Untouched || !strings.Contains(a.Reason, "has mode 0600") {
		t.Errorf("%s (%s)", a.Outcome, a.Reason)
	}
	if a := h.answer(t, fix.Rollback(nonce, runID, who, true), ""); a.Outcome != fix.RolledBack {
		t.Errorf("forced: %s (%s)", a.Outcome, a.Reason)
	}
	wantTree(t, h, was)
}
