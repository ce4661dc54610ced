//go:build unix

package probes_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// collected are the facts of a case as the first shell that is here sends
// them.
func collected(t *testing.T, file string) *probes.Facts {
	t.Helper()
	archive, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if err := demo.Unpack(root, file, archive, demo.Caller(caseNow)); err != nil {
		t.Fatal(err)
	}
	for _, shell := range shells {
		if _, err := exec.LookPath(shell[0]); err == nil {
			return collect(t, shell, probes.HostSettings{Root: root})
		}
	}
	lacking(t, "any of the shells")
	return nil
}

// filesBelow are path, kind, target and content of the files in some
// directories.
func filesBelow(f *probes.Facts, patterns ...string) (files []probes.File) {
	for _, file := range f.Files {
		for _, p := range patterns {
			if ok, _ := filepath.Match(p, file.Path); ok {
				files = append(files, probes.File{Path: file.Path, Kind: file.Kind, Target: file.Target, Content: file.Content, Withheld: file.Withheld})
			}
		}
	}
	return files
}

func list(v probes.Value[[]string]) []string { return v.Or([]string{v.Why()}) }

func TestAllThatSetsMaxMapCountAtBootIsCollected(t *testing.T) {
	t.Parallel()
	f := collected(t, "testdata/maps/boot-files.txtar")
	conf := "vm.max_map_count = 262144\n"
	want := []probes.File{
		{Path: "/etc/sysctl.d/10-map-count.conf", Kind: probes.FileDangling, Target: "/dev/null"},
		{Path: "/etc/sysctl.d/99-sysctl.conf", Kind: probes.FileLink, Target: "../sysctl.conf", Content: conf},
		{Path: "/usr/lib/sysctl.d/10-map-count.conf", Kind: probes.FileRegular, Content: "vm.max_map_count=1048576\n"},
		{Path: "/etc/sysctl.conf", Kind: probes.FileRegular, Content: conf},
		{Path: "/etc/alpine-release", Kind: probes.FileAbsent},
		{Path: "/etc/tuned/active_profile", Kind: probes.FileRegular, Content: "sap\n"},
		{Path: "/etc/tuned/tuned-main.conf", Kind: probes.FileRegular, Content: "reapply_sysctl = 1\n"},
		{Path: "/usr/lib/tuned/sap/tuned.conf", Kind: probes.FileRegular, Content: "[main]\ninclude = throughput\n[sysctl]\nvm.max_map_count=2147483647\n"},
		{Path: "/usr/lib/tuned/throughput/tuned.conf", Kind: probes.FileRegular, Content: "[main]\nsummary=none\n"},
	}
	got := filesBelow(f, "/etc/sysctl.d/*", "/usr/lib/sysctl.d/*", "/etc/sysctl.conf", "/etc/alpine-release", "/etc/tuned/*", "/usr/lib/tuned/*/*")
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("files (-want +got):\n%s", d)
	}
	for _, c := range []struct {
		name      string
		got, want []string
	}{
		{"marks of the loader", list(f.Maps.Boot), []string{"/lib", "/run/systemd/system", "/proc/1/comm systemd"}},
		{"words of the command line, without the secret one", list(f.Maps.CommandLine), []string{"sysctl.vm.max_map_count=300000"}},
		{"lines of scripts, without the secret one", list(f.Maps.Writers), []string{"/etc/rc.local:3:sysctl -w vm.max_map_count=65530"}},
	} {
		if d := cmp.Diff(c.want, c.got); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

func TestOnlyLinesThatMatterLeaveFilesWithSecrets(t *testing.T) {
	t.Parallel()
	f := collected(t, "testdata/nofile/collected.txtar")
	for _, c := range []struct {
		name      string
		got, want []string
	}{
		{"start files of shells", list(f.NoFile.Shell), []string{"/etc/profile.d/flink.sh:2:ulimit -n 65536", "/home/flink/.bash_profile:1:ulimit -n 70000 "}},
		{"sshd", list(f.NoFile.SSHD), []string{"/etc/ssh/sshd_config:0:", "/etc/ssh/sshd_config:2:UsePAM yes", "/etc/ssh/sshd_config:3:Match User x"}},
	} {
		if d := cmp.Diff(c.want, c.got); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
	pam := []probes.File{{Path: "/etc/pam.d/sshd", Kind: probes.FileRegular, Content: "session required pam_limits.so\n", Withheld: true}}
	if d := cmp.Diff(pam, filesBelow(f, "/etc/pam.d/*")); d != "" {
		t.Errorf("PAM files (-want +got):\n%s", d)
	}
}

// TestUnitsTellOnlyTheirLimits: the lines of a unit that may be secret stay on
// the host, the others keep their numbers, and a line that goes on in the next
// one still does.
func TestUnitsTellOnlyTheirLimits(t *testing.T) {
	t.Parallel()
	const dir = "/etc/systemd/system/flink-taskmanager.service"
	withheld := func(path, content string) probes.File {
		return probes.File{Path: path, Kind: probes.FileRegular, Content: content, Withheld: true}
	}
	for _, c := range []struct {
		file string
		want []probes.File
	}{
		{"testdata/nofile/unit-low.txtar", []probes.File{
			withheld("/etc/systemd/system.conf", "[Manager]\nDefaultLimitNOFILE=1024:524288\n"),
			withheld(dir, "[Service]\nUser=flink\n\nLimitNOFILE=65536\n"),
			{Path: dir + ".d/10-masked.conf", Kind: probes.FileDangling, Target: "/dev/null"},
			withheld(dir+".d/50-limits.conf", "[Service]\nLimitNOFILE = 88\n"),
		}},
		{"testdata/nofile/unit-secrets.txtar", []probes.File{
			withheld(dir, "#\n[Service]\n-\\\n  LimitNOFILE=1\n-\\\n#\n  LimitNOFILE=3\nExecStart=ulimit -n 65536 && exec tm\n\n  LimitNOFILE=70000\n"),
		}},
	} {
		got := filesBelow(collected(t, c.file), "/etc/systemd/*", "/etc/systemd/system/*", "/etc/systemd/system/*.d/*")
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.file, d)
		}
	}
}
