//go:build unix

package probes_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

var update = flag.Bool("update", false, "rewrite the file want of every case")

// caseNow is the moment in which every case is examined.
var caseNow = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// shells are all that the script has to run in, with their arguments. -short
// takes the first alone: it is for runs that look at the Go code.
var shells = [][]string{{"dash"}, {"bash", "--posix"}, {"busybox", "ash"}, {"mksh"}}

// lacking ends a test that needs what is not installed: skipped on a
// developer's machine, failed where CI is set.
func lacking(t testing.TB, tool string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed", tool)
	}
	t.Skipf("%s is not installed", tool)
}

// TestCases runs the script over each host of testdata in every shell and
// compares what its probe concludes with the file want at the end of the case.
func TestCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		dir, name := filepath.Split(file)
		probe := filepath.Base(dir)
		t.Run(probe+"/"+strings.TrimSuffix(name, ".txtar"), func(t *testing.T) {
			t.Parallel()
			runCase(t, file, probe)
		})
	}
}

func runCase(t *testing.T, file, probe string) {
	archive, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(archive), "# ") {
		t.Errorf("%s: the first line does not say what the case shows (# ...)", file)
	}
	root := t.TempDir()
	if err := demo.Unpack(root, file, archive, demo.Caller(caseNow)); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(root, "want"))
	if err != nil && !*update {
		t.Errorf("%s has no file want: run with -update", file)
	}
	os.Remove(filepath.Join(root, "want"))
	set := probes.HostSettings{Root: root}
	set.Sudo = strings.Contains(string(archive), "\n# --sudo\n")
	var first *probes.Facts
	for _, shell := range shells {
		if _, err := exec.LookPath(shell[0]); err != nil {
			continue
		}
		facts := collect(t, shell, set)
		facts.Session.Shell = probes.Value[string]{}
		if first == nil {
			first = facts
			continue
		}
		if d := cmp.Diff(asJSON(t, first), asJSON(t, facts)); d != "" {
			t.Errorf("the facts differ between %s and %s (-+):\n%s", shells[0], shell, d)
		}
	}
	if first == nil {
		lacking(t, "dash, bash, busybox or mksh")
	}
	forgetting(t, first)
	got := strings.ReplaceAll(conclusion(first, probe), root, "ROOT")
	if *update {
		writeWant(t, file, archive, got)
	} else if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s: the conclusion differs (-want +got):\n%s", file, d)
	}
}

// forgetting makes each fact of a host unknown in turn: a check must not get
// better by it, unless it says which fact it did not see.
func forgetting(t *testing.T, f *probes.Facts) {
	const why = "forgotten by a test"
	policy := &probes.Policy{}
	before := probes.Evaluate(f, policy).Checks
	probes.ForgetEach(f, why, func(probe, path string, g *probes.Facts) {
		after := probes.Evaluate(g, policy).Checks
		// A fact may be judged by another probe than its own; then its own says
		// that it was not seen.
		said := slices.ContainsFunc(after, func(c probes.Check) bool { return c.Probe == probe && says(c, why) })
		for i, c := range after {
			better := c.Status.Rank() < before[i].Status.Rank()
			if better && c.Status != probes.StatusUnknown && !says(c, why) && !said {
				t.Errorf("%s.%s is forgotten, and the check %s gets better: %s, was %s", probe, path, c.Probe, c.Status, before[i].Status)
			}
			if c.Probe == probe && !says(c, why) {
				t.Errorf("%s.%s is forgotten, and the check does not say it", probe, path)
			}
		}
	})
}

// says reports whether a check tells that a fact is unknown for that reason.
func says(c probes.Check, why string) bool {
	if strings.Contains(c.Reason, why) || c.Status == probes.Skipped {
		return true
	}
	return slices.ContainsFunc(c.NotSeen, func(n probes.NotSeen) bool { return n.Why == why })
}

// collect runs the script over a root in a shell. It prints nothing on
// standard error: what a shell says there is a mistake in a script.
func collect(t testing.TB, shell []string, set probes.HostSettings) *probes.Facts {
	t.Helper()
	script := probes.NewScript("c0ffee")
	text := bytes.Replace(script.For(set), []byte("log=/dev/null"), []byte("log=/dev/stderr"), 1)
	stdout, stderr := run(t, shell, text)
	// Of a live host processes may go away while they are read.
	if len(stderr) > 0 && set.Root != "" {
		t.Errorf("%s says on standard error:\n%s", shell, stderr)
	}
	facts, err := probes.ParseFacts(stdout, script.Nonce())
	if err != nil {
		t.Fatalf("%s: %v\n%s", shell, err, stdout)
	}
	return facts
}

// run runs a program in a shell, in a process group of its own.
func run(t testing.TB, shell []string, text []byte) (stdout, stderr []byte) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(shell[0], append(shell[1:], "-s")...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	cmd.Dir = "/"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), &out, &errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", shell, err, errs.Bytes())
	}
	return out.Bytes(), errs.Bytes()
}

// conclusion is what a probe concludes, as text. For a folder that is no
// probe it is the causes.
func conclusion(f *probes.Facts, probe string) string {
	var b strings.Builder
	a := probes.Evaluate(f, &probes.Policy{})
	if probes.ByName(probe) == nil {
		for _, c := range a.Causes {
			fmt.Fprintf(&b, "cause %s %s %q: %s\n", c.Cause, c.Confidence, c.Subject, c.Message)
			writeEvidence(&b, c.Evidence)
			fmt.Fprintf(&b, "  remedy: %s\n", c.Remedy)
		}
		return b.String()
	}
	a = a.Only([]string{probe})
	for _, c := range a.Checks {
		fmt.Fprintf(&b, "check %s: %s, observed %q, want %q\n", c.Probe, c.Status, c.Observed, c.Want)
		if c.Reason != "" {
			fmt.Fprintf(&b, "  reason: %s\n", c.Reason)
		}
		for _, n := range c.NotSeen {
			fmt.Fprintf(&b, "  not seen: %s: %s\n", n.Fact, n.Why)
		}
	}
	for _, f := range a.Findings {
		if strings.HasPrefix(f.Code, "cause/") {
			continue // the folder causes has cases of its own
		}
		fmt.Fprintf(&b, "%s %s %s %q: %s\n", f.Status, f.Code, f.Horizon, f.Subject, f.Message)
		fmt.Fprintf(&b, "  observed %q, want %q, source %q, fixable %t\n", f.Observed, f.Want, f.Source, f.Fixable)
		writeEvidence(&b, f.Evidence)
		fmt.Fprintf(&b, "  remedy: %s\n", f.Remedy)
	}
	return b.String()
}

func writeEvidence(b *strings.Builder, evidence []probes.Evidence) {
	for _, e := range evidence {
		fmt.Fprintf(b, "  evidence %s", e.Source)
		if e.Time != nil {
			fmt.Fprintf(b, " %s", e.Time.UTC().Format(time.RFC3339))
		}
		fmt.Fprintf(b, ": %s\n", e.Text)
	}
}

// writeWant puts what was concluded into the case, which stays as it is
// otherwise.
func writeWant(t *testing.T, file string, archive []byte, got string) {
	t.Helper()
	a := txtar.Parse(archive)
	kept := a.Files[:0]
	for _, f := range a.Files {
		if f.Name != "want" {
			kept = append(kept, f)
		}
	}
	a.Files = append(kept, txtar.File{Name: "want", Data: []byte(got)})
	if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}
