package conf_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// What a script of the boot does begins with what the loader left, never with
// the value of today.
func TestLaterWritersBeginWithWhatTheLoaderLeft(t *testing.T) {
	t.Parallel()
	const nrOpen = "fs.nr_open"
	system := "/etc/rc.local:2:sysctl --system"
	load := "/etc/rc.local:2:sysctl -p"
	set := []string{"/etc/sysctl.d/a.conf", mapCount + "=262144\n"}
	doubt := func(text string) string {
		return "? /etc/rc.local:2 may write it later in the boot: " + text
	}
	for _, tt := range []struct {
		name, key string
		tree      []string
		writers   []string
		why       string
		want      string
	}{
		{"nothing sets it in sysctl.conf", mapCount, nil, []string{load}, "", "65530 kernel default"},
		{"nothing sets it at all", mapCount, nil, []string{system}, "", "65530 kernel default"},
		{"a file sets it, sysctl.conf does not", mapCount, set, []string{load}, "", "262144 /etc/sysctl.d/a.conf:1"},
		{"the same files again", mapCount, set, []string{system, load}, "", "262144 /etc/sysctl.d/a.conf:1"},
		{"sysctl.conf has another value", mapCount, append([]string{"/etc/sysctl.conf", mapCount + "=70000\n"}, set...), []string{load}, "", doubt("sysctl -p")},
		{"sysctl --system reads what the loader does not", mapCount, append([]string{"/etc/sysctl.conf", mapCount + "=70000\n"}, set...), []string{system}, "", doubt("sysctl --system")},
		{"the very value", mapCount, set, []string{"/etc/rc.local:2:sysctl -w vm.max_map_count=262144"}, "", "262144 /etc/sysctl.d/a.conf:1"},
		{"another file", mapCount, set, []string{"/etc/rc.local:2:sysctl -p /etc/x.conf"}, "", doubt("sysctl -p /etc/x.conf")},
		{"what is set nowhere stays so", nrOpen, set, []string{system, load}, "", "? unset: no file sets it, and the kernel's default is not the same everywhere"},
		{"what a script alone sets is set", nrOpen, set, []string{"/etc/rc.local:2:sysctl -w fs.nr_open=2000000"}, "", doubt("sysctl -w fs.nr_open=2000000")},
		{"what a script alone may set", nrOpen, set, []string{"/etc/rc.local:2:set_it fs.nr_open"}, "", doubt("set_it fs.nr_open")},
		{"a script that was not read", mapCount, set, []string{load}, "/etc/rc.local: permission denied", "? what the scripts of the boot write is not known: /etc/rc.local: permission denied"},
		{"a script that was not read may set what nothing else does", nrOpen, nil, nil, "x", "? what the scripts of the boot write is not known: x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := &conf.SysctlHost{Files: append(tree(tt.tree...), osRelease("debian", "13")), Marks: systemd, Writers: tt.writers, WritersWhy: tt.why}
			boot := conf.SysctlBoot(h, tt.key)
			got := answer(boot)
			if boot.Unset {
				got = "? unset: " + boot.Why
			}
			if got != tt.want {
				t.Errorf("SysctlBoot = %s, want %s", got, tt.want)
			}
			for _, live := range []string{"1", "70000", "262144"} {
				h.Live = live
				if d := cmp.Diff(boot, conf.SysctlBoot(h, tt.key)); d != "" {
					t.Errorf("SysctlBoot depends on the value now, %s (-without +with):\n%s", live, d)
				}
			}
		})
	}
}
