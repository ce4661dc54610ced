package conf_test

import (
	"fmt"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// sysctlTree is a random tree of sysctl files and the versions that read it.
type sysctlTree struct {
	systemd int
	procps  string
	files   map[string]treeFile
}

func newSysctlTree(d *draws) sysctlTree {
	s := sysctlTree{
		systemd: []int{252, 247, 257, 244, 241}[d.upTo(5)], procps: d.of("4.0.2", "4.0.5", "3.3.17", "3.3.15"),
		files: map[string]treeFile{},
	}
	for range 1 + d.upTo(8) {
		path := d.of("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d") + "/" +
			d.of("10-a.conf", "50.conf", "100.conf", "B.conf", "a.conf", "99-sysctl.conf", ".h.conf", "x.conf~", "zz.conf")
		if d.once(5) {
			path = "/etc/sysctl.conf"
		}
		switch d.upTo(8) {
		case 0:
			if s.files[path].Text == nil && path != "/etc/sysctl.conf" {
				s.files[path] = treeFile{Link: d.of("/dev/null", "../sysctl.conf", "/etc/sysctl.conf", "/nothing", "50.conf", "../../etc/sysctl.conf")}
			}
		default:
			text := sysctlText(d)
			s.files[path] = treeFile{Text: &text}
		}
	}
	return s
}

func sysctlText(d *draws) string {
	text := ""
	for range d.upTo(5) {
		text += sysctlTextLine(d) + d.of("\n", "\n", "\n", "\n", "\r\n", "\r", "\\\n", "\x00", "\n\r\n", " \n", "")
	}
	return text
}

func sysctlTextLine(d *draws) string {
	blank := func() string { return d.of("", "", "", "", " ", "\t", "\v", "  ", "\u00a0") }
	if d.once(8) {
		return d.of("# vm.max_map_count=1", "; x", "vm.max_map_count", "junk", "=", "=5", "-", "vm.max_map_count 70000", "==vm.max_map_count=70001", "\ufeffvm.max_map_count=70002")
	}
	key := d.of("vm.max_map_count", "vm.max_map_count", "vm/max_map_count", "vm.max_map_*", "vm.*", "*.max_map_count", "v?.max_map_coun[a-t]", "vm.max_map_coun[!a-s]",
		"vm..max_map_count", "vm//max_map_count", "/vm/max_map_count", "vm.max_map_count.", "./vm/max_map_count", "vm/./max_map_count", "VM.MAX_MAP_COUNT",
		"vm.swappiness", "vm/max_map[_]count", "vm.max_map_{count,x}*", "vm.{max_map_count,x}", "vm.max_map_{}coun*", "vm.max_map_\\count", "vm.max_map_coun[[:alpha:]]", "**/max_map_count",
		"vm.max_map_[c", "vm/../vm/max_map_count", ".vm.max_map_count", "vm./max_map_*", "*/*")
	dash := d.of("", "", "", "-", "- ", "--")
	if d.once(6) {
		return blank() + dash + key + blank()
	}
	value := d.of("100000", "200000", "300000", "400000", "0x40000", "0400000", "500000 # why", "600000#x", "", "bad", "-1", "2147483648", "+5", "700000 1", "\"8\"", "100000 = 2", "08", "0")
	return blank() + dash + blank() + key + blank() + "=" + blank() + value + blank()
}

// host is a tree as the resolver gets it.
func (s sysctlTree) host() *conf.SysctlHost {
	return &conf.SysctlHost{
		Files: treeFiles(s.files), Marks: []string{"/proc/1/comm systemd"}, Systemd: fmt.Sprint(s.systemd), Procps: s.procps, Live: "65530",
	}
}

func (s sysctlTree) String() string {
	return fmt.Sprintf("systemd %d, procps %s\n%s", s.systemd, s.procps, showTree(treeText(s.files)))
}

// isConf reports whether a loader of directories reads a name.
func isConf(name string, hiddenToo bool) bool {
	return strings.HasSuffix(name, ".conf") && (hiddenToo || name[0] != '.')
}
