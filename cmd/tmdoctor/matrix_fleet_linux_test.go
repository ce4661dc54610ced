package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/report"
)

// The limits of the run. A machine that does other things besides may take
// seconds for what takes milliseconds: hosts that answer have to be done before
// those that hang are given up, whatever that takes. A bash that cannot fork
// answers after 15 s.
const (
	connectLimit = 5 * time.Second
	authLimit    = 8 * time.Second
	scriptLimit  = 14 * time.Second
	// memoryLimit is what the whole run may take, in bytes. Two hosts print
	// without end, one of them a line of 1 GiB.
	memoryLimit = 300 << 20
)

// TestMatrix asks all hosts of the matrix in one run of tmdoctor, and then
// through ssh(1).
func TestMatrix(t *testing.T) {
	if testing.Short() {
		t.Skip("starts sixty sshd hosts")
	}
	t.Parallel()
	l := newMatrixLab(t, matrix)
	t.Run("native", func(t *testing.T) { l.ask(t, matrix) })
	t.Run("table", func(t *testing.T) { l.readable(t) })
	var again []matrixRow
	for _, row := range matrix {
		if row.made.once {
			continue
		}
		if words, ok := inOtherWords[row.host]; ok {
			row.reason, row.hint = words[0], cmp.Or(words[1], row.hint)
		}
		again = append(again, row)
	}
	t.Run("openssh", func(t *testing.T) { l.ask(t, again, "--transport", "openssh") })
}

// ask runs tmdoctor once on the hosts of all rows.
func (l *matrixLab) ask(t *testing.T, rows []matrixRow, args ...string) {
	args = append([]string{"check", "-F", l.path("ssh_config"), "-i", l.path("hosts.txt"), "-o", "json",
		"--connect-timeout", connectLimit.String(), "--auth-timeout", authLimit.String(), "--script-timeout", scriptLimit.String()}, args...)
	for _, row := range rows {
		args = append(args, row.host)
	}
	cmd := l.command(args...)
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
	if len(r.Hosts) != len(rows) {
		t.Fatalf("%d hosts in the report, want %d", len(r.Hosts), len(rows))
	}
	for i, want := range rows {
		t.Run(want.host, func(t *testing.T) { want.compare(t, &r.Hosts[i]) })
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	t.Logf("%d hosts in %v: %d MiB, %v of processor", len(rows), took, usage.Maxrss>>10, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	if got := cmd.ProcessState.ExitCode(); got != exitOf(&r) || got == 0 {
		t.Errorf("exit status %d, want %d", got, exitOf(&r))
	}
	if slowest := connectLimit + authLimit + scriptLimit + 5*time.Second; took > slowest {
		t.Errorf("took %v, want %v at most", took, slowest)
	}
	if usage.Maxrss<<10 > memoryLimit {
		t.Errorf("took %d bytes of memory, want %d at most", usage.Maxrss<<10, memoryLimit)
	}
	if left := l.running(); len(left) > 0 {
		t.Errorf("still there: %q", left)
	}
	if errs.Len() > 0 {
		t.Errorf("standard error: %s", errs.String())
	}
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
		if spent >= scriptLimit {
			t.Errorf("took %v beside hosts that hang", spent)
		}
	case u.Reason == "" || u.Hint == "":
		t.Errorf("no reason or no hint: %+v", *u)
	case h.Status != probes.StatusUnknown || len(h.Checks) > 0 || len(h.Findings) > 0:
		t.Errorf("status %s, %d checks, %d findings of a host that did not answer", h.Status, len(h.Checks), len(h.Findings))
	}
}

// running are the processes in the control namespace: tmdoctor's, and those of
// what it started.
func (l *matrixLab) running() []string {
	return strings.Fields(l.must("ip", "netns", "pids", l.ctl))
}

// readable looks at the table of the last run: a row for each host with its
// phase, and what is wrong with it, in lines no longer than the terminal.
func (l *matrixLab) readable(t *testing.T) {
	const columns = 80
	cmd := l.command("check", "--from", l.path("report.json"), "--all")
	cmd.Env = append(cmd.Env, fmt.Sprintf("COLUMNS=%d", columns))
	out, _ := cmd.Output()
	rows, rest, _ := strings.Cut(string(out), "FINDINGS\n")
	t.Logf("\n%s", out)
	for _, want := range matrix {
		row := regexp.MustCompile(`(?m)^` + want.host + ` .*`).FindString(rows)
		if row == "" || want.phase != "" && !strings.Contains(row, "unknown  unreachable: "+want.phase) {
			t.Errorf("the row of %s in phase %q is %q", want.host, want.phase, row)
		}
	}
	// Reasons and commands to type may be longer.
	for line := range strings.Lines(rows) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > columns {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
	findings, _, _ := strings.Cut(rest, "LIMITS")
	if n := len(regexp.MustCompile(`host\s+refuses\s+to\s+start`).FindAllString(findings, -1)); n != 1 {
		t.Errorf("that a host cannot fork is found %d times", n)
	}
}
