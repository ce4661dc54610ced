//go:build unix

package fix_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// Somebody edits between the comparison and the rename.
func TestAConcurrentEditIsNotLost(t *testing.T) {
	t.Parallel()
	const mine = "mine\n"
	for _, tt := range []struct {
		name, at, edit string
		want           fix.Outcome
	}{
		{"before the last look", "replace() {\n", "echo mine >\"$at\"", fix.RolledBack},
		{"after the last look, in place", "\t\tmv -f \"$1\" \"$at\"\n", "echo mine >\"$at\"", fix.Stuck},
		{"a new file appears", "replace() {\n", "[ -n \"$before\" ] || echo mine >\"$at\"", fix.Stuck},
		{"before the way back", "put_back() { ", "echo mine >\"$at\";", fix.Stuck},
		{"before the way back of a new file", "take_away() {\n", "echo mine >\"$at\"", fix.Stuck},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, smallFiles)
			p := smallPlan(t, h)
			h.inject = func(text string) string {
				switch {
				case strings.HasSuffix(tt.at, "{\n"):
					return strings.Replace(text, tt.at, tt.at+tt.edit+"\n", 1)
				case strings.HasSuffix(tt.at, "{ "):
					return strings.Replace(text, tt.at, tt.at+tt.edit+" ", 1)
				case !strings.Contains(text, tt.at):
					t.Errorf("the program has no line %q", tt.at)
				}
				return strings.Replace(text, tt.at, "\t"+tt.edit+"\n"+tt.at, 1)
			}
			a := h.answer(t, fix.Apply(nonce, runID, who, p, 30, true), fix.Back(nonce))
			if a.Outcome != tt.want {
				t.Errorf("%s (%s), want %s", a.Outcome, a.Reason, tt.want)
			}
			edited := 0
			for i, f := range a.Files {
				if f.State == "edited" {
					edited++
					if got := h.read(t, p.Files[i].Path); got != mine {
						t.Errorf("%s = %q, want what was edited", f.Path, got)
					}
				}
			}
			if edited != 1 {
				t.Errorf("%d files are told edited, want 1: %+v", edited, a.Files)
			}
		})
	}
}

// TestFixThenRollbackOfRandomTrees: names, modes, owners, bytes and shells at
// random. The seed is the name of the test.
func TestFixThenRollbackOfRandomTrees(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 12))
			h := newHost(t, nil)
			h.shell = shells[seed%uint64(len(shells))]
			p, after := &fix.Plan{}, map[string]string{}
			for i := range 1 + rng.IntN(5) {
				path := fmt.Sprintf("/etc/d%d/%s%d.conf", rng.IntN(3), []string{"a", "b c", "$(id)", "*", "'", "\"", "\\n", "ä"}[rng.IntN(8)], i)
				text := func() string {
					b := make([]byte, rng.IntN(6000))
					for j := range b {
						b[j] = byte(rng.UintN(256))
						if rng.IntN(3) > 0 {
							b[j] = "\r\n\t -%\\'"[rng.IntN(8)]
						}
					}
					return string(b)
				}
				if rng.IntN(3) > 0 {
					h.write(t, path, text())
					os.Chmod(h.root+path, os.FileMode(rng.UintN(0o400))|0o400)
					if os.Getuid() == 0 {
						os.Chown(h.root+path, rng.IntN(9), rng.IntN(9))
					}
					os.Chtimes(h.root+path, time.Time{}, time.Unix(int64(rng.IntN(1e9)), 5))
				}
				after[path] = text()
			}
			for path, text := range after {
				p.Files = append(p.Files, h.change(t, path, text))
			}
			was := h.tree(t)
			for _, end := range []string{"back", "keep"} {
				a := h.answer(t, fix.Apply(nonce, runID, who, p, 60, true), end+" "+nonce)
				if end == "keep" {
					wantNew(t, h, p)
					for _, f := range p.Files {
						info, err := os.Stat(h.root + f.Path)
						if err != nil || fmt.Sprintf("%04o", info.Mode().Perm()) != f.Mode {
							t.Errorf("%s has mode %v, %v: want %s", f.Path, info.Mode(), err, f.Mode)
						}
					}
					a = h.answer(t, fix.Rollback(nonce, runID, who, false), "")
				}
				if a.Outcome != fix.RolledBack {
					t.Fatalf("%s: %s (%s)", end, a.Outcome, a.Reason)
				}
				wantTree(t, h, was)
			}
		})
	}
}
