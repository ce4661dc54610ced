package conf_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// osRelease is /etc/os-release of a distribution.
func osRelease(id, version string) conf.File {
	return conf.File{Path: "/etc/os-release", Content: fmt.Sprintf("NAME=x\nID=%q\nVERSION_ID=%q\n", id, version)}
}

// answer is a resolution on one line.
func answer(r conf.Resolution) string {
	if !r.Known {
		return "? " + r.Why
	}
	return r.Value + " " + r.Source
}

var systemd = []string{"/run/systemd/system", "/proc/1/comm systemd"}

func TestTheLoaderOfEachDistributionDecides(t *testing.T) {
	t.Parallel()
	alpine := []string{"/proc/1/comm init", "/etc/runlevels/boot/sysctl"}
	conf262 := []string{"/etc/sysctl.conf", mapCount + "=262144\n"}
	for _, tt := range []struct {
		name               string
		id, version        string
		marks              []string
		tree               []string
		boot, system, load string
	}{
		{"Debian 12 reads sysctl.conf through its link", "debian", "12", systemd, append([]string{"/etc/sysctl.d/99-sysctl.conf", "-> ../sysctl.conf"}, conf262...),
			"262144 /etc/sysctl.conf:1", "262144 /etc/sysctl.conf:1", "262144 /etc/sysctl.conf:1"},
		// Debian 13 release notes: /etc/sysctl.conf is no longer honoured.
		{"Debian 13 does not read sysctl.conf, sysctl --system hides it", "debian", "13", systemd, conf262,
			"65530 kernel default", "262144 /etc/sysctl.conf:1", "262144 /etc/sysctl.conf:1"},
		// systemd.spec of Fedora: 10-map-count.conf since 39.
		{"Fedora raises it itself", "fedora", "41", systemd, []string{"/usr/lib/sysctl.d/10-map-count.conf", mapCount + "=1048576\n"},
			"1048576 /usr/lib/sysctl.d/10-map-count.conf:1", "1048576 /usr/lib/sysctl.d/10-map-count.conf:1", "65530 the kernel as it is now"},
		// CentOS 7 systemd patch 0003: sysctl: bring back /etc/sysctl.conf.
		{"RHEL 7 reads sysctl.conf last without a link", "rhel", "7.9", systemd, append([]string{"/etc/sysctl.d/zz.conf", mapCount + "=300000\n"}, conf262...),
			"262144 /etc/sysctl.conf:1", "262144 /etc/sysctl.conf:1", "262144 /etc/sysctl.conf:1"},
		{"RHEL 7 knows no patterns", "rhel", "7.9", systemd, []string{"/etc/sysctl.d/a.conf", "vm.max_map_*=300000\n"},
			"65530 kernel default", "65530 the kernel as it is now", "65530 the kernel as it is now"},
		// systemd.spec of SUSE: the link is in /usr/lib.
		{"SUSE reads sysctl.conf through a link of the vendor", "sles", "15.5", systemd, append([]string{"/usr/lib/sysctl.d/99-sysctl.conf", "-> ../../../etc/sysctl.conf"}, conf262...),
			"262144 /etc/sysctl.conf:1", "262144 /etc/sysctl.conf:1", "262144 /etc/sysctl.conf:1"},
		// aports main/openrc 0003-sysctl-add-compatibility-for-busybox-sysctl.patch.
		{"Alpine lets /lib beat /etc", "alpine", "3.20.0", alpine, []string{"/etc/sysctl.d/zz.conf", mapCount + "=262144\n", "/lib/sysctl.d/00.conf", mapCount + "=70000\n"},
			"70000 /lib/sysctl.d/00.conf:1", "? busybox sysctl has no --system", "65530 the kernel as it is now"},
		{"Alpine lets /etc beat /run", "alpine", "3.20.0", alpine, []string{"/etc/sysctl.d/00.conf", mapCount + "=262144\n", "/run/sysctl.d/zz.conf", mapCount + "=70000\n"},
			"262144 /etc/sysctl.d/00.conf:1", "? busybox sysctl has no --system", "65530 the kernel as it is now"},
		{"Alpine without sysctl in the runlevel applies nothing", "alpine", "3.20.0", alpine[:1], conf262,
			"65530 kernel default", "? busybox sysctl has no --system", "262144 /etc/sysctl.conf:1"},
		// openrc init.d/sysctl.in.
		{"OpenRC runs sysctl --system", "gentoo", "2.15", alpine, append([]string{"/etc/sysctl.d/zz.conf", mapCount + "=70000\n"}, conf262...),
			"262144 /etc/sysctl.conf:1", "262144 /etc/sysctl.conf:1", "262144 /etc/sysctl.conf:1"},
		{"System V init of Debian runs sysctl --system", "devuan", "5", []string{"/etc/init.d/procps", "/proc/1/comm init"}, conf262,
			"262144 /etc/sysctl.conf:1", "262144 /etc/sysctl.conf:1", "262144 /etc/sysctl.conf:1"},
		{"an init that is not known", "void", "", []string{"/proc/1/comm runit"}, conf262,
			`? it is not known what applies sysctl files on this host (process 1 is "runit", distribution "void")`, "262144 /etc/sysctl.conf:1", "262144 /etc/sysctl.conf:1"},
		{"a container", "debian", "12", append([]string{"/.dockerenv"}, systemd...), conf262,
			"? this is a container (/.dockerenv): its host sets the value", "262144 /etc/sysctl.conf:1", "262144 /etc/sysctl.conf:1"},
		{"a masked service", "debian", "12", systemd, append([]string{"/etc/systemd/system/systemd-sysctl.service", "-> /dev/null", "/etc/sysctl.d/99-sysctl.conf", "-> ../sysctl.conf"}, conf262...),
			"65530 kernel default", "262144 /etc/sysctl.conf:1", "262144 /etc/sysctl.conf:1"},
		{"a version that matters and is not known", "unheard-of", "1", systemd, []string{"/etc/sysctl.d/a.conf", "vm.max_map_*=300000\n"},
			"? it depends on the version of systemd, which is not known", "? it depends on the version of procps, which is not known", "65530 the kernel as it is now"},
		{"a version that is not known and does not matter", "unheard-of", "1", systemd, []string{"/etc/sysctl.d/a.conf", mapCount + "=300000\n"},
			"300000 /etc/sysctl.d/a.conf:1", "300000 /etc/sysctl.d/a.conf:1", "65530 the kernel as it is now"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := &conf.SysctlHost{Files: append(tree(tt.tree...), osRelease(tt.id, tt.version)), Marks: tt.marks, Live: "65530"}
			got := []string{answer(conf.SysctlBoot(h, mapCount)), answer(conf.SysctlSystem(h, mapCount)), answer(conf.SysctlLoad(h, mapCount))}
			if d := cmp.Diff([]string{tt.boot, tt.system, tt.load}, got); d != "" {
				t.Errorf("boot, sysctl --system, sysctl -p (-want +got):\n%s", d)
			}
		})
	}
}

func TestWhatCannotBeReadIsUnknownOnlyWhereItMatters(t *testing.T) {
	t.Parallel()
	set := conf.File{Path: "/etc/sysctl.d/50.conf", Content: mapCount + "=262144\n"}
	for _, tt := range []struct {
		name string
		file conf.File
		want string
	}{
		{"unreadable before the winner", conf.File{Path: "/etc/sysctl.d/10.conf", Kind: conf.FileUnreadable}, "262144 /etc/sysctl.d/50.conf:1"},
		{"unreadable after it", conf.File{Path: "/etc/sysctl.d/90.conf", Kind: conf.FileUnreadable}, "? /etc/sysctl.d/90.conf cannot be read"},
		{"unreadable but hidden", conf.File{Path: "/usr/lib/sysctl.d/50.conf", Kind: conf.FileUnreadable}, "262144 /etc/sysctl.d/50.conf:1"},
		{"a FIFO after it", conf.File{Path: "/etc/sysctl.d/90.conf", Kind: conf.FileOther}, "? /etc/sysctl.d/90.conf is not a regular file"},
		{"/dev/null after it", conf.File{Path: "/etc/sysctl.d/90.conf", Kind: conf.FileOther, Target: "/dev/null"}, "262144 /etc/sysctl.d/50.conf:1"},
		{"a directory after it", conf.File{Path: "/etc/sysctl.d/90.conf", Kind: conf.FileDir}, "262144 /etc/sysctl.d/50.conf:1"},
		{"cut after it", conf.File{Path: "/etc/sysctl.d/90.conf", Cut: true, Content: "a=1\nvm.max_map_count=5"}, "? /etc/sysctl.d/90.conf is longer than what was read"},
		{"a directory that cannot be listed", conf.File{Path: "/usr/lib/sysctl.d", Kind: conf.FileUnreadable}, "? /usr/lib/sysctl.d cannot be read whole"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := &conf.SysctlHost{Files: []conf.File{set, tt.file, osRelease("debian", "12")}, Marks: systemd}
			if got := answer(conf.SysctlBoot(h, mapCount)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestTheKernelReadsValuesItsOwnWay(t *testing.T) {
	t.Parallel()
	const file = "/etc/sysctl.d/a.conf"
	for _, tt := range []struct{ value, want string }{
		{"262144", "262144"}, {"262144 # why", "262144"}, {"0x40000", "262144"}, {"0400000", "131072"},
		{"2147483647", "2147483647"}, {"0", "0"}, {"262144\t1", "262144"},
		{"262144#why", ""}, {`"262144"`, ""}, {"1e6", ""}, {"262_144", ""}, {"262144k", ""}, {"+262144", ""},
		{"2147483648", ""}, {"-1", ""}, {"", ""}, {"08", ""}, {"0x", ""}, {"99999999999999999999999", ""},
	} {
		t.Run(tt.value, func(t *testing.T) {
			t.Parallel()
			h := &conf.SysctlHost{
				Files: []conf.File{{Path: file, Content: mapCount + "=70000\n" + mapCount + "=" + tt.value + "\n"}, osRelease("debian", "12")},
				Marks: systemd, Live: "65530", CommandLine: []string{"sysctl.vm.max_map_count=66000"},
			}
			boot, system := tt.want+" "+file+":2", tt.want+" "+file+":2"
			if tt.want == "" { // systemd writes the last line alone
				boot, system = "66000 kernel command line", "70000 "+file+":1"
			}
			got := []string{answer(conf.SysctlBoot(h, mapCount)), answer(conf.SysctlSystem(h, mapCount))}
			if d := cmp.Diff([]string{boot, system}, got); d != "" {
				t.Errorf("boot, sysctl --system (-want +got):\n%s", d)
			}
		})
	}
}

func TestTunedWritesAfterTheLoader(t *testing.T) {
	t.Parallel()
	base := []string{
		"/etc/tuned/active_profile", "db\n",
		"/usr/lib/tuned/db/tuned.conf", "[main]\ninclude=base\n[sysctl]\nvm.max_map_count=150000\n",
		"/usr/lib/tuned/base/tuned.conf", "[sysctl]\nvm.max_map_count = 140000 # low\n",
	}
	const profile = "/usr/lib/tuned/db/tuned.conf:4"
	for _, tt := range []struct {
		name string
		tree []string
		want string
	}{
		{"the profile beats the vendor", []string{"/usr/lib/sysctl.d/a.conf", mapCount + "=1048576\n"}, "150000 " + profile},
		{"files of /etc are applied again", []string{"/etc/sysctl.d/a.conf", mapCount + "=262144\n"}, "262144 /etc/sysctl.d/a.conf:1"},
		{"/run hides /etc", []string{"/etc/sysctl.d/a.conf", mapCount + "=262144\n", "/run/sysctl.d/a.conf", mapCount + "=80000\n"}, "80000 /run/sysctl.d/a.conf:1"},
		{"sysctl.conf comes last, link or not", []string{"/etc/sysctl.d/zz.conf", mapCount + "=262144\n", "/etc/sysctl.conf", mapCount + "=80000\n"}, "80000 /etc/sysctl.conf:1"},
		{"nothing again if it is told so", []string{"/etc/tuned/tuned-main.conf", "reapply_sysctl = 0\n", "/etc/sysctl.conf", mapCount + "=80000\n"}, "150000 " + profile},
		{"only if greater", []string{"/usr/lib/tuned/db/tuned.conf", "[sysctl]\nvm.max_map_count=>100000\n", "/usr/lib/sysctl.d/a.conf", mapCount + "=1048576\n"}, "1048576 /usr/lib/sysctl.d/a.conf:1"},
		{"a variable", []string{"/usr/lib/tuned/db/tuned.conf", "[sysctl]\nvm.max_map_count=${maps}\n"}, "? /usr/lib/tuned/db/tuned.conf:2 has a variable of tuned"},
		{"a profile that is not there", []string{"/etc/tuned/active_profile", "lost\n"}, "? the file of tuned's profile lost is not known"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files := tree(append(append([]string{}, base...), tt.tree...)...)
			h := &conf.SysctlHost{Files: append(files, osRelease("rhel", "9.4")), Marks: systemd}
			if got := answer(conf.SysctlBoot(h, mapCount)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestTheChainSaysWhatBecameOfEachLine(t *testing.T) {
	t.Parallel()
	h := &conf.SysctlHost{Marks: systemd, Files: append(tree(
		"/etc/sysctl.conf", mapCount+"=1\n",
		"/etc/sysctl.d/10-null.conf", "-> /dev/null",
		"/usr/lib/sysctl.d/10-null.conf", mapCount+"=2\n",
		"/etc/sysctl.d/20.conf", "# "+mapCount+"=0\nvm.max_map_*=3\n"+mapCount+"=4\n"+mapCount+" 5\n",
		"/usr/lib/sysctl.d/20.conf", mapCount+"=6\n",
		"/etc/sysctl.d/zz.conf", "VM.MAX_MAP_COUNT=7\n"+mapCount+" = 262144\n",
	), osRelease("debian", "13"))}
	var got []string
	for _, f := range conf.SysctlBoot(h, mapCount).Files {
		for _, l := range f.Lines {
			got = append(got, fmt.Sprintf("%s %s %s", l.Place, l.Fate, l.Why))
		}
	}
	want := []string{
		"/etc/sysctl.conf:1 not read systemd-sysctl reads /etc/sysctl.conf only through a link in a sysctl.d directory, and there is none",
		"/usr/lib/sysctl.d/10-null.conf:1 masked masked by /etc/sysctl.d/10-null.conf",
		"/usr/lib/sysctl.d/20.conf:1 same name hidden by /etc/sysctl.d/20.conf, a file of the same name",
		"/etc/sysctl.d/20.conf:2 glob loses the explicit line /etc/sysctl.d/zz.conf:2 beats a pattern",
		"/etc/sysctl.d/20.conf:3 overridden overridden by /etc/sysctl.d/zz.conf:2",
		"/etc/sysctl.d/20.conf:4 ignored line systemd-sysctl does not take this for the key",
		"/etc/sysctl.d/zz.conf:1 ignored line systemd-sysctl does not take this for the key",
		"/etc/sysctl.d/zz.conf:2 wins ",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
}

func TestOtherWritersAreNamed(t *testing.T) {
	t.Parallel()
	h := &conf.SysctlHost{Marks: systemd, Files: append(tree("/run/sysctl.d/a.conf", mapCount+"=9\n"), osRelease("debian", "12")), Writers: []string{
		"/etc/rc.local:3:sysctl -w vm.max_map_count=65530", "/etc/rc.local:4:# sysctl -p", "/etc/rc.local:5:sysctl -p", "/etc/rc.local:6:sysctl -w vm.swappiness=1",
	}}
	want := []string{
		"/run/sysctl.d/a.conf:1 decides, and a reboot empties /run: it holds only if something writes that file anew before the files are applied",
		"may write it later in the boot: /etc/rc.local:3:sysctl -w vm.max_map_count=65530",
		"may write it later in the boot: /etc/rc.local:5:sysctl -p",
	}
	if d := cmp.Diff(want, conf.SysctlBoot(h, mapCount).Notes); d != "" {
		t.Errorf("notes (-want +got):\n%s", d)
	}
}

func ExampleSysctlBoot() {
	h := &conf.SysctlHost{
		Marks: []string{"/proc/1/comm systemd"},
		Files: []conf.File{
			{Path: "/etc/os-release", Content: "ID=debian\nVERSION_ID=13\n"},
			{Path: "/etc/sysctl.conf", Content: "vm.max_map_count = 262144\n"},
		},
	}
	r := conf.SysctlBoot(h, "vm.max_map_count")
	fmt.Println(r.Value, r.Source)
	for _, line := range r.Shadowed() {
		fmt.Println(line.Place, line.Fate)
	}
	// Output:
	// 65530 kernel default
	// /etc/sysctl.conf:1 not read
}

func FuzzSysctlParse(f *testing.F) {
	for _, s := range []string{mapCount + "=1\n", "-" + mapCount + "\r\nvm.*=[\n", "vm/max_map_[!a]ount=1\\\n=2"} {
		f.Add(s, "vm.max_map_*=5\n", false)
	}
	f.Fuzz(func(t *testing.T, a, b string, cut bool) {
		h := &conf.SysctlHost{Live: "65530", Marks: systemd, Files: []conf.File{
			{Path: "/etc/sysctl.d/a.conf", Content: a}, {Path: "/usr/lib/sysctl.d/b.conf", Content: b, Cut: cut},
		}}
		for _, r := range []conf.Resolution{conf.SysctlBoot(h, mapCount), conf.SysctlSystem(h, mapCount)} {
			w, won := r.Winner()
			if r.Known == (r.Why != "") || won && r.Known && r.Source != w.Place.String() {
				t.Errorf("known %v, why %q, source %q, winner %v", r.Known, r.Why, r.Source, w)
			}
		}
		if d := cmp.Diff(conf.SysctlBoot(h, mapCount), conf.SysctlBoot(h, mapCount)); d != "" {
			t.Errorf("twice differs:\n%s", d)
		}
	})
}

func BenchmarkSysctlBoot(b *testing.B) {
	text, err := os.ReadFile("sysctl_test.go")
	if err != nil {
		b.Fatal(err)
	}
	h := &conf.SysctlHost{Marks: systemd, Files: append(tree("/etc/sysctl.d/99-sysctl.conf", "-> ../sysctl.conf", "/etc/sysctl.conf", mapCount+"=262144\n"),
		osRelease("debian", "12"), conf.File{Path: "/usr/lib/sysctl.d/50.conf", Content: "# " + string(text[:4000]) + "\nnet.ipv4.conf.*.rp_filter = 2\n"})}
	for b.Loop() {
		conf.SysctlBoot(h, mapCount)
	}
}
