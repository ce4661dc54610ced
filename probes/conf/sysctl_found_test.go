package conf_test

import (
	"cmp"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// What random trees showed where the programs of Debian and the resolvers
// disagreed.
func TestSysctlAgreesWhereItOnceDidNot(t *testing.T) {
	t.Parallel()
	null := func(path, target string) conf.File {
		return conf.File{Path: path, Kind: conf.FileOther, Target: target}
	}
	for _, c := range []struct {
		name, want string
		files      []conf.File
		resolve    func(*conf.SysctlHost, string) conf.Resolution
		procps     string // "" is 4.0.2
	}{
		{"a pattern that ends with a separator", "4", tree("/etc/sysctl.conf", "*.max_map_count. = 4\n"), conf.SysctlLoad, ""},
		{"the same beside an explicit line", "5", tree("/etc/sysctl.conf", "vm/max_map_count = 5\n*/max_map_count//=4\n"), conf.SysctlLoad, ""},
		{"a pattern whose last part is one and that ends so", "65530", tree("/etc/sysctl.conf", "vm.max_map_*. = 4\n"), conf.SysctlLoad, ""},
		{"braces with nothing in them", "4", tree("/etc/sysctl.d/a.conf", "vm.max_map_{}coun*=4\n"), conf.SysctlBoot, ""},
		{"braces in braces", "4", tree("/etc/sysctl.d/a.conf", "vm.{x,max_{{{map}},y}_coun}*=4\n"), conf.SysctlBoot, ""},
		{"a brace that is escaped", "65530", tree("/etc/sysctl.d/a.conf", "vm.max_map_\\{c,x}oun*=4\n"), conf.SysctlBoot, ""},
		{"braces that are not closed", "65530", tree("/etc/sysctl.d/a.conf", "vm.max_map_{c,{x}oun*=4\n"), conf.SysctlBoot, ""},
		{"a mask through a link", "65530", append(tree("/usr/lib/sysctl.d/50-b.conf", "vm.max_map_count = 4\n"),
			null("/etc/sysctl.d/50-b.conf", "10-a.conf"), null("/etc/sysctl.d/10-a.conf", "../sysctl.d/99-z.conf"),
			null("/etc/sysctl.d/99-z.conf", "/dev/null")), conf.SysctlBoot, ""},
		{"an exclusion with an escape", "65530", tree("/etc/sysctl.d/a.conf", "-vm.max_map_\\count\nvm.max_map_coun?=4\n"), conf.SysctlSystem, "4.0.5"},
		{"the same to a sysctl that compares it", "4", tree("/etc/sysctl.d/a.conf", "-vm.max_map_\\count\nvm.max_map_coun?=4\n"), conf.SysctlSystem, "4.0.4"},
	} {
		h := &conf.SysctlHost{Files: c.files, Marks: []string{"/proc/1/comm systemd"}, Systemd: "252", Procps: cmp.Or(c.procps, "4.0.2"), Live: "65530"}
		if r := c.resolve(h, mapCount); !r.Known || r.Value != c.want {
			t.Errorf("%s gives %q (%s), want %q", c.name, r.Value, r.Why, c.want)
		}
	}
}

// Measured: glob(3) matches a pattern of 1 MB of stars, but finds nothing below
// a directory whose spelling is longer than a path can be. What is too much to
// follow is never guessed.
func TestPatternsThatAreTooMuchAreUnknownWhereTheyMatter(t *testing.T) {
	t.Parallel()
	const file = "/etc/sysctl.d/a.conf"
	stars, deep := strings.Repeat("*", 5000), strings.Repeat("{a,b}", 50)
	unknown := "? " + file + ":1 has a pattern that is too much to follow"
	boot, system := conf.SysctlBoot, conf.SysctlSystem
	for _, tt := range []struct {
		name, procps, text, want string
		resolve                  func(*conf.SysctlHost, string) conf.Resolution
	}{
		{"a long one", "4.0.2", "vm.max" + stars + "=4\n", unknown, boot},
		{"a long one to sysctl", "4.0.2", "vm.max" + stars + "=4\n", unknown, system},
		{"many braces", "4.0.2", "vm.max*" + deep + "=4\n", unknown, boot},
		{"braces mean nothing to sysctl", "4.0.2", "vm.max*" + deep + "=4\n", "65530 the kernel as it is now", system},
		{"another key", "4.0.2", "vm.swap" + stars + deep + "=4\n", "65530 kernel default", boot},
		{"an explicit line beats it", "4.0.2", "vm.max*" + deep + "=4\nvm.max_map_count=5\n", "5 " + file + ":2", boot},
		{"an explicit line beats a long one", "4.0.2", "vm.max" + stars + "=4\nvm.max_map_count=5\n", "5 " + file + ":2", system},
		{"it may keep a pattern off", "4.0.5", "-vm.max" + stars + "\nvm.max_map_*=5\n", unknown, system},
		{"it keeps no line off", "4.0.5", "-vm.max" + stars + "\nvm.max_map_count=5\n", "5 " + file + ":2", system},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := &conf.SysctlHost{Files: tree(file, tt.text), Marks: systemd, Systemd: "252", Procps: tt.procps, Live: "65530"}
			if got := answer(tt.resolve(h, mapCount)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
