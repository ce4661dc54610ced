package probes

import (
	"regexp"
	"strings"
	"testing"
)

var (
	stampByRegexp  = regexp.MustCompile(`^\[?(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:[.,]\d+)? ?(Z|UTC|GMT|[+-]\d\d:?\d\d)?\]?`)
	kernelByRegexp = regexp.MustCompile(`^(?:<\d+>)?\[ *(\d+)\.\d+\] ?(?:\[ *[TC]\d+\] ?)?`)
	restByRegexp   = regexp.MustCompile(`^[\] |:]*(?:\[[^\]]*\] +)?([A-Za-z_][\w.$-]*)?\s*(?:\[[^\]]*\]\s*)?(?: - |- |: )?(.*)$`)
)

// FuzzScan: what is found by hand is what the expressions find.
func FuzzScan(f *testing.F) {
	for _, s := range []string{
		"", "[", "2026-11-24 06:40:33,019 INFO  a.B [] - x", "[2026-11-24T06:40:33.019+05:30] x", "2026-11-24 06:40:33 UTC] x", "2026-11-24 06:40:33Z",
		"2026-11-24 06:40:33, x", "2026-11-24 06:40:33,1 -0830", "2026-11-24 06:40:3", "2026-11-24_06:40:33", "2026-11-24 06:40:33.5 +053", "2026-11-24 06:40:33 Zebra",
		"] [main] a.b.C [x] - said", "  org.apache.flink.X []  - a", " [thread-1]  - a", " [a]b - c", "|a$1-b_c: d", ": - e", "[[x]] a", " x [y", " [y] [z] w", "\xff é", "a\nb", "9a - b",
		"[    3.412088] EXT4-fs", "<6>[12.5][ T123] x", "<6>[1.5]  [C0] y", "[1.5] [T]", "[.5] x", "[1.] x", "<>[1.5]", "<4>x", "[ 1.5", "[1.5][ Ta] x",
		"\t- a", "a\u00a0b", "a\v- b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var want [4]string
		if m := stampByRegexp.FindStringSubmatch(s); m != nil {
			want = [4]string{m[1], m[2], m[3], m[0]}
		}
		date, clock, zone, n := findStamp(s)
		if got := [4]string{date, clock, zone, s[:n]}; got != want {
			t.Errorf("findStamp(%q) = %q, want %q", s, got, want)
		}
		var wantSeconds, wantText string
		m := kernelByRegexp.FindStringSubmatch(s)
		if m != nil {
			wantSeconds, wantText = m[1], s[len(m[0]):]
		}
		if seconds, text, ok := cutKernelStamp(s); seconds != wantSeconds || text != wantText || ok != (m != nil) {
			t.Errorf("cutKernelStamp(%q) = %q, %q, %t, want %q, %q", s, seconds, text, ok, wantSeconds, wantText)
		}
		line, _, _ := strings.Cut(s, "\n")
		m = restByRegexp.FindStringSubmatch(line)
		if logger, message := cutRest(line); logger != m[1] || message != m[2] {
			t.Errorf("cutRest(%q) = %q, %q, want %q", line, logger, message, m[1:])
		}
	})
}
