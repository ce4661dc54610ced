package conf_test

import (
	"fmt"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// limitsTree is a random tree of limits files, a build of pam_limits and who
// logs in.
type limitsTree struct {
	debian     bool
	version    string
	user       string
	privileged bool
	setAll     bool
	optional   bool
	conf       string
	files      map[string]treeFile
}

var (
	limitsStart = map[string]conf.Rlimits{"nofile": {Soft: 20000, Hard: 20000}, "nproc": {Soft: 96365, Hard: 96365}, "core": {Soft: 0, Hard: conf.RlimitInfinity}}
	limitsPID1  = map[string]conf.Rlimits{"nofile": {Soft: 1 << 20, Hard: 1 << 20}, "nproc": {Soft: 50000, Hard: 96365}, "core": {Soft: 0, Hard: conf.RlimitInfinity}}
)

const limitsNROpen = 1 << 20

func init() {
	for _, item := range refItems {
		if _, ok := limitsStart[item.name]; !ok {
			limitsStart[item.name] = conf.Rlimits{Soft: 1 << 30, Hard: 1 << 32}
			limitsPID1[item.name] = conf.Rlimits{Soft: 1 << 20, Hard: 1 << 31}
		}
	}
}

func newLimitsTree(d *draws) limitsTree {
	l := limitsTree{
		debian: d.once(2), version: d.of("1.5.2", "1.4.0", "1.3.1", "1.5.3", "1.6.0", "1.6.1", "1.7.0", "1.7.1"), user: d.of("flink", "root"),
		privileged: d.once(2), setAll: d.once(4), optional: d.once(5), files: map[string]treeFile{},
	}
	main := limitsText(d)
	l.files["/etc/security/limits.conf"] = treeFile{Text: &main}
	for range d.upTo(4) {
		path := d.of("/etc/security/limits.d", "/etc/security/limits.d", "/usr/share/security/limits.d") + "/" + d.of("10.conf", "20.conf", "B.conf", ".h.conf", "x.conf~")
		text := limitsText(d)
		l.files[path] = treeFile{Text: &text}
	}
	switch d.upTo(12) {
	case 0:
		delete(l.files, "/etc/security/limits.conf")
	case 1:
		l.files["/etc/security/limits.d/30.conf"] = treeFile{Link: d.of("nothing", "/dev/null", "../limits.conf", "10.conf")}
	case 2:
		l.conf = d.of("/etc/x.conf", "/etc/none.conf")
		text := limitsText(d)
		l.files["/etc/x.conf"] = treeFile{Text: &text}
	case 3:
		text := limitsText(d)
		l.files["/usr/share/security/limits.conf"] = treeFile{Text: &text}
	}
	return l
}

func limitsText(d *draws) string {
	text := ""
	for range d.upTo(7) {
		text += limitsTextLine(d) + d.of("\n", "\n", "\n", "\n", "\r\n", " \n", "\n\n", " # c\n", "#\n", "\x00x\n", "")
	}
	return text
}

func limitsTextLine(d *draws) string {
	domain := d.of("flink", "*", "root", "@tm", "@flink", "@nogrp", "%tm", "%", "%:1501", "@1501:1501", "@:1501", "@1500:1500", "@1000:1600", "1500", "1500:", "1500:1600",
		":1500", "0:0", ":0", "0:", "@0:", "@:0", "@:", "1500:abc", "4294968796:", "-1:", "@", "%1000:2000", "%flink", "Flink", "5:6:7", "@root", "+1500:", "99999999999999999999:")
	space := func() string { return d.of(" ", " ", " ", "\t", "  ", " \t", "\v", "\r") }
	switch d.upTo(14) {
	case 0:
		return domain + space() + d.of("-", "-", "-x", "soft")
	case 1:
		return d.of("", "# x", "flink", "flink soft nofile", "\ufeffflink - nofile 5", "junk junk junk junk junk", "#"+strings.Repeat("x", 1030)+" flink - nofile 77",
			strings.Repeat(" ", 1022)+"flink - nofile 78", "flink - nofile 7"+strings.Repeat("9", 1010))
	}
	typ := d.of("soft", "hard", "-", "Soft", "HARD", "both")
	item := d.of("nofile", "nofile", "nofile", "nproc", "nproc", "as", "core", "nice", "cpu", "memlock", "maxlogins", "maxsyslogins", "priority", "nonewprivs", "chroot", "vmem", "NoFile", "rttime", "msgqueue")
	value := d.of("1000", "4096", "15000", "20000", "30000", "1048576", "1048577", "2000000", "unlimited", "infinity", "-1", "-", "Unlimited", "abc", "5k", "-5", "0", "+7", "19", "-20", "25", "-30",
		"18014398509481984", "18446744073709551615", "99999999999999999999", "-99999999999999999999", "1e3", "")
	line := d.of("", "", "", " ", "\t", "\v") + domain + space() + typ + space() + item + space() + value
	return line + d.of("", "", "", " ", "  ", " extra", "\t")
}

// login is a tree as the resolver gets it.
func (l limitsTree) login() conf.Login {
	v := conf.UpstreamVariant(l.version)
	if l.debian {
		v = conf.DebianVariant(l.version)
	}
	if l.vendor() {
		v.VendorDirs = []string{"/usr/share/security"}
	}
	files := map[string]string{}
	in := goldenLogin(l.user, v, files)
	in.Files, in.Start, in.PID1, in.NROpen, in.Unprivileged = treeFiles(l.files), limitsStart, limitsPID1, limitsNROpen, !l.privileged
	if l.conf != "" {
		if _, ok := l.files[l.conf]; !ok {
			in.Files = append(in.Files, conf.File{Path: l.conf, Kind: conf.FileAbsent})
		}
	}
	in.Modules = []conf.LimitsModule{{Conf: l.conf, SetAll: l.setAll, Optional: l.optional}}
	return in
}

// vendor reports whether the build reads the distribution's files.
func (l limitsTree) vendor() bool { return !l.debian && l.version >= "1.5.3" }

func (l limitsTree) String() string {
	return fmt.Sprintf("%s, debian %v, version %s, privileged %v, set_all %v, optional %v, conf=%s\n%s", l.user, l.debian, l.version, l.privileged, l.setAll, l.optional, l.conf, showTree(treeText(l.files)))
}
