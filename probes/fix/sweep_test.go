//go:build unix

package fix_test

import (
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// What a run that is settled left beside the files, because its program was
// killed just then, goes with whatever program comes next.
func TestWhatASettledRunLeftIsSweptAway(t *testing.T) {
	t.Parallel()
	left := func(h *host) (names []string) {
		for name := range h.tree(t) {
			if strings.Contains(name, ".tmdoctor.") {
				names = append(names, name)
			}
		}
		return names
	}
	for _, shell := range shells {
		for name, next := range map[string]func(h *host) []byte{
			"a fix": func(h *host) []byte {
				other := &fix.Plan{Files: []fix.FileChange{h.change(t, "/etc/other.conf", "x\n")}}
				return fix.Apply(nonce, "20260102T000000Z-bb", who, other, 30, false)
			},
			"a roll back":       func(*host) []byte { return fix.Rollback(nonce, "20260102T000000Z-bb", who, false) },
			"the run once more": func(*host) []byte { return fix.Settle(nonce, runID, who) },
		} {
			h := newHost(t, smallFiles)
			h.shell = shell
			h.inject = func(text string) string {
				return strings.Replace(text, "\nclean() {\n", "\nclean() {\n\tkill -9 $$\n", 1)
			}
			h.talk(t, fix.Apply(nonce, runID, who, smallPlan(t, h), 30, true), fix.Keep(nonce))
			if len(left(h)) == 0 {
				t.Fatal("nothing is left behind: the test tests nothing")
			}
			h.inject = nil
			h.talk(t, next(h), "")
			if names := left(h); names != nil {
				t.Errorf("%s: %s leaves %q", shell, name, names)
			}
		}
	}
}
