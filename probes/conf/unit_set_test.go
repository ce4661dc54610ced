package conf_test

import (
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

func TestSetUnitKeepsEveryOtherByte(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, content, want string }{
		{"an empty file", "", "[Service]\nLimitNOFILE=65536\n"},
		{"in place", "[Service]\nLimitNOFILE = 5 \nA=1\n", "[Service]\nLimitNOFILE = 65536 \nA=1\n"},
		{"the last one counts", "[Service]\nLimitNOFILE=5\nLimitNOFILE=6\n", "[Service]\nLimitNOFILE=5\nLimitNOFILE=65536\n"},
		{"a section before it", "[Service]\nA=1\n", "[Service]\nA=1\nLimitNOFILE=65536\n"},
		{"another section last", "[Service]\nA=1\n[Install]\nB=2\n", "[Service]\nA=1\n[Install]\nB=2\n[Service]\nLimitNOFILE=65536\n"},
		{"the key of another section", "[Unit]\nLimitNOFILE=5\n", "[Unit]\nLimitNOFILE=5\n[Service]\nLimitNOFILE=65536\n"},
		{"a comment is none", "[Service]\n#LimitNOFILE=5\n", "[Service]\n#LimitNOFILE=5\nLimitNOFILE=65536\n"},
		{"no last newline", "[Service]\nA=1", "[Service]\nA=1\nLimitNOFILE=65536\n"},
		{"CRLF", "[Service]\r\nLimitNOFILE=5\r\n", "[Service]\r\nLimitNOFILE=65536\r\n"},
		{"CRLF added", "[Service]\r\nA=1\r\n", "[Service]\r\nA=1\r\nLimitNOFILE=65536\r\n"},
		{"a continued value is outdone", "[Service]\nLimitNOFILE=5\\\n6\n", "[Service]\nLimitNOFILE=5\\\n6\nLimitNOFILE=65536\n"},
		{"a continued line is none", "[Service]\nA=\\\nLimitNOFILE=5\n", "[Service]\nA=\\\nLimitNOFILE=5\nLimitNOFILE=65536\n"},
		{"a continued end", "[Service]\nA=1\\\n", "[Service]\nA=1\\\n\nLimitNOFILE=65536\n"},
		{"a comment does not end a continued line", "[Service]\nA=1\\\n;x\n", "[Service]\nA=1\\\n;x\n\nLimitNOFILE=65536\n"},
		{"no value", "[Service]\nLimitNOFILE=\n", "[Service]\nLimitNOFILE=65536\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := conf.SetUnit(tt.content, "LimitNOFILE", "65536"); got != tt.want {
				t.Errorf("SetUnit(%q) = %q, want %q", tt.content, got, tt.want)
			}
			if text := conf.UnitText(tt.want, "LimitNOFILE"); text != "65536" {
				t.Errorf("UnitText(%q) = %q", tt.want, text)
			}
		})
	}
}

// FuzzSetUnit: systemd reads the value from what was written, whatever the
// drop-in had, and a second edit changes nothing.
func FuzzSetUnit(f *testing.F) {
	for _, s := range []string{"", "LimitNOFILE=5", "A=\\\r\nLimitNOFILE=1\r\n", ";\\\nLimitNOFILE=\\\\\n", "LimitNOFILE=\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		content = "[Service]\n" + content
		got := conf.SetUnit(content, "LimitNOFILE", "65536")
		if text := conf.UnitText(got, "LimitNOFILE"); text != "65536" {
			t.Errorf("%q has %q", got, text)
		}
		if again := conf.SetUnit(got, "LimitNOFILE", "65536"); again != got {
			t.Errorf("twice: %q, once: %q", again, got)
		}
		resolve := func(drop string) conf.UnitResult {
			return conf.ResolveUnit(conf.Unit{Name: "x.service", Systemd: 252, NROpen: 1 << 20, Files: tree(
				"/etc/systemd/system/x.service", "[Service]\nExecStart=/x\n", "/etc/systemd/system/x.service.d/zz.conf", drop)})
		}
		// A lone \r or NUL ends a line for systemd alone, and a file that it gives
		// up half way cannot be repaired by a line: the resolver refuses those.
		if strings.ContainsAny(strings.ReplaceAll(content, "\r\n", "\n")[1:], "\r\x00[") {
			return
		}
		if r := resolve(got); r.Unknown == "" && r.Items["LimitNOFILE"].Hard.Value != 65536 && !strings.Contains(content, "\ufeff") && utf8Lines(content) {
			t.Errorf("%q gives %+v", got, r.Items["LimitNOFILE"].Hard)
		}
	})
}

func utf8Lines(s string) bool { return strings.ToValidUTF8(s, "") == s && len(s) < 1<<16 }
