//go:build unix

package fix_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// TestALockedHostIsRefused: while one program waits for its verdict, another
// touches nothing and says who holds the lock, and so says Inspect.
func TestALockedHostIsRefused(t *testing.T) {
	t.Parallel()
	for _, shell := range shells {
		t.Run(shell[0], func(t *testing.T) {
			t.Parallel()
			h := newHost(t, smallFiles)
			h.shell = shell
			p := smallPlan(t, h)
			second := *h
			var answers []*fix.Answer
			var lock string
			h.during = func() {
				for _, program := range [][]byte{
					fix.Apply(nonce, "other", "eve@elsewhere", p, 30, true),
					fix.Rollback(nonce, runID, "eve@elsewhere", true),
					fix.Settle(nonce, runID, "eve@elsewhere"),
				} {
					answers = append(answers, second.answer(t, program, fix.Keep(nonce)))
				}
				lock = second.inspect(t, fix.Query{}).Lock
			}
			if a := h.answer(t, fix.Apply(nonce, runID, who, p, 60, true), fix.Keep(nonce)); a.Outcome != fix.Kept {
				t.Errorf("the first: %s (%s)", a.Outcome, a.Reason)
			}
			held := regexp.MustCompile(`^locked by run ` + runID + ` of ops@bastion since \d{8}T\d{6}Z \(process \d+\)$`)
			for _, a := range answers {
				if a.Outcome != fix.Untouched || !held.MatchString(a.Reason) {
					t.Errorf("the second: %s (%s)", a.Outcome, a.Reason)
				}
			}
			if len(answers) != 3 || !held.MatchString("locked by "+lock) {
				t.Errorf("%d answers, the lock is told as %q", len(answers), lock)
			}
			wantNew(t, h, p)
		})
	}
}

// staleLocks are locks that nobody holds.
func staleLocks(t testing.TB) map[string]string {
	t.Helper()
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		t.Skip("no boot id")
	}
	id := strings.TrimSpace(string(boot))
	return map[string]string{
		"a process that is gone":        "4194305:1:" + id + ":20260101T000000Z:old:ops@bastion",
		"a process that started later":  "1:999999999999:" + id + ":20260101T000000Z:old:ops@bastion",
		"a boot that is over":           fmt.Sprintf("%d:1:%s:20260101T000000Z:old:ops@bastion", os.Getpid(), "0"),
		"words that say nothing":        "x",
		"a takeover that was cut short": "4194305:1:" + id + ":20260101T000000Z:old:ops@bastion",
	}
}

func TestAStaleLockIsTakenOver(t *testing.T) {
	t.Parallel()
	for name, text := range staleLocks(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, shell := range shells {
				h := newHost(t, smallFiles)
				h.shell = shell
				home := h.root + "/var/lib/tmdoctor"
				os.Mkdir(home, 0o755)
				os.Symlink(text, home+"/lock")
				if strings.HasPrefix(name, "a takeover") {
					os.Symlink(text, home+"/lock.x")
				}
				if lock := h.inspect(t, fix.Query{}).Lock; lock != "" {
					t.Errorf("%s: the lock counts: %q", shell, lock)
				}
				p := smallPlan(t, h)
				a := h.answer(t, fix.Apply(nonce, runID, who, p, 30, true), fix.Keep(nonce))
				if a.Outcome != fix.Kept || !strings.Contains(strings.Join(a.Notes, "\n"), "a stale lock was taken over: ") {
					t.Errorf("%s: %s (%s), notes %q", shell, a.Outcome, a.Reason, a.Notes)
				}
				if left, _ := os.ReadDir(home); len(left) != 1 {
					t.Errorf("%s: beside the runs there is %v", shell, left)
				}
			}
		})
	}
}

// Of many that find the same stale lock at once, or none, at most one is at
// work at a time: a plan is applied once, for all others the host has changed
// or is locked.
func TestOneOfManyGetsTheLock(t *testing.T) {
	t.Parallel()
	stale := staleLocks(t)["a process that is gone"]
	for _, name := range []string{"no lock", "a stale lock"} {
		h := newHost(t, smallFiles)
		if name == "a stale lock" {
			os.Mkdir(h.root+"/var/lib/tmdoctor", 0o755)
			os.Symlink(stale, h.root+"/var/lib/tmdoctor/lock")
		}
		p := smallPlan(t, h)
		var wg sync.WaitGroup
		outcomes := make([]*fix.Answer, 6)
		for i := range outcomes {
			wg.Add(1)
			go func() {
				defer wg.Done()
				one := *h
				one.shell = shells[i%len(shells)]
				outcomes[i] = one.answer(t, fix.Apply(nonce, fmt.Sprintf("r%d", i), who, p, 30, true), fix.Keep(nonce))
			}()
		}
		wg.Wait()
		kept := 0
		for _, a := range outcomes {
			switch a.Outcome {
			case fix.Kept:
				kept++
			case fix.Untouched:
			default:
				t.Errorf("%s: %s (%s)", name, a.Outcome, a.Reason)
			}
		}
		if kept != 1 {
			t.Errorf("%s: %d of them kept, want 1", name, kept)
		}
		wantNew(t, h, p)
	}
}

// A run that another began and did not end is in the way, unless it had
// changed nothing yet.
func TestAnUnfinishedRunIsInTheWay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, at string
		outcome  fix.Outcome
		reason   string
	}{
		{"applied", "\tlimit \"$patience\" verdict", fix.Untouched, "run old is applied here and not finished: resume it or roll it back first"},
		{"applying", "\top replace ||", fix.Untouched, "run old is applying here and not finished: resume it or roll it back first"},
		{"staged", "\tset_state applying &&", fix.Kept, ""},
		{"hardly begun", "\teach_line compare ||", fix.Kept, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, smallFiles)
			p := smallPlan(t, h)
			h.inject = func(text string) string { return strings.Replace(text, tt.at, "\tkill -9 $$\n"+tt.at, 1) }
			h.talk(t, fix.Apply(nonce, "old", who, p, 30, true), fix.Keep(nonce))
			h.inject = nil
			if s := h.inspect(t, fix.Query{}); s.Unfinished == nil || s.Unfinished.Run != "old" || tt.name != "hardly begun" && (s.Unfinished.Who != who || len(s.Unfinished.Files) != 2) {
				t.Errorf("unfinished is told as %+v", s.Unfinished)
			}
			a := h.answer(t, fix.Apply(nonce, runID, who, p, 30, true), fix.Keep(nonce))
			if a.Outcome != tt.outcome || a.Reason != tt.reason {
				t.Errorf("%s (%s), want %s (%s)", a.Outcome, a.Reason, tt.outcome, tt.reason)
			}
		})
	}
}

// What is kept of runs is bounded, and readable only as far as it has to be.
func TestOldRunsAreForgotten(t *testing.T) {
	t.Parallel()
	h := newHost(t, map[string]string{"/etc/a": "0"})
	for i := 1; i <= 22; i++ {
		p := &fix.Plan{Files: []fix.FileChange{h.change(t, "/etc/a", fmt.Sprint(i))}}
		if a := h.answer(t, fix.Apply(nonce, fmt.Sprintf("run%02d", i), who, p, 30, false), ""); a.Outcome != fix.Kept {
			t.Fatalf("%s (%s)", a.Outcome, a.Reason)
		}
	}
	runs, err := os.ReadDir(h.root + "/var/lib/tmdoctor/runs")
	if err != nil || len(runs) != 20 || runs[0].Name() != "run03" {
		t.Errorf("kept are %v, %v: want run03 to run22", runs, err)
	}
	for path, want := range map[string]os.FileMode{
		"": 0o755, "/runs": 0o755, "/runs/run22": 0o755, "/runs/run22/state": 0o644, "/runs/run22/who": 0o644,
		"/runs/run22/kept": 0o700, "/runs/run22/kept/manifest": 0o600,
	} {
		info, err := os.Stat(h.root + "/var/lib/tmdoctor" + path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v: want %o", path, info.Mode(), err, want)
		}
	}
}
