package conf_test

import (
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

func TestParsePlaceFindsTheLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		line, file string
		n          int
		text       string
		ok         bool
	}{
		{"/etc/rc.local:3:sysctl -p", "/etc/rc.local", 3, "sysctl -p", true},
		{"/etc/rc.local:3:", "/etc/rc.local", 3, "", true},
		{"/etc/x:0:", "/etc/x", 0, "", true},
		{"/etc/a:b.sh:12:echo 1:2:3", "/etc/a:b.sh", 12, "echo 1:2:3", true},
		{"/etc/a:7b.sh:12:x", "/etc/a:7b.sh", 12, "x", true},
		{"/etc/a::12:x", "/etc/a:", 12, "x", true},
		{"/etc/a:12:13:x", "/etc/a", 12, "13:x", true},
		{"/etc/a:007:x", "/etc/a", 7, "x", true},
		{"", "", 0, "", false},
		{"/etc/a", "", 0, "", false},
		{"/etc/a:12", "", 0, "", false},
		{"/etc/a:x:y", "", 0, "", false},
		{"/etc/a:-1:x", "", 0, "", false},
		{"/etc/a:+1:x", "", 0, "", false},
		{"/etc/a: 1:x", "", 0, "", false},
		{"/etc/a:99999999999999999999:x", "", 0, "", false},
		{":3:x", "", 0, "", false},
		{strings.Repeat(":", 1<<20), "", 0, "", false},
	} {
		at, text, ok := conf.ParsePlace(tt.line)
		if want := (conf.Place{File: tt.file, Line: tt.n}); at != want || text != tt.text || ok != tt.ok {
			t.Errorf("ParsePlace(%.60q) = %v, %q, %v, want %v, %q, %v", tt.line, at, text, ok, want, tt.text, tt.ok)
		}
	}
}
