package probes_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes"
)

// anAnswer is a small answer with every kind of record.
const anAnswer = `Welcome to tm001
tmdoctor-begin abc 1
[session
[flink
[maps
=session.uid 1002
=flink.searched yes
]flink 10
=maps.max_map_count 65530
@f - - - - /etc/sysctl.conf
|vm.max_map_count = 65530
|
|# the end
$0
@l -rw-r--r-- 0 0 12 /etc/a -> b
|x
\
$1
@a - - - - /etc/sysctl.d
@d drwxr-xr-x 0 0 - /run/sysctl.d
?maps.cmdline cannot be read
-maps.writer
!maps gave up after 5 s
]session 0
tmdoctor-end abc
logout
`

func TestParseFactsReadsWhatLiesBetweenTheMarks(t *testing.T) {
	t.Parallel()
	f, err := probes.ParseFacts([]byte(anAnswer), "abc")
	if err != nil {
		t.Fatal(err)
	}
	files := []probes.File{
		{Path: "/etc/sysctl.conf", Kind: probes.FileRegular, UID: -1, GID: -1, Size: -1, Content: "vm.max_map_count = 65530\n\n# the end\n"},
		{Path: "/etc/a", Kind: probes.FileLink, Target: "b", Mode: "-rw-r--r--", Size: 12, Content: "x", Cut: true},
		{Path: "/etc/sysctl.d", Kind: probes.FileAbsent, UID: -1, GID: -1, Size: -1},
		{Path: "/run/sysctl.d", Kind: probes.FileDir, Mode: "drwxr-xr-x", Size: -1},
	}
	if d := cmp.Diff(files, f.Files); d != "" {
		t.Errorf("files differ (-want +got):\n%s", d)
	}
	if n, ok := f.Maps.MaxMapCount.Get(); !ok || n != 65530 {
		t.Errorf("max_map_count = %d, %t", n, ok)
	}
	for _, tt := range []struct{ name, got, want string }{
		{"said to be unknown", f.Maps.CommandLine.Why(), "cannot be read"},
		{"in a section that was given up", f.Maps.Boot.Why(), "the maps section was given up: gave up after 5 s"},
		{"of a section that never came", f.Threads.ThreadsMax.Why(), "not collected"},
		{"never reported", f.Session.Groups.Why(), "the script did not report it"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: unknown because %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func TestParseFactsRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, out string
		err       error
		text      string
	}{
		{"nothing", "", probes.ErrNoBegin, ""},
		{"noise only", "This account is currently not available.\n", probes.ErrNoBegin, ""},
		{"another run", strings.ReplaceAll(anAnswer, "abc", "abd"), probes.ErrNoBegin, ""},
		{"the end of another run", strings.Replace(anAnswer, "end abc", "end abd", 1), probes.ErrTruncated, ""},
		{"a mark inside a line", strings.Replace(anAnswer, "tmdoctor-begin", "x tmdoctor-begin", 1), probes.ErrNoBegin, ""},
		{"newer facts", strings.Replace(anAnswer, "abc 1", "abc 999", 1), probes.ErrVersion, ""},
		{"an unknown record", strings.Replace(anAnswer, "]flink", "^flink", 1), nil, "is not a record"},
		{"a line of no file", strings.Replace(anAnswer, "=flink.", "|flink.", 1), nil, "a line of no file"},
		{"a file in a file", strings.Replace(anAnswer, "$0\n", "", 1), nil, "inside the file /etc/sysctl.conf"},
		{"a bad file record", strings.Replace(anAnswer, "@f -", "@z -", 1), nil, "is not a file record"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := probes.ParseFacts([]byte(tt.out), "abc")
			if err == nil || tt.err != nil && !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("ParseFacts: %v, want %v %s", err, tt.err, tt.text)
			}
		})
	}
}

func TestSignsOfLifeMeanNothing(t *testing.T) {
	t.Parallel()
	want, err := probes.ParseFacts([]byte(anAnswer), "abc")
	if err != nil {
		t.Fatal(err)
	}
	var beaten bytes.Buffer
	for i, c := range []byte(anAnswer) {
		beaten.WriteByte(c)
		if i%3 == 0 {
			beaten.WriteByte(0)
		}
	}
	got, err := probes.ParseFacts(beaten.Bytes(), "abc")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(asJSON(t, want), asJSON(t, got)); d != "" {
		t.Errorf("zero bytes change the facts (-without +with):\n%s", d)
	}
}

func TestALineThatWasCutIsNotAFact(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, from, to string }{
		{"a fact", "=maps.max_map_count 65530\n", "=maps.max_map_count 655~tmdoctor-cut\n"},
		{"nothing but the mark", "=maps.max_map_count 65530\n", "~tmdoctor-cut\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, err := probes.ParseFacts([]byte(strings.Replace(anAnswer, tt.from, tt.to, 1)), "abc")
			if err != nil {
				t.Fatal(err)
			}
			if n, ok := f.Maps.MaxMapCount.Get(); ok {
				t.Errorf("max_map_count = %d, want unknown", n)
			}
		})
	}
	t.Run("a file", func(t *testing.T) {
		t.Parallel()
		cut, _, _ := strings.Cut(anAnswer, "|\n|# the end")
		_, rest, _ := strings.Cut(anAnswer, "$0\n")
		f, err := probes.ParseFacts([]byte(cut+"|# th~tmdoctor-cut\n"+rest), "abc")
		if err != nil {
			t.Fatal(err)
		}
		file, _ := f.File("/etc/sysctl.conf").Get()
		if file.Content != "vm.max_map_count = 65530\n" || !file.Cut {
			t.Errorf("the file is %+v, want its first line, cut", file)
		}
	})
}

// Every answer that does not reach its end mark is an error; what comes with
// it may be shown and is never healthy.
func TestTruncationIsNoticedAtEveryByte(t *testing.T) {
	t.Parallel()
	end := strings.Index(anAnswer, "tmdoctor-end abc\n") + len("tmdoctor-end abc\n")
	for n := range end {
		f, err := probes.ParseFacts([]byte(anAnswer[:n]), "abc")
		switch {
		case err == nil:
			t.Errorf("%d bytes of %d: no error", n, end)
		case errors.Is(err, probes.ErrNoBegin):
		case !errors.Is(err, probes.ErrTruncated):
			t.Errorf("%d bytes of %d: %v, want truncated", n, end, err)
		case probes.Evaluate(f, &probes.Policy{}).Status.Rank() < probes.StatusUnknown.Rank():
			t.Errorf("%d bytes of %d are healthy", n, end)
		}
	}
}

func FuzzParseFacts(f *testing.F) {
	f.Add([]byte(anAnswer), uint(300))
	f.Add([]byte("tmdoctor-begin abc 1\n@f - - - - /a\n|x\n$0\ntmdoctor-end abc\n"), uint(30))
	f.Fuzz(func(t *testing.T, out []byte, n uint) {
		facts, err := probes.ParseFacts(out, "abc")
		if err == nil {
			probes.Evaluate(facts, &probes.Policy{})
			asJSON(t, facts)
		}
		// Whatever stands between the marks, a part of it is not the whole.
		whole := append([]byte("tmdoctor-begin abc 1\n"), bytes.ReplaceAll(out, []byte("tmdoctor-end"), nil)...)
		whole = append(whole, "\ntmdoctor-end abc\n"...)
		if _, err := probes.ParseFacts(whole[:n%uint(len(whole))], "abc"); err == nil {
			t.Errorf("%d bytes of %q: no error", n%uint(len(whole)), whole)
		}
	})
}
