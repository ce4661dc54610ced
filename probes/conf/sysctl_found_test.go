package conf_test

import (
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
	}{
		{"a pattern that ends with a separator", "4", tree("/etc/sysctl.conf", "*.max_map_count. = 4\n"), conf.SysctlLoad},
		{"the same beside an explicit line", "5", tree("/etc/sysctl.conf", "vm/max_map_count = 5\n*/max_map_count//=4\n"), conf.SysctlLoad},
		{"a pattern whose last part is one and that ends so", "65530", tree("/etc/sysctl.conf", "vm.max_map_*. = 4\n"), conf.SysctlLoad},
		{"a mask through a link", "65530", append(tree("/usr/lib/sysctl.d/50-b.conf", "vm.max_map_count = 4\n"),
			null("/etc/sysctl.d/50-b.conf", "10-a.conf"), null("/etc/sysctl.d/10-a.conf", "../sysctl.d/99-z.conf"),
			null("/etc/sysctl.d/99-z.conf", "/dev/null")), conf.SysctlBoot},
	} {
		h := &conf.SysctlHost{Files: c.files, Marks: []string{"/proc/1/comm systemd"}, Systemd: "252", Procps: "4.0.2", Live: "65530"}
		if r := c.resolve(h, mapCount); !r.Known || r.Value != c.want {
			t.Errorf("%s gives %q (%s), want %q", c.name, r.Value, r.Why, c.want)
		}
	}
}
