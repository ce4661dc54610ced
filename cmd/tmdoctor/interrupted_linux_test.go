package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/tmdoctor/tmdoctor/remote/demo"
	"github.com/tmdoctor/tmdoctor/report"
)

// TestACtrlCAtAnyMomentLeavesAWholeReport interrupts a run as the first host is
// asked, the second, ... and last after all of them, and reads what is left in
// every format. The hosts themselves send the signal, so that nothing depends
// on how fast this machine is.
func TestACtrlCAtAnyMomentLeavesAWholeReport(t *testing.T) {
	t.Parallel()
	noShell(t)
	const hosts = 12
	for at := 1; at <= hosts+1; at++ {
		t.Run(fmt.Sprintf("at host %d", at), func(t *testing.T) {
			t.Parallel()
			interruptAt(t, hosts, at)
		})
	}
}

// interruptAt interrupts a run on hosts as the at-th of them is asked: that one
// then never answers.
func interruptAt(t *testing.T, hosts, at int) {
	var asked atomic.Int32
	started := make(chan struct{}) // closed when cmd has a process
	var cmd *exec.Cmd
	answer := func(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
		if int(asked.Add(1)) == at {
			<-started
			cmd.Process.Signal(syscall.SIGINT)
			<-ctx.Done()
		}
		return saysLittle(ctx, stdin, stdout, stderr)
	}
	var members []demo.Member
	for i := range hosts {
		members = append(members, demo.Member{Name: fmt.Sprintf("tm%02d", i+1), Exec: answer})
	}
	fleet, err := demo.Start(t.Context(), members, demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer fleet.Close()
	dir := t.TempDir()
	args := []string{"check", "-F", fleet.SSHConfig(), "-i", fleet.Inventory(), "--in-flight", "3", "-o", "ndjson"}
	for _, format := range formatNames() {
		args = append(args, "-o", format+"="+filepath.Join(dir, "r."+format))
	}
	cmd = demoCommand(t, t.TempDir(), args...)
	cmd.Env = append(cmd.Env, "LC_ALL=C.UTF-8")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 3 {
		t.Errorf("exit status %d, want 3\n%s", got, stderr.String())
	}
	cut := at <= hosts
	if got := strings.Contains(stderr.String(), "tmdoctor: interrupted: "); got != cut {
		t.Errorf("it is said that the run was interrupted: %v, want %v", got, cut)
	}
	read := func(format string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, "r."+format))
		if err != nil {
			t.Error(err)
		}
		return b
	}
	for _, format := range []string{"json", "ndjson"} {
		wholeReport(t, format, read(format), hosts, cut)
	}
	wholeReport(t, "standard output", stdout.Bytes(), hosts, cut)
	wholeTable(t, read("csv"), hosts)
	for _, format := range []string{"table", "md"} {
		out := string(read(format))
		if !strings.Contains(out, fmt.Sprintf("%d hosts: 0 ok, 0 warn, 0 fail, %[1]d unknown; ", hosts)) || strings.Contains(out, "cut short") != cut || !strings.HasSuffix(out, "\n") {
			t.Errorf("%s, cut short %v:\n%s", format, cut, out)
		}
	}
	isLeft(t, dir, len(formatNames()))
}

// wholeReport reads a report as tmdoctor does, and every line of it as JSON.
func wholeReport(t *testing.T, what string, b []byte, hosts int, cut bool) {
	t.Helper()
	if what == "json" {
		if !json.Valid(b) {
			t.Errorf("%s is not JSON:\n%s", what, b)
		}
	} else {
		for l := range bytes.Lines(b) {
			if !json.Valid(l) {
				t.Errorf("%s has a line that is not JSON: %s", what, l)
			}
		}
	}
	r, err := report.Read(bytes.NewReader(b))
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if len(r.Hosts) != hosts || r.Summary.Hosts != hosts || r.Summary.Unknown != hosts || (r.Summary.Finished == nil) != cut {
		t.Errorf("%s has %d hosts, and sums up %+v; want %d, cut short %v", what, len(r.Hosts), r.Summary, hosts, cut)
	}
}

// wholeTable reads csv: each host has its row.
func wholeTable(t *testing.T, b []byte, hosts int) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	n := 0
	for _, row := range rows {
		if row[2] == "host" {
			n++
		}
	}
	if err != nil || n != hosts {
		t.Errorf("csv has %d hosts, want %d: %v", n, hosts, err)
	}
}

// isLeft fails the test if a directory has another number of files.
func isLeft(t *testing.T, dir string, n int) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != n {
		t.Errorf("%d files are left, want %d: %v", len(entries), n, entries)
	}
}
