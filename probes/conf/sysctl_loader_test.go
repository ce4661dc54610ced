package conf_test

import (
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

func TestAlpineIsKnownByEitherFile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		files []conf.File
		want  bool
	}{
		{"its release file", tree("/etc/alpine-release", "3.20.0\n"), true},
		{"its ID", []conf.File{osRelease("alpine", "3.20.0")}, true},
		{"another ID", []conf.File{osRelease("debian", "12"), {Path: "/etc/alpine-release", Kind: conf.FileAbsent}}, false},
		{"no file", nil, false},
	} {
		if got := conf.IsAlpine(tt.files); got != tt.want {
			t.Errorf("%s: IsAlpine = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestContainerMarkIsTheFirst(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		marks []string
		want  string
	}{
		{nil, ""},
		{systemd, ""},
		{[]string{"/.dockerenv", "/proc/1/comm sh"}, "/.dockerenv"},
		{[]string{"/run/.containerenv", "/.dockerenv", "/run/systemd/container"}, "/run/systemd/container"},
		{[]string{"/proc/1/comm systemd", "/run/.containerenv"}, "/run/.containerenv"},
	} {
		if got := conf.ContainerMark(tt.marks); got != tt.want {
			t.Errorf("ContainerMark(%q) = %q, want %q", tt.marks, got, tt.want)
		}
	}
}

// A dialect is spoken from one version to the next: no version stands in what
// is said of a line.
func TestALineIsIgnoredByAProgramOfAnyVersion(t *testing.T) {
	t.Parallel()
	alpine := []string{"/proc/1/comm init", "/etc/runlevels/boot/sysctl"}
	boot, system := conf.SysctlBoot, conf.SysctlSystem
	for _, tt := range []struct {
		id, version, program string
		marks                []string
		resolve              func(*conf.SysctlHost, string) conf.Resolution
	}{
		{"debian", "12", "systemd-sysctl", systemd, boot},
		{"rhel", "7.9", "systemd-sysctl", systemd, boot},
		{"debian", "12", "sysctl", systemd, system},
		{"debian", "11", "sysctl", systemd, system},
		{"alpine", "3.20.0", "busybox sysctl", alpine, boot},
	} {
		h := &conf.SysctlHost{Files: append(tree("/etc/sysctl.d/a.conf", mapCount+" 5\n"), osRelease(tt.id, tt.version)), Marks: tt.marks, Live: "65530"}
		lines := tt.resolve(h, mapCount).Shadowed()
		if want := tt.program + " does not take this for the key"; len(lines) != 1 || lines[0].Why != want {
			t.Errorf("%s %s: lines %+v, want one with %q", tt.id, tt.version, lines, want)
		}
	}
}
