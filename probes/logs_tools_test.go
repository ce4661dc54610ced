//go:build unix

package probes_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes"
)

// TestLogsWithoutATool: on a host without one of the tools that read logs nothing
// is known of them, and all else is as with it.
func TestLogsWithoutATool(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, root, "/opt/flink/bin/taskmanager.sh", text(""))
	write(t, root, hostileLog, text(hostileStack))
	for _, shell := range shells {
		for _, tool := range []string{"awk", "cut"} {
			t.Run(shell[0]+"/"+tool, func(t *testing.T) {
				t.Parallel()
				path, err := exec.LookPath(shell[0])
				if err != nil {
					lacking(t, shell[0])
				}
				shell := append([]string{path}, shell[1:]...)
				whole := withTools(t, shell, root, "")
				if len(whole.Logs.Entries) != 1 {
					t.Fatalf("entries = %+v, want one", whole.Logs.Entries)
				}
				facts := withTools(t, shell, root, tool)
				if want := "no " + tool + " command"; facts.Logs.Read.IsKnown() || facts.Logs.Read.Why() != want {
					t.Errorf("Read = %+v, want it unknown: %s", facts.Logs.Read, want)
				}
				checks := probes.Evaluate(facts, &probes.Policy{}).Checks
				i := slices.IndexFunc(checks, func(c probes.Check) bool { return c.Probe == "logs" })
				if i < 0 || checks[i].Status != probes.StatusUnknown {
					t.Errorf("checks = %+v, want logs unknown", checks)
				}
				whole.Logs = facts.Logs
				if d := cmp.Diff(asJSON(t, whole), asJSON(t, facts)); d != "" {
					t.Errorf("the facts differ without %s:\n%s", tool, d)
				}
			})
		}
	}
}

// withTools runs the script where all tools of this machine are found but one.
func withTools(t *testing.T, shell []string, root, without string) *probes.Facts {
	t.Helper()
	bin := t.TempDir()
	for _, dir := range []string{"/bin", "/usr/bin", "/sbin", "/usr/sbin"} {
		tools, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, tool := range tools {
			if tool.Name() != without {
				os.Symlink(filepath.Join(dir, tool.Name()), filepath.Join(bin, tool.Name())) // the first of a name
			}
		}
	}
	script := probes.NewScript("c0ffee")
	text := script.For(probes.HostSettings{Root: root})
	i := bytes.Index(text, []byte("PATH=$PATH:"))
	if i < 0 {
		t.Fatal("the script sets no PATH")
	}
	n := bytes.IndexByte(text[i:], '\n')
	text = slices.Concat(text[:i], []byte("PATH="+bin), text[i+n:])
	if without != "" && strings.Contains(shell[0], "busybox") {
		out, _ := exec.Command(shell[0], "ash", "-c", "PATH="+bin+"; command -v "+without).Output()
		if len(out) > 0 {
			t.Skipf("this busybox has its own %s", without)
		}
	}
	stdout, _ := run(t, shell, text)
	facts, err := probes.ParseFacts(stdout, script.Nonce())
	if err != nil {
		t.Fatal(err)
	}
	return facts
}
