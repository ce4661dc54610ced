package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes"
)

// mapsChain is a host whose next boot takes back what was set by hand.
func mapsChain() Why {
	return Why{Host: "tm004", Chain: probes.Chain{
		Setting: "vm.max_map_count",
		Standings: []probes.Standing{{
			Setting: "vm.max_map_count", Subject: "pid 4004", Used: 1204,
			Running: value("262144", procMaps), Live: value("262144", procMaps), Boot: value("65530", "/etc/sysctl.d/99-site.conf:7"),
		}},
		Parts: []probes.ChainPart{
			{
				Horizon: probes.Boot, Title: "after the next boot, by systemd-sysctl",
				Why:    "pid 1 is systemd, and systemd-sysctl.service is enabled",
				Result: value("65530", "/etc/sysctl.d/99-site.conf:7"),
				Steps: []probes.ChainStep{
					{Note: "the kernel begins with 65530"},
					{Path: "/usr/lib/sysctl.d/10-map-count.conf", Lines: []probes.ChainLine{{Line: 4, Text: "vm.max_map_count=1048576", Fate: "overridden", Why: "a file that sorts later sets it"}}},
					{Path: "/usr/lib/sysctl.d/30-postgresql-shm.conf"},
					{Path: "/usr/lib/sysctl.d/50-default.conf"},
					{Path: "/etc/sysctl.d/90-flink.conf", Lines: []probes.ChainLine{{Line: 3, Text: "vm.max_map_count = 262144", Fate: "overridden", Why: "99-site.conf sorts later"}}},
					{Path: "/etc/sysctl.d/99-site.conf", Lines: []probes.ChainLine{
						{Line: 2, Text: "#vm.max_map_count = 262144", Fate: "a comment"},
						{Line: 7, Text: "vm.max_map_count = 65530", Fate: "wins", Won: true},
					}},
					{Path: "/etc/sysctl.d/99-sysctl.conf", Target: "../sysctl.conf"},
					{Path: "/etc/sysctl.d/flink.bak", Note: "not read: its name does not end in .conf"},
				},
				Notes: []string{"tuned is not installed"},
			},
			{
				Horizon: probes.Live, Title: "what sysctl --system would give now", Why: "procps is installed",
				Result: not("/etc/sysctl.conf: permission denied"),
				Steps:  []probes.ChainStep{{Path: "/etc/sysctl.conf", Note: "not read: permission denied"}},
			},
		},
	}}
}

// nofileChain has two subjects and a line that is too long to stand beside its
// fate.
func nofileChain() Why {
	limits := value("4096", "/proc/4007/limits")
	return Why{Host: "tm007", Chain: probes.Chain{
		Setting: "nofile",
		Standings: []probes.Standing{
			{Setting: "nofile", Subject: "user flink", Used: 812, Running: limits, Live: not(noSession), Boot: value("4096:65536", "/etc/security/limits.d/20-flink.conf:2")},
			{Setting: "nofile", Subject: "flink-history.service", Used: -1, Running: not("it does not run"), Live: value("524288", "systemctl show flink-history.service"), Boot: value("524288", "systemd default")},
		},
		Parts: []probes.ChainPart{{
			Horizon: probes.Boot, Title: "a login of flink through sshd", Why: "/etc/pam.d/sshd includes common-session, which has pam_limits",
			Result: value("4096:65536", "/etc/security/limits.d/20-flink.conf:2"),
			Steps: []probes.ChainStep{{Path: "/etc/security/limits.d/20-flink.conf", Lines: []probes.ChainLine{
				{Line: 2, Text: "flink            hard    nofile          65536   # asked for by the platform team in the second quarter", Fate: "wins", Why: "it names the user", Won: true},
				{Line: 12, Text: "*  hard  nofile  4096", Fate: "loses", Why: "a line for the user beats *"},
			}}},
		}},
	}}
}

func lostWhy() Why {
	return Why{Host: "tm010", Unreachable: &Unreachable{Phase: "connect", Reason: "no answer from 10.0.0.10:22", Hint: "is the host up?"}, Chain: probes.Chain{Setting: "nofile"}}
}

// hostileWhy has what would rewrite the screen wherever there is text.
func hostileWhy() Why {
	const evil = "\x1b[2J\r\n  = 262144  from /etc\u202egnp.exe\u200b\u0085\xff"
	v := value(evil, evil)
	return Why{Host: "tm1" + evil, Chain: probes.Chain{
		Setting:   evil,
		Standings: []probes.Standing{{Setting: evil, Subject: evil, Used: 1, Running: v, Live: not(evil), Boot: v}},
		Parts: []probes.ChainPart{{
			Horizon: probes.Boot, Title: evil, Why: evil, Result: v, Notes: []string{evil},
			Steps: []probes.ChainStep{
				{Path: evil, Target: evil, Note: evil, Lines: []probes.ChainLine{{Line: 1, Text: evil + strings.Repeat("磁", 300), Fate: evil, Why: evil, Won: true}}},
				{Path: evil + strings.Repeat("/x", 300)}, {Note: evil},
			},
		}},
	}}
}

// whyText is a Why as it is printed.
func whyText(t testing.TB, o Options, y Why) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteWhy(&b, o, y); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestEveryWhyIsAsRecorded(t *testing.T) {
	for _, v := range []struct {
		name string
		o    Options
		of   Why
	}{
		{"why80.txt", Options{Width: 80}, mapsChain()},
		{"why120.txt", Options{Width: 120}, mapsChain()},
		{"why50.txt", Options{Width: 50}, mapsChain()},
		{"why-color.txt", Options{Width: 80, Color: true, ASCII: true}, mapsChain()},
		{"why-nofile.txt", Options{Width: 80}, nofileChain()},
		{"why-unbounded.txt", Options{}, nofileChain()},
		{"why-lost.txt", Options{Width: 80}, lostWhy()},
		{"why-hostile.txt", Options{Width: 80}, hostileWhy()},
	} {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			got := whyText(t, v.o, v.of)
			path := filepath.Join("testdata", v.name)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-update rewrites it, -want +got):\n%s", path, diff)
			}
		})
	}
}

// TestWhyTellsEverything: at any width every file, number, fate and reason of
// a chain is printed, in the order of the chain, and the winner is marked.
func TestWhyTellsEverything(t *testing.T) {
	t.Parallel()
	for _, w := range []int{0, 40, 80, 120, 200} {
		out := whyText(t, Options{Width: w, ASCII: true}, mapsChain())
		flat := strings.Join(strings.Fields(out), "")
		at := 0
		for _, part := range mapsChain().Parts {
			var texts []string
			texts = append(texts, part.Title, part.Why)
			for _, s := range part.Steps {
				texts = append(texts, s.Path, s.Target, s.Note)
				for _, l := range s.Lines {
					texts = append(texts, fmt.Sprint(l.Line), l.Fate, l.Why)
				}
			}
			texts = append(append(texts, part.Notes...), part.Result.Source, part.Result.Unknown)
			for _, text := range texts {
				i := strings.Index(flat[at:], strings.Join(strings.Fields(text), ""))
				if i < 0 {
					t.Fatalf("width %d: %q is not told in its place:\n%s", w, text, out)
				}
				at += i
			}
		}
		if got := regexp.MustCompile(`(?m)^  >.*$`).FindAllString(out, -1); len(got) != 1 || !strings.Contains(got[0], " 7 ") {
			t.Errorf("width %d: marked are %q, want line 7 alone", w, got)
		}
		for line := range strings.Lines(out) {
			if n := columns(strings.TrimSuffix(line, "\n")); w > 0 && n > w {
				t.Errorf("width %d: %d columns: %s", w, n, line)
			}
		}
	}
}

// TestWhySaysAReasonOnce: what is so of a whole part is not said of its files
// and lines again.
func TestWhySaysAReasonOnce(t *testing.T) {
	t.Parallel()
	const nothing, unread = "nothing applies the files", "not read: only through a link"
	y := Why{Host: "tm1", Chain: probes.Chain{Setting: "vm.max_map_count", Parts: []probes.ChainPart{{
		Horizon: probes.Boot, Title: "after the next boot", Why: nothing, Result: value("65530", "kernel default"),
		Steps: []probes.ChainStep{
			{Path: "/etc/a.conf", Note: nothing, Lines: []probes.ChainLine{{Line: 1, Text: "a", Fate: "not read", Why: nothing}}},
			{Path: "/etc/b.conf", Note: unread, Lines: []probes.ChainLine{{Line: 2, Text: "b", Fate: "not read", Why: unread}}},
		},
	}}}}
	want := `vm.max_map_count on tm1

BOOT  after the next boot
  nothing applies the files
    /etc/a.conf
      1  a  not read
    /etc/b.conf  (not read: only through a link)
      2  b  not read
  = 65530  from kernel default
`
	if diff := cmp.Diff(want, whyText(t, Options{}, y)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNothingHostileReachesWhy(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{{}, {Width: 40}, {Width: 80}, {Width: 200, ASCII: true}} {
		out := whyText(t, o, hostileWhy())
		if !harmless(strings.ReplaceAll(out, "\n", "")) {
			t.Errorf("%+v: %q", o, out)
		}
		if n := len(regexp.MustCompile(`(?m)^( {0,2})= `).FindAllString(out, -1)); n != 1 {
			t.Errorf("%+v: %d lines look like the result of the only part:\n%s", o, n, out)
		}
		for line := range strings.Lines(out) {
			if n := columns(strings.TrimSuffix(line, "\n")); o.Width > 0 && n > o.Width {
				t.Errorf("width %d: %d columns: %s", o.Width, n, line)
			}
		}
	}
	var b bytes.Buffer
	if err := WriteWhyJSON(&b, hostileWhy()); err != nil {
		t.Fatal(err)
	}
	if !harmless(strings.ReplaceAll(b.String(), "\n", "")) {
		t.Errorf("JSON: %q", b.String())
	}
}

func TestWhyColoursChangeNothingButColour(t *testing.T) {
	t.Parallel()
	sgr := regexp.MustCompile(`\x1b\[(0|1|31|32|33|35)m`)
	for _, y := range []Why{mapsChain(), nofileChain(), lostWhy()} {
		for _, w := range []int{0, 50, 80} {
			coloured, plain := whyText(t, Options{Width: w, Color: true}, y), whyText(t, Options{Width: w}, y)
			if got := sgr.ReplaceAllString(coloured, ""); got != plain || coloured == plain {
				t.Errorf("width %d: without colours (-want +got):\n%s", w, cmp.Diff(plain, got))
			}
			if ascii := whyText(t, Options{Width: w, ASCII: true}, y); strings.IndexFunc(ascii, func(r rune) bool { return r > unicode.MaxASCII }) >= 0 {
				t.Errorf("width %d: not ASCII:\n%s", w, ascii)
			}
		}
	}
}

// TestWhyJSONFollowsItsSchema, and is read back as it was.
func TestWhyJSONFollowsItsSchema(t *testing.T) {
	t.Parallel()
	schema := compiled(t, "why.json")
	for name, y := range map[string]Why{
		"maps": mapsChain(), "nofile": nofileChain(), "lost": lostWhy(), "hostile": hostileWhy(),
		"with nil lists": {Host: "x", Chain: probes.Chain{Setting: "as", Parts: []probes.ChainPart{{Horizon: probes.Boot, Steps: []probes.ChainStep{{}}}}}},
	} {
		var b bytes.Buffer
		if err := WriteWhyJSON(&b, y); err != nil {
			t.Fatal(err)
		}
		doc := parse(t, b.Bytes())
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		fields := doc.(map[string]any)
		for key, old := range fields {
			delete(fields, key)
			if schema.Validate(doc) == nil {
				t.Errorf("%s: the schema accepts a document without %s", name, key)
			}
			fields[key] = old
		}
		if name != "maps" {
			continue
		}
		var got Why
		if err := json.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if got.Host != y.Host || len(got.Parts) != 2 || got.Parts[0].Steps[5].Lines[1] != y.Parts[0].Steps[5].Lines[1] {
			t.Errorf("read back: %+v", got)
		}
	}
}
