package conf_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// flinkLogin is a login of flink on Debian 12 with these files.
func flinkLogin(files ...conf.File) conf.Login {
	in := goldenLogin("flink", conf.DebianVariant("1.5.2"), nil)
	in.Files = files
	return in
}

const limitsConf = "/etc/security/limits.conf"

func TestLimitsOfWhatCannotBeReadAreUnknown(t *testing.T) {
	t.Parallel()
	set := conf.File{Path: limitsConf, Content: "flink - nofile 5000\n"}
	for _, tt := range []struct {
		name  string
		files []conf.File
		want  string
	}{
		{"limits.conf", []conf.File{{Path: limitsConf, Kind: conf.FileUnreadable}}, "? " + limitsConf + " could not be read"},
		{"a file of limits.d", []conf.File{set, {Path: "/etc/security/limits.d/a.conf", Kind: conf.FileUnreadable}}, "? /etc/security/limits.d/a.conf could not be read"},
		{"limits.d itself", []conf.File{set, {Path: "/etc/security/limits.d", Kind: conf.FileUnreadable}}, "? /etc/security/limits.d could not be read"},
		{"a FIFO", []conf.File{set, {Path: "/etc/security/limits.d/a.conf", Kind: conf.FileOther}}, "? /etc/security/limits.d/a.conf is not a regular file"},
		{"the rest of a file", []conf.File{{Path: limitsConf, Content: "flink - nofile 5000\n", Cut: true}}, "? " + limitsConf + " was not read to its end"},
		{"a directory is empty", []conf.File{set, {Path: "/etc/security/limits.d/a.conf", Kind: conf.FileDir}}, "5000"},
		{"/dev/null is empty", []conf.File{set, {Path: "/etc/security/limits.d/a.conf", Kind: conf.FileOther, Target: "/dev/null"}}, "5000"},
		{"a file that is not read", []conf.File{set, {Path: "/etc/security/limits.d/a.txt", Kind: conf.FileUnreadable}}, "5000"},
		{"no /etc/security at all", nil, "refused"},
		{"a link to nothing", []conf.File{set, {Path: "/etc/security/limits.d/a.conf", Kind: conf.FileDangling, Target: "x"}}, "refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := conf.ResolveLogin(flinkLogin(tt.files...))
			got := out.Items["nofile"].Hard.Value.String()
			switch b := out.Items["nofile"].Hard; {
			case out.Refused != "":
				got = "refused"
			case !b.Known:
				got = "? " + b.Why
			}
			if got != tt.want {
				t.Errorf("nofile = %s, want %s", got, tt.want)
			}
		})
	}
	in := flinkLogin(set)
	in.Modules[0].Conf = "/etc/mine.conf"
	if b := conf.ResolveLogin(in).Items["nofile"].Hard; b.Known || b.Why != "/etc/mine.conf was not collected" {
		t.Errorf("nofile with a conf= that was not collected = %+v, want unknown", b)
	}
}

func TestAbsentFilesAreNoError(t *testing.T) {
	t.Parallel()
	if r := conf.SysctlBoot(&conf.SysctlHost{Marks: systemd, Systemd: "252"}, mapCount); valueOf(r) != "65530" {
		t.Errorf("SysctlBoot without files = %s, want 65530", valueOf(r))
	}
	in := flinkLogin()
	in.Variants = []conf.Variant{conf.DebianVariant("1.7.0")}
	if out := conf.ResolveLogin(in); out.Refused != "" || out.Items["nofile"].Hard.Value != 20000 {
		t.Errorf("ResolveLogin without files = %q, %v, want the start limits", out.Refused, out.Items["nofile"].Hard)
	}
}

func TestUnitOfWhatCannotBeReadIsUnknown(t *testing.T) {
	t.Parallel()
	good := conf.File{Path: tmUnit, Content: service}
	for _, tt := range []struct {
		name string
		file conf.File
		want string
	}{
		{"the unit", conf.File{Path: "/etc/systemd/system.control/tm.service", Kind: conf.FileUnreadable}, "? /etc/systemd/system.control/tm.service was not read to its end"},
		{"a drop-in", conf.File{Path: tmUnit + ".d/a.conf", Kind: conf.FileUnreadable}, "? " + tmUnit + ".d/a.conf was not read to its end"},
		{"a cut drop-in", conf.File{Path: tmUnit + ".d/a.conf", Content: service, Cut: true}, "? " + tmUnit + ".d/a.conf was not read to its end"},
		{"a directory of drop-ins", conf.File{Path: tmUnit + ".d", Kind: conf.FileUnreadable}, "? " + tmUnit + ".d cannot be read"},
		{"a directory of another unit's drop-ins", conf.File{Path: "/etc/systemd/system/other.service.d", Kind: conf.FileUnreadable}, "1024:524288"},
		{"a directory of units", conf.File{Path: "/run/systemd/system", Kind: conf.FileUnreadable}, "? /run/systemd/system cannot be read"},
		{"system.conf", conf.File{Path: "/etc/systemd/system.conf", Kind: conf.FileUnreadable}, "? /etc/systemd/system.conf was not read to its end"},
		{"a directory in a unit's place is no unit", conf.File{Path: "/etc/systemd/system.control/tm.service", Kind: conf.FileDir}, "1024:524288"},
		{"a directory in a drop-in's place is empty", conf.File{Path: tmUnit + ".d/a.conf", Kind: conf.FileDir}, "1024:524288"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := conf.ResolveUnit(conf.Unit{Name: "tm.service", Files: []conf.File{tt.file, good}, Systemd: 252, NROpen: 1 << 20})
			if got := unitWord(r, "LimitNOFILE"); got != tt.want {
				t.Errorf("LimitNOFILE = %s, want %s", got, tt.want)
			}
		})
	}
}

// resolveAll runs every resolver on one text in all the places it may stand in,
// and on many files.
func resolveAll(t *testing.T, text string, files int) {
	t.Helper()
	var sysctl, limits, unit, pam []conf.File
	for i := range files {
		add := func(to *[]conf.File, dir string) {
			*to = append(*to, conf.File{Path: fmt.Sprintf("%s/%06d.conf", dir, i), Content: text})
		}
		add(&sysctl, "/etc/sysctl.d")
		add(&sysctl, "/usr/lib/sysctl.d")
		add(&limits, "/etc/security/limits.d")
		add(&unit, tmUnit+".d")
		add(&unit, "/etc/systemd/system.conf.d")
		unit = append(unit, conf.File{Path: fmt.Sprintf("/etc/systemd/system/%06d.service", i), Kind: conf.FileLink, Target: "tm.service", Content: text})
	}
	limits = append(limits, conf.File{Path: limitsConf, Content: text})
	unit = append(unit, conf.File{Path: tmUnit, Content: "[Service]\n" + text})
	pam = append(pam, conf.File{Path: pamSSHD, Content: text})
	host := &conf.SysctlHost{Files: sysctl, Marks: systemd, Systemd: "252", Procps: "4.0.2", Live: "65530"}
	if r := conf.SysctlBoot(host, mapCount); r.Known == (r.Why != "") {
		t.Errorf("SysctlBoot = %v, %q", r.Known, r.Why)
	}
	if r := conf.SysctlSystem(host, mapCount); r.Known == (r.Why != "") {
		t.Errorf("SysctlSystem = %v, %q", r.Known, r.Why)
	}
	if b := conf.ResolveLogin(flinkLogin(limits...)).Items["nofile"].Hard; b.Known == (b.Why != "") {
		t.Errorf("ResolveLogin = %+v", b)
	}
	if r := conf.ResolveUnit(conf.Unit{Name: "tm.service", Files: unit, Systemd: 252, NROpen: 1 << 20}); len(r.Items) == 0 {
		t.Error("ResolveUnit gave nothing")
	}
	if s := conf.PAMStack(pam, "sshd"); len(s.Modules) > 4096 {
		t.Errorf("PAMStack has %d modules", len(s.Modules))
	}
	conf.SSHDUsesPAM([]conf.File{{Path: "/etc/ssh/sshd_config", Content: text}})
	conf.UlimitLine(conf.Place{}, text)
}

func TestNoInputIsTooMuch(t *testing.T) {
	t.Parallel()
	const million = 1 << 20
	junk := make([]byte, 1<<16)
	for i := range junk {
		junk[i] = byte(i * 7919 >> 3)
	}
	for _, tt := range []struct {
		name, text string
		files      int
	}{
		{"a line of 1 MB", strings.Repeat("x", million), 1},
		{"a value of 1 MB", "LimitNOFILE=" + strings.Repeat("9", million), 1},
		{"a pattern of 1 MB", "vm.max_map_" + strings.Repeat("*", million) + "=1\n", 1},
		{"deep braces", "vm.max_map_*" + strings.Repeat("{", million/4) + strings.Repeat("}", million/4) + "=1\n", 1},
		{"many deep braces", strings.Repeat("vm.max_map_*"+strings.Repeat("{", 2000)+strings.Repeat("}", 2000)+"=1\n", 200), 1},
		{"braces that double", strings.Repeat("vm.max_map_*"+strings.Repeat("{a,b}", 800)+"=1\n", 200), 1},
		{"many choices", "vm.max_map_*{" + strings.Repeat(",", million) + "}=1\n", 1},
		{"a bracket that does not end", strings.Repeat("vm.max_map_["+strings.Repeat("[:", 2000)+"=1\n", 200), 1},
		{"a million short lines", strings.Repeat("x\n", million), 1},
		{"many sysctls", strings.Repeat("vm.max_map_count=1\n", million/16), 1},
		{"many limits", strings.Repeat("flink - nofile 5\n", million/16), 1},
		{"many settings", strings.Repeat("LimitNOFILE=5\n", million/16), 1},
		{"many modules", strings.Repeat("session sufficient pam_limits.so\n", million/16), 1},
		{"many includes", strings.Repeat("@include sshd\nInclude *\n", million/64), 1},
		{"many continued lines", strings.Repeat("x\\\n", million/4), 1},
		{"a million carriage returns", strings.Repeat("\r", million), 1},
		{"a million NULs", strings.Repeat("\x00", million), 1},
		{"many quotes", "ulimit -n " + strings.Repeat("'\"$(", million/16), 1},
		{"many commands", strings.Repeat("ulimit;(", million/16), 1},
		{"binary junk", string(junk), 3},
		{"thousands of files", "vm.max_map_count=1\nflink - nofile 5\n", 5000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			soon(t, func() { resolveAll(t, tt.text, tt.files) })
		})
	}
	for _, end := range []string{"/dev/null", "nothing", "000000.conf"} {
		t.Run("thousands of links to links to "+end, func(t *testing.T) {
			t.Parallel()
			soon(t, func() { resolveLinks(t, 20000, end) })
		})
	}
}

// soon requires that something ends within five minutes, of which it needs a
// second where nothing is quadratic, and hours where something is.
func soon(t *testing.T, f func()) {
	t.Helper()
	began := time.Now()
	f()
	if took := time.Since(began); took > 5*time.Minute {
		t.Errorf("it took %v", took)
	}
}

// resolveLinks runs the resolvers on directories in which every file is a link
// to the next, and the last one leads to end.
func resolveLinks(t *testing.T, n int, end string) {
	t.Helper()
	all := []conf.File{{Path: limitsConf}}
	for _, dir := range []string{"/etc/sysctl.d", "/usr/lib/sysctl.d", "/etc/security/limits.d", tmUnit + ".d", "/etc/systemd/system.conf.d", "/etc/pam.d"} {
		for i := range n {
			f := conf.File{Path: fmt.Sprintf("%s/%06d.conf", dir, i), Kind: conf.FileOther, Target: end}
			if i+1 < n {
				f.Target = fmt.Sprintf("%06d.conf", i+1)
			}
			all = append(all, f)
		}
	}
	host := &conf.SysctlHost{Files: all, Marks: systemd, Systemd: "252", Procps: "4.0.2", Live: "65530"}
	for _, r := range []conf.Resolution{conf.SysctlBoot(host, mapCount), conf.SysctlSystem(host, mapCount)} {
		if r.Known {
			t.Errorf("a link to a link to a link ... has no known content, got %s", r.Value)
		}
	}
	if b := conf.ResolveLogin(flinkLogin(all...)).Items["nofile"].Hard; b.Known {
		t.Errorf("ResolveLogin = %+v", b)
	}
	conf.ResolveUnit(conf.Unit{Name: "tm.service", Files: all, Systemd: 252, NROpen: 1 << 20})
	conf.PAMStack(all, "sshd")
}
