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
