package fix_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
)

const n = "0123456789abcdef"

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func TestAnAnswerIsBelievedOnlyWithItsMarks(t *testing.T) {
	t.Parallel()
	begin, end := "tmdoctor:begin:"+n+"\n", "tmdoctor:end:"+n+"\n"
	kept := "tmdoctor:outcome:" + n + " kept\n"
	for _, tt := range []struct {
		name, out string
		want      fix.Outcome // "" is an error
	}{
		{"nothing", "", ""},
		{"no begin", kept + end, ""},
		{"no end", begin + kept, ""},
		{"half an end", begin + kept + strings.TrimSuffix(end, "\n"), ""},
		{"no outcome", begin + end, ""},
		{"whole", begin + kept + end, fix.Kept},
		{"noise before and after it", "Welcome!\n" + begin + kept + end + "logout\n", fix.Kept},
		{"a begin in a line", "x" + begin + kept + end, ""},
		{"waiting", begin + fix.AppliedMark(n) + "\n", fix.Applied},
		{"half a mark", begin + fix.AppliedMark(n), ""},
		{"a mark in a text", begin + "note x " + fix.AppliedMark(n) + "\n", ""},
		{"another nonce", begin + "tmdoctor:outcome:0 kept\n" + end, ""},
		{"applied after its outcome", begin + kept + fix.AppliedMark(n) + "\n" + end, ""},
		{"an outcome of its own", begin + "tmdoctor:outcome:" + n + " fine\n" + end, ""},
		{"words without a meaning", begin + "hello\n" + kept + end, ""},
		{"a reason of nothing", begin + "why x\n" + kept + end, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, err := fix.ParseAnswer([]byte(tt.out), n)
			if got := outcomeOf(a); got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("ParseAnswer(%q) = %q, %v, want %q", tt.out, got, err, tt.want)
			}
		})
	}
	if _, err := fix.ParseAnswer([]byte("tmdoctor:begin:\ntmdoctor:outcome: kept\ntmdoctor:end:\n"), ""); err == nil {
		t.Error("an empty nonce is believed")
	}
}

func outcomeOf(a *fix.Answer) fix.Outcome {
	if a == nil {
		return ""
	}
	return a.Outcome
}

// What was told before the verdict gives way to what is told at the end.
func TestTheLastWordCounts(t *testing.T) {
	t.Parallel()
	h := sum("x")
	out := "tmdoctor:begin:" + n + "\nstep a\nnote b\nfile new " + h + " /etc/a b\nlive sysctl k - - 1 2 2\n" + fix.AppliedMark(n) +
		"\nstep c\nfile old - /etc/a b\nlive process nofile 7 8 1:1 2:2 -\nwhy process 7 is gone\ntmdoctor:outcome:" + n + " rolled-back\nwhy told so\ntmdoctor:end:" + n + "\n"
	a, err := fix.ParseAnswer([]byte(out), n)
	if err != nil {
		t.Fatal(err)
	}
	want := &fix.Answer{
		Outcome: fix.RolledBack, Reason: "told so", Steps: []string{"a", "c"}, Notes: []string{"b"},
		Files: []fix.FileResult{{Path: "/etc/a b", State: "old"}},
		Live:  []fix.LiveResult{{LiveChange: fix.LiveChange{Kind: fix.LiveProcess, Setting: "nofile", PID: 7, Started: "8", Before: "1:1", After: "2:2"}, Reason: "process 7 is gone"}},
	}
	if d := cmp.Diff(want, a); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// A file that changes while it is read is not known, whatever its bytes are.
func TestAFileThatChangesWhileItIsReadIsUnreadable(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"longer":    "content 1\nxx\ntmdoctor:hash:" + n + " " + sum("x") + "\n",
		"shorter":   "content 3\nx\ntmdoctor:hash:" + n + " " + sum("x") + "\n",
		"otherwise": "content 1\ny\ntmdoctor:hash:" + n + " " + sum("x") + "\n",
	} {
		s, err := fix.ParseSnapshot([]byte("tmdoctor:begin:"+n+"\nfile /a\nkind f\n"+content+"stat 0644 0:0 1\ntmdoctor:end:"+n+"\n"), n)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if f := s.Files[0]; f.Kind != probes.FileUnreadable || f.Content != nil || f.SHA256 != "" || f.Obstacle != "it changed while it was read" {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func FuzzParseAnswer(f *testing.F) {
	begin, end := "tmdoctor:begin:"+n+"\n", "tmdoctor:end:"+n+"\n"
	f.Add("step a\nfile new " + sum("") + " /a\nlive sysctl k - - 1 2 2\nwhy x\n")
	f.Add(fix.AppliedMark(n) + "\ntmdoctor:outcome:" + n + " kept\n")
	f.Add("file new x\nlive\nwhy\n\x00\xff")
	f.Fuzz(func(t *testing.T, text string) {
		for _, out := range []string{text, begin + text, begin + text + end} {
			a, err := fix.ParseAnswer([]byte(out), n)
			if (a == nil) == (err == nil) {
				t.Fatalf("ParseAnswer(%q) = %v, %v", out, a, err)
			}
			if a != nil && !strings.Contains(text, n) {
				t.Errorf("ParseAnswer(%q) = %s without the nonce", out, a.Outcome)
			}
		}
	})
}

func FuzzParseSnapshot(f *testing.F) {
	begin, end := "tmdoctor:begin:"+n+"\n", "tmdoctor:end:"+n+"\n"
	f.Add("file /a\nreal /a\ndir /\nkind f\ncontent 1\nx\ntmdoctor:hash:" + n + " " + sum("x") + "\nstat 0644 0:0 1\nobstacle x\n")
	f.Add("blocked x\nlock y\nsysctl a 1\nno-sysctl b c\nprocess 1\nstarted 2\nlimit Max open files 1 2 files\ngone\n")
	f.Add("session u\nby su\nfailed x\nunit u\nproperty ActiveState=active\nfailed y\n")
	f.Add("run asked r\nrun-state kept\nrun-who w\nline file 1 - " + sum("x") + " 0644 0:0 1 /a\nline live sysctl k - - 1 2 k\nbefore 1 -1\n\ntmdoctor:hash:" + n + " \nnow 1 1\nx\ntmdoctor:hash:" + n + " " + sum("x") + "\n")
	f.Add("line file\nbefore 1 x\nlimit x\nby x\nproperty x\nreal x\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, out := range []string{text, begin + text, begin + text + end} {
			s, err := fix.ParseSnapshot([]byte(out), n)
			if (s == nil) == (err == nil) {
				t.Fatalf("ParseSnapshot(%q) = %v, %v", out, s, err)
			}
			if s == nil {
				continue
			}
			if !strings.Contains(out, end) {
				t.Errorf("ParseSnapshot(%q) is believed without its end", out)
			}
			for _, file := range s.Files {
				if file.SHA256 != "" && file.SHA256 != sum(string(file.Content)) {
					t.Errorf("%q has content %q and hash %s", file.Path, file.Content, file.SHA256)
				}
			}
		}
	})
}
