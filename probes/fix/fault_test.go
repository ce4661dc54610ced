//go:build unix

package fix_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// opHead is where an operation begins; what stands below it runs before the
// operation numbered op_number.
const opHead = "op() {\n\top_number=$((op_number + 1))\n"

// before makes a program do something before its operation n.
func before(n int, what string) func(string) string {
	return func(text string) string {
		if !strings.Contains(text, opHead) {
			panic("the program has no operations")
		}
		return strings.Replace(text, opHead, fmt.Sprintf("%s\tif [ \"$op_number\" = %d ]; then\n\t\t%s\n\tfi\n", opHead, n, what), 1)
	}
}

const (
	killed = "kill -9 $$"
	failed = "op_error='no space left on device'\n\t\treturn 1"
)

// smallFiles and smallPlan have each kind of a change once.
var smallFiles = map[string]string{"/etc/sysctl.conf": odd}

func smallPlan(t testing.TB, h *host) *fix.Plan {
	t.Helper()
	return &fix.Plan{
		Files: []fix.FileChange{
			h.change(t, "/etc/sysctl.conf", strings.Replace(odd, "65530", "262144", 1)),
			h.change(t, "/etc/new.d/x.conf", "x\n"),
		},
		Live: []fix.LiveChange{mapCount},
	}
}

// operations is how many operations a program came to.
func operations(stdout []byte) int { return bytes.Count(stdout, []byte("\nstep ")) }

// oldOrNew says of each file of a plan whether it is old or new, byte for byte.
func oldOrNew(t testing.TB, h *host, p *fix.Plan, when string) (anyNew bool) {
	t.Helper()
	for _, f := range p.Files {
		now, err := os.ReadFile(h.root + f.Path)
		switch {
		case err == nil && string(now) == string(f.After):
			anyNew = true
		case f.Absent && os.IsNotExist(err), err == nil && !f.Absent && string(now) == string(f.Before):
		default:
			t.Errorf("%s: %s is neither old nor new: %q, %v", when, f.Path, now, err)
		}
	}
	return anyNew
}

// TestKilledBeforeEveryOperation ends the shell with SIGKILL before each
// operation, those of the way back included: each file is old or new, the host
// says how far the run is, and a roll back makes all as it was. The first shell
// does so at every operation, the others at some.
func TestKilledBeforeEveryOperation(t *testing.T) {
	t.Parallel()
	for i, shell := range shells {
		for _, verdict := range []string{fix.Back(nonce), fix.Keep(nonce)} {
			t.Run(shell[0]+"/"+verdict[:4], func(t *testing.T) {
				t.Parallel()
				h := newHost(t, smallFiles)
				h.shell = shell
				was, p := h.tree(t), smallPlan(t, h)
				step := densely(1 + 6*i)
				if verdict == fix.Keep(nonce) {
					step = densely(3 + 4*i)
				}
				for n := 1 + i; ; n += step {
					h.inject = before(n, killed)
					out := h.talk(t, fix.Apply(nonce, runID, who, p, 30, true), verdict)
					if operations(out) < n-1 {
						if n < 40 {
							t.Errorf("there are only %d operations: %s", operations(out), out)
						}
						return
					}
					when := fmt.Sprintf("killed before operation %d", n)
					if a, err := fix.ParseAnswer(out, nonce); err == nil && a.Outcome != fix.Applied && bytes.Count(out, []byte("outcome")) == 0 {
						t.Errorf("%s: it claims %s", when, a.Outcome)
					}
					recovers(t, h, p, was, when)
					if t.Failed() {
						return
					}
				}
			})
		}
	}
}

// recovers looks at a host whose program was ended somewhere, and rolls back.
func recovers(t *testing.T, h *host, p *fix.Plan, was map[string]string, when string) {
	t.Helper()
	h.inject = nil
	anyNew := oldOrNew(t, h, p, when)
	s := h.inspect(t, fix.Query{Run: runID})
	state := fix.RunState("") // it left no trace
	if s.Run != nil {
		state = s.Run.State
	}
	if anyNew && (state == "" || state == fix.RunStaged || state == fix.RunRolledBack) {
		t.Errorf("%s: the host says %s, and a file is new", when, state)
	}
	if state != fix.RunKept && state != fix.RunRolledBack && state != "" && s.Unfinished == nil {
		t.Errorf("%s: the host says %s, and no run is unfinished", when, state)
	}
	if s.Lock != "" {
		t.Errorf("%s: the lock of a dead process counts: %s", when, s.Lock)
	}
	a := h.answer(t, fix.Rollback(nonce, runID, who, false), "")
	switch {
	case state == "" && a.Outcome == fix.Untouched:
	case state != "" && a.Outcome == fix.RolledBack:
	default:
		t.Errorf("%s: state %s, roll back: %s (%s)", when, state, a.Outcome, a.Reason)
	}
	wantTree(t, h, was)
	os.RemoveAll(h.root + "/var/lib/tmdoctor")
}

// A roll back of a run that was kept, killed before each of its operations: the
// next one ends what it began.
func TestRollbackKilledBeforeEveryOperation(t *testing.T) {
	t.Parallel()
	h := newHost(t, smallFiles)
	was, p := h.tree(t), smallPlan(t, h)
	for n := 1; ; n++ {
		h.inject = nil
		if a := h.answer(t, fix.Apply(nonce, runID, who, p, 30, true), fix.Keep(nonce)); a.Outcome != fix.Kept {
			t.Fatalf("before operation %d: %s (%s)", n, a.Outcome, a.Reason)
		}
		h.inject = before(n, killed)
		out := h.talk(t, fix.Rollback(nonce, runID, who, false), "")
		if operations(out) < n-1 {
			if n < 15 {
				t.Errorf("there are only %d operations: %s", operations(out), out)
			}
			return
		}
		recovers(t, h, p, was, fmt.Sprintf("roll back killed before operation %d", n))
		if t.Failed() {
			return
		}
	}
}

// TestFailureOfEveryOperation makes one operation after the other fail: what is
// reported is so, and unless the way back itself failed nothing is changed.
func TestFailureOfEveryOperation(t *testing.T) {
	t.Parallel()
	for i, shell := range shells {
		t.Run(shell[0], func(t *testing.T) {
			t.Parallel()
			h := newHost(t, smallFiles)
			h.shell = shell
			was, p := h.tree(t), smallPlan(t, h)
			for n := 1 + i; ; n += densely(1 + 5*i) {
				h.inject = before(n, failed)
				verdict := fix.Keep(nonce)
				if n > 45 {
					verdict = fix.Back(nonce)
				}
				out := h.talk(t, fix.Apply(nonce, runID, who, p, 30, true), verdict)
				if operations(out) < n-1 {
					if n < 50 {
						t.Errorf("there are only %d operations: %s", operations(out), out)
					}
					return
				}
				when := fmt.Sprintf("operation %d failed", n)
				a, err := fix.ParseAnswer(out, nonce)
				if err != nil {
					t.Fatalf("%s: %v\n%s", when, err, out)
				}
				anyNew := oldOrNew(t, h, p, when)
				switch a.Outcome {
				case fix.Kept:
					wantNew(t, h, p)
				case fix.Untouched, fix.RolledBack:
					if anyNew {
						t.Errorf("%s: told %s, and a file is new", when, a.Outcome)
					}
					if !leftBehind(a) {
						wantTree(t, h, was)
					}
				case fix.Stuck:
					if a.Reason == "" {
						t.Errorf("%s: stuck without a reason", when)
					}
				}
				recoversFrom(t, h, was, when, a)
				if t.Failed() {
					t.Logf("%s", out)
					return
				}
			}
		})
	}
}

func recoversFrom(t *testing.T, h *host, was map[string]string, when string, a *fix.Answer) {
	t.Helper()
	h.inject = nil
	b := h.answer(t, fix.Rollback(nonce, runID, who, false), "")
	if b.Outcome != fix.RolledBack && !(a.Outcome == fix.Untouched && b.Outcome == fix.Untouched) {
		t.Errorf("%s: %s (%s), then a roll back: %s (%s)", when, a.Outcome, a.Reason, b.Outcome, b.Reason)
	}
	if !leftBehind(a) {
		wantTree(t, h, was)
	}
	os.RemoveAll(h.root + "/var/lib/tmdoctor")
	os.RemoveAll(h.root + "/etc/new.d")
	os.RemoveAll(h.root + "/etc/.tmdoctor." + runID + ".1.tmp")
	os.RemoveAll(h.root + "/etc/.tmdoctor." + runID + ".1.old")
}

// leftBehind is true where the operation that failed was one that cleans up,
// and the answer says so.
func leftBehind(a *fix.Answer) bool {
	return strings.Contains(strings.Join(a.Notes, "\n"), " is left behind: ")
}

// A program that is cut anywhere does nothing.
func TestCutProgramsChangeNothing(t *testing.T) {
	t.Parallel()
	for i, shell := range shells {
		t.Run(shell[0], func(t *testing.T) {
			t.Parallel()
			h := newHost(t, smallFiles)
			h.shell = shell
			was := h.tree(t)
			whole := h.text(fix.Apply(nonce, runID, who, smallPlan(t, h), 30, false))
			cuts := []int{}
			for n := i * 100; n < len(whole); n += 797 {
				cuts = append(cuts, n)
			}
			for n := len(whole) - 60; n < len(whole)-1; n++ {
				cuts = append(cuts, n)
			}
			for _, n := range cuts {
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
				cmd := h.command(ctx)
				cmd.Stdin = strings.NewReader(whole[:n])
				out, _ := cmd.Output()
				cancel()
				if _, err := fix.ParseAnswer(out, nonce); err != fix.ErrTruncated {
					t.Errorf("cut after %d bytes of %d: it answers %q, %v", n, len(whole), out, err)
				}
			}
			wantTree(t, h, was)
			if _, err := os.Stat(h.root + "/var/lib/tmdoctor"); err == nil {
				t.Error("/var/lib/tmdoctor was made")
			}
		})
	}
}

// Its output goes nowhere and its input ends, as where a connection is lost:
// it goes back, whenever that happens.
func TestALostConnectionGoesBack(t *testing.T) {
	t.Parallel()
	for _, shell := range shells {
		t.Run(shell[0], func(t *testing.T) {
			t.Parallel()
			h := newHost(t, smallFiles)
			h.shell = shell
			was := h.tree(t)
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			cmd := h.command(ctx)
			cmd.Stdin = strings.NewReader(h.text(fix.Apply(nonce, runID, who, smallPlan(t, h), 30, true)))
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd.Stdout = w
			if err := cmd.Start(); err != nil {
				lacking(t, shell[0])
			}
			w.Close()
			io.ReadFull(r, make([]byte, 40)) // it has begun
			r.Close()
			cmd.Wait()
			wantTree(t, h, was)
			if s := h.inspect(t, fix.Query{Run: runID}); s.Run == nil || s.Run.State != fix.RunRolledBack || s.Lock != "" {
				t.Errorf("the host says %+v, lock %q", s.Run, s.Lock)
			}
		})
	}
}

// A new file has two names for a moment. Killed then, both go again.
func TestKilledBetweenTheNamesOfANewFile(t *testing.T) {
	t.Parallel()
	for _, shell := range shells {
		h := newHost(t, smallFiles)
		h.shell = shell
		was, p := h.tree(t), smallPlan(t, h)
		h.inject = func(text string) string {
			return strings.Replace(text, "ln \"$new\" \"$at\" && rm -f \"$new\"", "ln \"$new\" \"$at\" && kill -9 $$", 1)
		}
		h.talk(t, fix.Apply(nonce, runID, who, p, 30, true), fix.Keep(nonce))
		if got := h.tree(t)["/etc/new.d/x.conf"]; !strings.Contains(got, " 2 2") {
			t.Errorf("%s: it is %q: want two names", shell, got)
		}
		recovers(t, h, p, was, "killed between two names")
	}
}
