package conf_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// ulimitWords are the limits of a line: item, which of the two, the value or
// ?.
func ulimitWords(line string) (all []string) {
	for _, u := range conf.UlimitLine(conf.Place{File: "/etc/profile", Line: 7}, line) {
		which := map[[2]bool]string{{true, true}: "both", {true, false}: "soft", {false, true}: "hard"}[[2]bool{u.Soft, u.Hard}]
		value := "?"
		if u.Known {
			value = u.Value.String()
		}
		all = append(all, fmt.Sprintf("%s %s %s", u.Item, which, value))
	}
	return all
}

func TestUlimitLineSaysWhatALineMayChange(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		line string
		want string // joined with ", "
	}{
		{"ulimit -n 65536", "nofile both 65536"},
		{"ulimit -Hn 4096; ulimit -Sn unlimited", "nofile hard 4096, nofile soft unlimited"},
		{"[ x ] && ulimit -S -n $N", "nofile soft ?"},
		{"ulimit -v unlimited", "as both unlimited"},
		{"ulimit -u 4096 # c", "nproc both 4096"},
		{"\tulimit -n 65536 -u 4096 >/dev/null 2>&1", "nofile both 65536, nproc both 4096"},
		{"ulimit -HSn 10", "nofile both 10"},
		{"ulimit -n5000", "nofile both 5000"},
		{"ulimit -n -H 7", "nofile hard 7"},
		{"ulimit -SHv 5", "as both 5120"},
		{"ulimit -v 5000000; ulimit -m 1; ulimit -s 2; ulimit -d 3; ulimit -l 4; ulimit -t 5", "as both 5120000000, rss both 1024, stack both 2048, data both 3072, memlock both 4096, cpu both 5"},
		{"ulimit -c unlimited", "core both unlimited"},
		{"ulimit -c 0; ulimit -f 100; ulimit 100", "core both ?, fsize both ?, fsize both ?"},
		{"ulimit -p 100", "nproc both ?"},
		{"ulimit -n `cat /x`", "nofile both ?"},
		{"ulimit -n $(ulimit -Hn)", "nofile both ?"},
		{`ulimit -n "$N"`, "nofile both ?"},
		{`ulimit -n "65536"`, "nofile both 65536"},
		{`ulimit -n '65536'`, "nofile both 65536"},
		{"ulimit -n hard", "nofile both ?"},
		{"ulimit -n soft", "nofile both ?"},
		{"ulimit -n 64k", "nofile both ?"},
		{"ulimit -n 0100", "nofile both ?"},
		{"ulimit -n 99999999999999999999", "nofile both ?"},
		{"ulimit -v 18446744073709551615", "as both ?"},
		{"ulimit -n -- 5", "nofile both 5"},
		{"ulimit -n \\", "nofile both ?"},
		{`ulimit -n "65536`, "nofile both ?"},
		{"ulimit -n 10 || ulimit -n 5", "nofile both 10, nofile both 5"},
		{"ulimit -n 10 && echo ok", "nofile both 10"},
		{"then ulimit -n 5", "nofile both 5"},
		{"else ulimit -n 5; fi; ulimit -n 6", "nofile both 5, nofile both 6"},
		{"if [ a ]; then ulimit -n 5; fi", "nofile both 5"},
		{"if ulimit -n 5; then :; fi", "nofile both 5"},
		{"for i in 1; do ulimit -n 5; done", "nofile both 5"},
		{"linux*) ulimit -n 5 ;;", "nofile both 5"},
		{"f() { ulimit -n 5; }", "nofile both 5"},
		{"function f { ulimit -n 5; }", "nofile both 5"},
		{"(ulimit -n 5; exec java)", "nofile both 5"},
		{"ulimit -n 5 &", "nofile both 5"},
		{"echo x | ulimit -n 5", "nofile both 5"},
		{"{ ulimit -n 5; }", "nofile both 5"},
		{"builtin ulimit -n 5", "nofile both 5"},
		{"LC_ALL=C ulimit -n 5", "nofile both 5"},
		{`\ulimit -n 5`, "nofile both 5"},
		{`su - flink -c "ulimit -n 5; start"`, "nofile both ?"},
		{`eval 'ulimit -n 5'`, "nofile both ?"},
		{`alias j='ulimit -u 5; java'`, "nproc both ?"},
		{`CMD="ulimit -n 5"`, "nofile both ?"},
		// What changes nothing.
		{"ulimit -n", ""}, {"ulimit -Hn", ""}, {"ulimit", ""}, {"ulimit -a", ""}, {"ulimit -aH", ""}, {"ulimit -n 2>/dev/null", ""},
		{"# ulimit -n 5", ""}, {"x # ulimit -n 5", ""}, {"myulimit -n 5", ""}, {"ulimits -n 5", ""}, {"ulimit-n 5", ""}, {"./ulimit -n 5", ""},
		{`echo "ulimit -n 5"`, ""}, {"echo ulimit -n 5", ""}, {"N=$(ulimit -n)", ""}, {"echo `ulimit -n 5`", ""}, {"man ulimit", ""},
		{"$ULIMIT -n 5", ""}, {"", ""}, {"ulimit -z 5", ""}, {"limit descriptors 5", ""},
	} {
		if got := strings.Join(ulimitWords(tt.line), ", "); got != tt.want {
			t.Errorf("UlimitLine(%q) = %s, want %s", tt.line, got, tt.want)
		}
	}
}

func TestUlimitLineKeepsThePlace(t *testing.T) {
	t.Parallel()
	at := conf.Place{File: "/home/u/.bashrc", Line: 3}
	want := []conf.Ulimit{{At: at, Text: "ulimit -n 5", Item: "nofile", Soft: true, Hard: true, Value: 5, Known: true}}
	if d := cmp.Diff(want, conf.UlimitLine(at, "  ulimit -n 5\r\n")); d != "" {
		t.Errorf("UlimitLine (-want +got):\n%s", d)
	}
}

func FuzzUlimitLine(f *testing.F) {
	for _, s := range []string{"ulimit -n 65536", `su -c "ulimit -n $((1+2))"`, "a && ulimit -Hn `x` # c", "case $x in y) ulimit -u 5;; esac", "ulimit -n \"$N"} {
		f.Add(s, "$N")
	}
	f.Fuzz(func(t *testing.T, line, value string) {
		at := conf.Place{File: "f", Line: 1}
		all := conf.UlimitLine(at, line)
		if len(all) > len(line) {
			t.Errorf("UlimitLine(%q) has %d limits", line, len(all))
		}
		for _, u := range all {
			if !u.Soft && !u.Hard || u.Item == "" || u.At != at || !u.Known && u.Value != 0 {
				t.Errorf("UlimitLine(%q) = %+v", line, u)
			}
		}
		if d := cmp.Diff(all, conf.UlimitLine(at, line)); d != "" {
			t.Errorf("twice differs:\n%s", d)
		}
		if !strings.ContainsAny(value, "$`") || strings.ContainsAny(value, "'\\ \t\r\n;&|()<>#") {
			return
		}
		for _, quote := range []string{"", `"`} {
			for _, u := range conf.UlimitLine(at, "ulimit -n "+quote+value+quote) {
				if u.Known {
					t.Errorf("the value of %q is known: %+v", value, u)
				}
			}
		}
	})
}
