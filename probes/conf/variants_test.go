package conf_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

func TestVariantsOfADistribution(t *testing.T) {
	t.Parallel()
	vendor := conf.File{Path: "/usr/share/security/limits.conf", Content: "x"}
	for _, tt := range []struct {
		name, osRelease, pam string
		files                []conf.File
		want                 string
	}{
		{"Debian", "ID=debian\nVERSION_ID=\"12\"\n", "", nil, "Debian 1.5.2"},
		{"Debian with its package", "ID=debian\nVERSION_ID=12\n", "1.7.0-5", nil, "Debian 1.7.0"},
		{"Ubuntu", "ID=ubuntu\nVERSION_ID='22.04'\n", "", nil, "Debian 1.4.0"},
		{"a child of Ubuntu needs its package", "ID=pop\nID_LIKE=\"ubuntu debian\"\n", "1:1.4.0-11ubuntu2", nil, "Debian 1.4.0"},
		{"and without it is unknown", "ID=pop\nID_LIKE=\"ubuntu debian\"\n", "", nil, ""},
		{"RHEL may have the change of 1.5.2", "ID=rhel\nVERSION_ID=9.4\n", "", nil, "upstream 1.5.1; upstream 1.5.1 with nofile unlimited as fs.nr_open"},
		{"its rebuilds too", "ID=rocky\nVERSION_ID=8.9\n", "", nil, "upstream 1.3.1; upstream 1.3.1 with nofile unlimited as fs.nr_open"},
		{"Arch", "ID=arch\n", "1.6.1-3", nil, "upstream 1.6.1"},
		{"the distribution's own files", "ID=opensuse-tumbleweed\n", "1.6.1", []conf.File{vendor}, "upstream 1.6.1 /usr/share/security"},
		{"Debian's builds have none", "ID=debian\n", "1.7.0", []conf.File{vendor}, "Debian 1.7.0"},
		{"nothing is known", "", "", nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var names []string
			for _, v := range conf.VariantsOf(tt.osRelease, tt.pam, tt.files) {
				names = append(names, strings.TrimSpace(v.Name+" "+strings.Join(v.VendorDirs, " ")))
			}
			if got := strings.Join(names, "; "); got != tt.want {
				t.Errorf("VariantsOf = %s, want %s", got, tt.want)
			}
		})
	}
}

func FuzzVariantsOf(f *testing.F) {
	f.Add("ID=debian\nVERSION_ID=12\n", "1.5.2-6+deb12u1", "/usr/etc/security/limits.conf")
	f.Add("ID=rocky\nID_LIKE=\"rhel centos fedora\"\r\n", "1:99999999999999999999.1", "")
	f.Fuzz(func(t *testing.T, osRelease, pam, path string) {
		files := []conf.File{{Path: path, Content: "* - nofile 5\n"}, {Path: "/etc/security/limits.conf", Content: osRelease}}
		all := conf.VariantsOf(osRelease, pam, files)
		if len(all) > 2 {
			t.Errorf("VariantsOf has %d builds", len(all))
		}
		for _, v := range all {
			if v.Name == "" || v.Why == "" {
				t.Errorf("VariantsOf has %+v", v)
			}
		}
		if again := conf.VariantsOf(osRelease, pam, files); !reflect.DeepEqual(all, again) {
			t.Errorf("twice differs: %+v and %+v", all, again)
		}
		conf.ResolveLogin(conf.Login{User: conf.LoginUser{Name: "u", UID: 1}, Files: files, Variants: all, Modules: []conf.LimitsModule{{}}})
	})
}
