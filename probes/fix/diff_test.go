package fix

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares with a file of testdata, or rewrites it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", path, diff)
	}
}

func diffs(t testing.TB, o DiffOptions, plans ...*Plan) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteDiffs(&b, plans, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// firstLast is a fold that is short enough for golden files.
func firstLast(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return names[0] + ".." + names[len(names)-1]
}

// mixedFleet has all that diffs tell apart.
func mixedFleet() []*Plan {
	plans := fleet(7, mapsPlan)
	for _, p := range plans[:2] {
		p.Advice = unitPlan("").Advice
	}
	plans[1].Advice[0].Subject = "pid 4712"
	plans[1].Notes = []string{"tuned reads it again"}
	// The same edit, in a file that differs where the diff does not show it.
	long := strings.Repeat("# as delivered\n", 9)
	plans[3].Files[0] = changed("/etc/sysctl.conf", long+"vm.max_map_count=1\n"+long, long+"vm.max_map_count=262144\n"+long)
	plans[4].Files[0] = changed("/etc/sysctl.conf", "# own\n"+long[15:]+"vm.max_map_count=1\n"+long, "# own\n"+long[15:]+"vm.max_map_count=262144\n"+long)
	plans[5] = &Plan{Host: "tm006"}
	plans[6] = unitPlan("tm007")
	other := unitPlan("tm008")
	other.Live[0].PID, other.Query.PIDs[0] = 99, 99
	return append(plans, other)
}

func TestDiffsAreFoldedOverHosts(t *testing.T) {
	t.Parallel()
	golden(t, "folded.diff", []byte(diffs(t, DiffOptions{Fold: firstLast}, mixedFleet()...)))
}

func TestDiffsShowEveryByteAndMoveNoCursor(t *testing.T) {
	t.Parallel()
	p := hostile()
	p.Files[0].Why, p.Files[0].Managed = "\x1b]0;x\x07", "\nPuppet"
	p.Files = append(p.Files,
		changed("/etc/security/limits.conf", "flink\tsoft\tnofile\t4096\r\nflink hard nofile 4096\r\n", "flink\tsoft\tnofile\t65536\r\nflink hard nofile 65536\r\n"),
		changed("/etc/sysctl.conf", "x=1\nvm.max_map_count = 1", "x=1\nvm.max_map_count = 262144"),
		changed("/etc/sysctl.d/end.conf", "x=1", "x=1\nvm.max_map_count = 262144\n"),
		changed("/etc/sysctl.d/empty.conf", "", "vm.max_map_count = 262144\n"))
	p.Refused = []Refusal{{Setting: "nofile", Subject: "user a\x1b[2Jb", Reason: "\u202e", Instead: "one\n\ttwo\x9b\n"}}
	p.Live[0].Before = "\r0"
	got := diffs(t, DiffOptions{}, p)
	golden(t, "hostile.diff", []byte(got))
	for i := range len(got) {
		if c := got[i]; c != '\n' && c != '\t' && (c < ' ' || c >= 0x7F) {
			t.Fatalf("byte %#x reaches the terminal", c)
		}
	}
}

func TestDiffsOfNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		plans []*Plan
		want  string
	}{
		{"no plans", nil, ""},
		{"nothing to do", []*Plan{{Host: "a"}, {Host: "b"}}, "nothing to fix: a,b (2 hosts)\n"},
		{"refused only", []*Plan{{Host: "a", Refused: []Refusal{{Setting: "nofile", Subject: "user flink", Reason: "above fs.nr_open"}}}}, "a\nrefused: nofile of user flink: above fs.nr_open\n"},
	} {
		if got := diffs(t, DiffOptions{}, c.plans...); got != c.want {
			t.Errorf("%s: WriteDiffs writes %q, want %q", c.name, got, c.want)
		}
	}
}

// TestAdviceIsFoldedOverProcesses: a pid is a host's own, and no reason to say a
// thing for each of 500 hosts.
func TestAdviceIsFoldedOverProcesses(t *testing.T) {
	t.Parallel()
	of := func(host, pid string) *Plan {
		return &Plan{Host: host, Advice: []Advice{{
			Code: "nofile/restart-needed", Subject: "pid " + pid, Message: "old limit", Remedy: "restart it; or prlimit --pid " + pid + " --nofile=65536:65536",
		}, {Code: "nofile/other", Message: "m", Remedy: "restart it; or prlimit --pid " + pid + " --nofile=65536:65536"}}}
	}
	want := "not changed by fix:\n  nofile/restart-needed  old limit  [a,b (2 hosts)]\n    remedy: restart it; or prlimit --pid PID --nofile=65536:65536\n"
	if got := diffs(t, DiffOptions{}, of("a", "12"), of("b", "120")); !strings.HasPrefix(got, want) {
		t.Errorf("two hosts:\n%s\nwant\n%s", got, want)
	}
	got := diffs(t, DiffOptions{}, of("a", "12"))
	if !strings.Contains(got, "--pid 12 --nofile") || strings.Count(got, "remedy: the same") != 1 {
		t.Errorf("one host:\n%s", got)
	}
}

// TestOnlyOurOwnLinesAreWrapped: whoever copies a diff has the bytes of the file.
func TestOnlyOurOwnLinesAreWrapped(t *testing.T) {
	t.Parallel()
	p := mapsPlan("a")
	p.Files[0] = changed("/etc/sysctl.conf", "# a long line of the file\nvm.max_map_count = 65530\n", "# a long line of the file\nvm.max_map_count = 262144\n")
	p.Notes = []string{"a note of words"}
	wrap := func(line, indent string) string { return strings.ReplaceAll(line, " ", "\n"+indent) }
	got := diffs(t, DiffOptions{Wrap: wrap}, p)
	for _, want := range []string{"\n # a long line of the file\n", "\n+vm.max_map_count = 262144\n", "note:\n    a\n    note\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
}

func TestColourMarksOnlyLinesThatChange(t *testing.T) {
	t.Parallel()
	plain, coloured := diffs(t, DiffOptions{}, mapsPlan("a")), diffs(t, DiffOptions{Colour: true}, mapsPlan("a"))
	if strings.NewReplacer(colourAdded, "", colourRemoved, "", colourPlace, "", colourEnd, "").Replace(coloured) != plain {
		t.Errorf("colours change the text:\n%s", coloured)
	}
	for _, want := range []string{colourRemoved + "-vm.max_map_count = 65530" + colourEnd + "\n", colourAdded + "+vm.max_map_count = 262144" + colourEnd + "\n"} {
		if !strings.Contains(coloured, want) {
			t.Errorf("no %q in %q", want, coloured)
		}
	}
}

// FuzzDiff: who applies what is shown has the file as it will be.
func FuzzDiff(f *testing.F) {
	for _, p := range append(mixedFleet(), hostile()) {
		for _, c := range p.Files {
			f.Add(c.Before, c.After)
		}
	}
	f.Add([]byte("a\nb\nc"), []byte("a\nb\nc\n"))
	f.Add([]byte("\r\n\xff\xfe"), []byte("\n"))
	f.Fuzz(func(t *testing.T, before, after []byte) {
		if bytes.Equal(before, after) {
			return
		}
		u, err := udiff.ToUnifiedDiff("a", "b", string(before), udiff.Lines(string(before), string(after)), 3)
		if err != nil {
			t.Fatal(err)
		}
		if got := applied(t, string(before), u); got != string(after) {
			t.Errorf("the diff of %q gives %q, want %q", before, got, after)
		}
		c := changed("/etc/sysctl.conf", string(before), string(after))
		for line := range strings.Lines(diffs(t, DiffOptions{}, &Plan{Host: "a", Files: []FileChange{c}})) {
			if strings.Trim(line, " \t!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~\n") != "" {
				t.Errorf("the line %q does something to a terminal", line)
			}
		}
	})
}

// applied is a text with the hunks of a diff applied.
func applied(t *testing.T, text string, u udiff.UnifiedDiff) string {
	t.Helper()
	lines := strings.SplitAfter(text, "\n")
	var out strings.Builder
	next := 0
	for _, h := range u.Hunks {
		for ; next < h.FromLine-1; next++ {
			out.WriteString(lines[next])
		}
		for _, l := range h.Lines {
			if l.Kind != udiff.Insert {
				if lines[next] != l.Content {
					t.Fatalf("line %d is %q, and the diff says %q", next+1, lines[next], l.Content)
				}
				next++
			}
			if l.Kind != udiff.Delete {
				out.WriteString(l.Content)
			}
		}
	}
	return out.String() + strings.Join(lines[next:], "")
}
