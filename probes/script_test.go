package probes_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/tmdoctor/tmdoctor/probes"
)

func TestScriptIsPOSIXAndSmall(t *testing.T) {
	t.Parallel()
	text := probes.NewScript("n").For(probes.HostSettings{})
	if len(text) > probes.MaxScript {
		t.Errorf("the script has %d bytes, want at most %d", len(text), probes.MaxScript)
	}
	if _, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(bytes.NewReader(text), "script"); err != nil {
		t.Error(err)
	}
	for n, line := range strings.Split(string(text), "\n") {
		if strings.Contains(line, "<<") {
			t.Errorf("line %d: %q: a here-document needs a temporary file in some shells", n+1, line)
		}
	}
}

// What is left out of the program must not change it: each part, printed
// from its syntax, is the same with and without comments and indentation.
func TestMinifyLeavesTheProgramAlone(t *testing.T) {
	t.Parallel()
	parser := syntax.NewParser(syntax.Variant(syntax.LangPOSIX))
	printer := syntax.NewPrinter(syntax.Minify(true))
	render := func(name, text string) string {
		f, err := parser.Parse(strings.NewReader(text), name)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := printer.Print(&b, f); err != nil {
			t.Fatal(err)
		}
		// What was on two lines may be divided by a semicolon.
		return strings.ReplaceAll(b.String(), ";", "\n")
	}
	for name, text := range probes.ScriptParts() {
		if with, without := render(name, text), render(name, probes.Minify(name, text)); with != without {
			t.Errorf("%s means something else without comments and indentation (-with +without):\n%s",
				name, cmp.Diff(strings.Split(with, "\n"), strings.Split(without, "\n")))
		}
	}
}

func TestScriptPassesShellcheck(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("shellcheck"); err != nil {
		lacking(t, "shellcheck")
	}
	// Variables and functions cross the parts, so all are checked as one.
	whole := "#!/bin/sh\n" + probes.WholeScript()
	// SC2154, SC2034: line 1 and 2, and what other parts set or use.
	// SC3043 and others of local are not used. SC2317: called by name.
	cmd := exec.Command("shellcheck", "-s", "sh", "-e", "SC2154,SC2034,SC2317,SC2329", "-f", "gcc", "-")
	cmd.Stdin = strings.NewReader(whole)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("shellcheck: %v\n%s", err, out)
	}
}

func TestScriptIsTheSameForEveryHost(t *testing.T) {
	t.Parallel()
	a, b := probes.NewScript("aaa"), probes.NewScript("bbb")
	if a.SHA256() != b.SHA256() {
		t.Error("the hash differs between two runs")
	}
	body := func(text []byte) string {
		_, rest, _ := bytes.Cut(text, []byte("\n"))
		_, rest, _ = bytes.Cut(rest, []byte("\n"))
		return string(rest)
	}
	set := probes.HostSettings{Sudo: true, FlinkUser: "flink", FlinkHome: "/opt/f", StateDirs: []string{"/a", "/b"}}
	one, two := a.For(probes.HostSettings{}), b.For(set)
	if body(one) != body(two) {
		t.Error("more than the first two lines differ between hosts")
	}
	if want := "root=''\nnonce='aaa' sudo='' flink_user='' flink_home='' state_dirs=''\n"; !strings.HasPrefix(string(one), want) {
		t.Errorf("the script begins %q, want %q", one[:len(want)], want)
	}
	if want := "root=''\nnonce='bbb' sudo='1' flink_user='flink' flink_home='/opt/f' state_dirs='/a,/b'\n"; !strings.HasPrefix(string(two), want) {
		t.Errorf("the script begins %q, want %q", two[:len(want)], want)
	}
}

// Hosts share a text only as long as their settings are the same.
func TestEachHostHasItsOwnSettings(t *testing.T) {
	t.Parallel()
	s := probes.NewScript("n")
	for range 2 {
		for _, set := range []probes.HostSettings{{FlinkUser: "a"}, {FlinkUser: "b"}, {FlinkUser: "b"}, {FlinkUser: "longer"}, {Sudo: true}} {
			if got, want := s.For(set), probes.NewScript("n").For(set); !bytes.Equal(got, want) {
				t.Errorf("%+v: %.60q, want %.60q", set, got, want)
			}
		}
	}
}

func TestSettingsAreQuoted(t *testing.T) {
	t.Parallel()
	evil := `a'; touch "$HOME"; $(id) ` + "`id`" + ` \' "`
	set := probes.HostSettings{FlinkUser: evil, FlinkHome: evil, StateDirs: []string{evil}}
	text := probes.NewScript("n").For(set)
	lines := strings.SplitN(string(text), "\n", 3)
	out, err := exec.Command("/bin/sh", "-c", lines[1]+"\nprintf '%s\\n' \"$flink_user\" \"$flink_home\" \"$state_dirs\"").Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat(evil+"\n", 3); string(out) != want {
		t.Errorf("a shell reads %q, want %q", out, want)
	}
}

func TestCompleteNeedsTheEndMarkOfTheRun(t *testing.T) {
	t.Parallel()
	s := probes.NewScript("abc")
	for _, tt := range []struct {
		name, out string
		want      bool
	}{
		{"nothing", "", false},
		{"the end mark", "x\ntmdoctor-end abc\n", true},
		{"noise behind it", "tmdoctor-end abc\nlogout\n", true},
		{"a sign of life before it", "x\n\x00tmdoctor-end abc\n", true},
		{"half of it", "x\ntmdoctor-end ab", false},
		{"without its newline", "x\ntmdoctor-end abc", false},
		{"of another run", "x\ntmdoctor-end abd\n", false},
		{"in a line", "|tmdoctor-end abc\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := s.Complete([]byte(tt.out)); got != tt.want {
				t.Errorf("Complete(%q) = %t, want %t", tt.out, got, tt.want)
			}
		})
	}
}

func TestSudoersIsWhatTheScriptAsks(t *testing.T) {
	t.Parallel()
	s := probes.NewScript("n")
	rules := s.Sudoers("ops", "flink")
	want := `ops ALL=(flink) NOPASSWD: /bin/sh -s
ops ALL=(root) NOPASSWD: /usr/bin/dmesg "", /usr/bin/journalctl -k -b --no-pager -o short-iso -n 5000
`
	if got := regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(rules, ""); got != want {
		t.Errorf("Sudoers = %q, want %q", got, want)
	}
	text := string(s.For(probes.HostSettings{}))
	for _, cmd := range []string{"/bin/sh -s", "/usr/bin/dmesg", "/usr/bin/journalctl -k -b --no-pager -o short-iso -n 5000"} {
		if !strings.Contains(text, cmd) {
			t.Errorf("the rules allow %q, which the script never asks for", cmd)
		}
	}
	visudo, err := exec.LookPath("visudo")
	if err != nil {
		lacking(t, "visudo")
	}
	file := filepath.Join(t.TempDir(), "sudoers")
	if err := os.WriteFile(file, []byte(rules), 0o440); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(visudo, "-c", "-q", "-f", file).CombinedOutput(); err != nil {
		t.Errorf("visudo: %v\n%s", err, out)
	}
}
