package remote

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tmdoctor/tmdoctor/inventory"
)

func TestLocalRunsAScript(t *testing.T) {
	t.Parallel()
	h := inventory.Host{Name: "localhost", Local: true}
	res := (&Local{}).Run(t.Context(), h, script("echo one\necho two >&2\necho '== end =='\nexit 4\n"))
	want := Result{Host: h, Address: "localhost", Stdout: []byte("one\n" + endMark), Stderr: []byte("two\n"), ExitStatus: 4}
	if diff := cmp.Diff(want, res, cmpopts.IgnoreFields(Result{}, "Timing")); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
}

func TestLocalEndsInOneResult(t *testing.T) {
	t.Parallel()
	limits := Limits{Script: 300 * time.Millisecond, Stdout: 1 << 16, Drain: 1 << 16}
	for _, c := range []struct {
		name, text, reason string
		kind               Kind
	}{
		{"hangs", "echo begin; sleep 100\n", "did not come to its end within 300ms", KindTimeout},
		{"no end mark", "echo only this\n", `the shell ended with status 0 and not all of the answer: "only this"`, ""},
		{"killed", "kill -9 $$\n", "the script was killed by signal signal: killed", ""},
		{"floods", "while :; do echo 0123456789012345678901234567890123456789; done\n", "the host printed without end", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			e := failure(t, (&Local{Limits: limits}).Run(t.Context(), inventory.Host{}, script(c.text)))
			if e.Phase != PhaseScript || e.Kind != c.kind {
				t.Errorf("phase %s, kind %q, want script, %q", e.Phase, e.Kind, c.kind)
			}
			contains(t, "reason", e.Reason, c.reason)
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

// What a script starts ends with it, when the deadline ends it.
func TestLocalKillsTheWholeGroup(t *testing.T) {
	t.Parallel()
	pid := t.TempDir() + "/pid"
	l := &Local{Limits: Limits{Script: 500 * time.Millisecond}}
	l.Run(t.Context(), inventory.Host{}, script("sleep 1000 & echo $! >"+pid+"; wait\n"))
	text, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if !alive(n) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("process %d is still there", n)
}

// A process left behind with the standard output open does not hold up the
// answer.
func TestLocalDoesNotWaitForWhatIsLeftBehind(t *testing.T) {
	t.Parallel()
	start := time.Now()
	res := (&Local{}).Run(t.Context(), inventory.Host{}, script("sleep 20 & echo '== end =='\n"))
	if res.Err != nil || time.Since(start) > 10*time.Second {
		t.Errorf("%v after %v, want no error at once", res.Err, time.Since(start))
	}
}

func TestLocalAfterTheRunEnded(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if e := failure(t, (&Local{}).Run(ctx, inventory.Host{}, script(""))); e.Phase != PhaseDeadline || e.Kind != KindCanceled {
		t.Errorf("error = %+v, want phase deadline, canceled", e)
	}
}

// alive is true if a process exists and is no zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}
