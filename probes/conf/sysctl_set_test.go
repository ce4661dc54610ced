package conf_test

import (
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

func TestSetSysctlKeepsEveryOtherByte(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, content, want string }{
		{"an empty file", "", "vm.max_map_count = 262144\n"},
		{"in place", "a=1\nvm.max_map_count=5\nb=2\n", "a=1\nvm.max_map_count=262144\nb=2\n"},
		{"the spelling stays", "\tvm/max_map_count\t=  5  \n", "\tvm/max_map_count\t=  262144  \n"},
		{"the last assignment counts", "vm.max_map_count=5\nvm.max_map_count=6\n", "vm.max_map_count=5\nvm.max_map_count=262144\n"},
		{"no last newline", "a=1", "a=1\nvm.max_map_count = 262144\n"},
		{"in place without a last newline", "vm.max_map_count=5", "vm.max_map_count=262144"},
		{"CRLF in place", "vm.max_map_count=5\r\na=1\r\n", "vm.max_map_count=262144\r\na=1\r\n"},
		{"CRLF appended", "a=1\r\n", "a=1\r\nvm.max_map_count = 262144\r\n"},
		{"a comment is none", "# vm.max_map_count=5\n", "# vm.max_map_count=5\nvm.max_map_count = 262144\n"},
		{"an exclusion after it", "vm.max_map_count=5\n-vm.max_map_count\n", "vm.max_map_count=5\n-vm.max_map_count\nvm.max_map_count = 262144\n"},
		{"a remark stays", "vm.max_map_count=5 # why\n", "vm.max_map_count=262144 # why\n"},
		{"what is no remark goes with the value", "vm.max_map_count=5 6\n", "vm.max_map_count=262144\n"},
		{"a value that the kernel refuses", "vm.max_map_count=5# why\n", "vm.max_map_count=262144\n"},
		{"a remark alone", "vm.max_map_count= # why\n", "vm.max_map_count= 262144\n"},
		{"a continued line", "a=1\\\n", "a=1\\\n#\nvm.max_map_count = 262144\n"},
		{"no value", "vm.max_map_count =\n", "vm.max_map_count =262144\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := conf.SetSysctl(tt.content, mapCount, "262144"); got != tt.want {
				t.Errorf("SetSysctl(%q) = %q, want %q", tt.content, got, tt.want)
			}
		})
	}
}

func FuzzSysctlSet(f *testing.F) {
	for _, s := range []string{"", "a=1", "vm.max_map_count=5\r\n-vm.max_map_count", "#\\\nvm.max_map_count=1\\\n", "vm.max_*=3\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		if strings.Contains(content, "\x00") { // the script leaves none
			return
		}
		got := conf.SetSysctl(content, mapCount, "262144")
		if again := conf.SetSysctl(got, mapCount, "262144"); again != got {
			t.Errorf("twice: %q, once: %q", again, got)
		}
		before, after := strings.Split(content, "\n"), strings.Split(got, "\n")
		changed := 0
		for i, line := range before {
			if i >= len(after) || strings.TrimSuffix(after[i], "\r") != strings.TrimSuffix(line, "\r") {
				changed++
			}
		}
		if changed > 1 || len(after) < len(before) {
			t.Errorf("%d lines of %q changed: %q", changed, content, got)
		}
		files := []conf.File{{Path: "/etc/sysctl.conf", Content: got}}
		hosts := map[string]*conf.SysctlHost{
			"systemd": {Files: append(files, osRelease("rhel", "7.9")), Marks: systemd},
			"procps":  {Files: append(files, osRelease("gentoo", "2")), Marks: []string{"/proc/1/comm init", "/etc/runlevels/boot/sysctl"}},
			"busybox": {Files: append(files, osRelease("alpine", "3")), Marks: []string{"/proc/1/comm init", "/etc/runlevels/boot/sysctl"}},
		}
		for name, h := range hosts {
			if r := conf.SysctlBoot(h, mapCount); r.Value != "262144" {
				t.Errorf("%s: %q gives %s", name, got, answer(r))
			}
		}
	})
}
