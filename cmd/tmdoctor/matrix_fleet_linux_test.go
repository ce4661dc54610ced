package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/report"
)

// The limits of the run. A machine that does other things besides may take
// seconds for what takes milliseconds: hosts that answer are given scriptLimit,
// and have to be done long before those that hang are given up.
const (
	connectLimit = 5 * time.Second
	authLimit    = 8 * time.Second
	scriptLimit  = 15 * time.Second
	// memoryLimit is what the whole run may take, in bytes. Two hosts print
	// without end, one of them a line of 1 GiB.
	memoryLimit = 300 << 20
)

// TestMatrix asks all hosts of the matrix in one run of tmdoctor.
func TestMatrix(t *testing.T) {
	if testing.Short() {
		t.Skip("starts fifty sshd hosts")
	}
	t.Parallel()
	l := newMatrixLab(t, matrix)
	cmd := l.command("check", "-F", l.path("ssh_config"), "-i", l.path("hosts.txt"), "-o", "json",
		"--connect-timeout", connectLimit.String(), "--auth-timeout", authLimit.String(), "--script-timeout", scriptLimit.String())
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	start := time.Now()
	_ = cmd.Run()
	took := time.Since(start)
	l.write("report.json", out.String())
	var r report.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("the report is not JSON: %v\n%s", err, errs.String())
	}
	if len(r.Hosts) != len(matrix) {
		t.Errorf("%d hosts in the report, want %d", len(r.Hosts), len(matrix))
	}
	for i, want := range matrix {
		t.Run(want.host, func(t *testing.T) { want.compare(t, &r.Hosts[i]) })
	}
	t.Run("the end", func(t *testing.T) {
		usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		t.Logf("%d hosts in %v: %d MiB, %v of processor", len(matrix), took, usage.Maxrss>>10, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
		if got := cmd.ProcessState.ExitCode(); got != exitOf(&r) || got == 0 {
			t.Errorf("exit status %d, want %d", got, exitOf(&r))
		}
		if slowest := authLimit + scriptLimit + 5*time.Second; took > slowest {
			t.Errorf("took %v, want %v at most", took, slowest)
		}
		if usage.Maxrss<<10 > memoryLimit {
			t.Errorf("took %d bytes of memory, want %d at most", usage.Maxrss<<10, memoryLimit)
		}
		if pids := l.running(); pids != nil {
			t.Errorf("still there: processes %s", pids)
		}
		if errs.Len() > 0 {
			t.Errorf("standard error: %s", errs.String())
		}
	})
	t.Run("table", func(t *testing.T) { l.readable(t) })
}

// exitOf is the exit status that a report has.
func exitOf(r *report.Report) int {
	switch s := r.Summary; {
	case s.Fail > 0:
		return 2
	case s.Unknown > 0:
		return 3
	}
	return 0
}

// compare says what is wrong with the row of a host.
func (want matrixRow) compare(t *testing.T, h *report.Host) {
	if h.Name != want.host {
		t.Fatalf("the row is that of %s", h.Name)
	}
	u := h.Unreachable
	if u == nil {
		u = &report.Unreachable{}
		for _, c := range h.Checks {
			if want.reason != "" && strings.Contains(c.Reason, want.reason) {
				u.Reason = c.Reason
			}
		}
	}
	if u.Phase != want.phase || !strings.Contains(u.Reason, want.reason) || !strings.Contains(u.Hint, want.hint) {
		t.Errorf("%s: %s\nhint: %s\nwant %s: %s\nhint: %s", u.Phase, u.Reason, u.Hint, want.phase, want.reason, want.hint)
	}
	spent := time.Duration(h.Timing.ConnectMS+h.Timing.AuthMS+h.Timing.ScriptMS) * time.Millisecond
	t.Logf("%v %s: %s\nhint: %s", spent, u.Phase, u.Reason, u.Hint)
	switch {
	case want.phase == "":
		if len(h.Checks) == 0 || want.reason != "" && h.Status != probes.StatusUnknown {
			t.Errorf("status %s, %d checks", h.Status, len(h.Checks))
		}
		if spent > connectLimit+scriptLimit/2 {
			t.Errorf("took %v beside hosts that hang", spent)
		}
	case u.Reason == "" || u.Hint == "":
		t.Errorf("no reason or no hint: %+v", *u)
	case h.Status != probes.StatusUnknown || len(h.Checks) > 0 || len(h.Findings) > 0:
		t.Errorf("status %s, %d checks, %d findings of a host that did not answer", h.Status, len(h.Checks), len(h.Findings))
	}
}

// running are the processes of this lab's tmdoctor.
func (l *matrixLab) running() (pids []string) {
	exes, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, exe := range exes {
		if to, err := os.Readlink(exe); err == nil && to == l.bin {
			pids = append(pids, exe)
		}
	}
	return pids
}

// readable looks at the table of the run: each host that was lost, with its
// phase and a hint, in lines no longer than the terminal.
func (l *matrixLab) readable(t *testing.T) {
	stdout, stderr, _ := l.run("check", "--from", l.path("report.json"), "--all")
	if stderr != "" {
		t.Errorf("standard error: %s", stderr)
	}
	for _, want := range matrix {
		if want.phase != "" && !strings.Contains(stdout, "unreachable: "+want.phase) {
			t.Errorf("no host is unreachable in phase %s", want.phase)
		}
	}
	t.Logf("\n%s", stdout)
}
