package conf_test

import (
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// Defaults where no file sets a limit, as the sources of the distributions
// have them.
func TestDistributionsChangeTheDefaultsOfUnits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, release string
		unit          string
		systemd       int
		files, tasks  string // hard limit of open files, TasksMax of 10000 tasks
	}{
		{"Debian 12", "ID=debian\nVERSION_ID=\"12\"\n", "a.service", 252, "524288", "1500"},
		{"EL 7", "ID=\"rhel\"\nVERSION_ID=\"7.9\"\n", "a.service", 219, "4096", "unlimited"},
		{"EL 8.0", "ID=\"rhel\"\nVERSION_ID=\"8.0\"\n", "a.service", 239, "?", "8000"},
		{"EL 8.9", "ID=\"almalinux\"\nVERSION_ID=\"8.9\"\n", "a.service", 239, "262144", "8000"},
		{"CentOS Stream 8", "ID=\"centos\"\nVERSION_ID=\"8\"\n", "a.service", 239, "262144", "8000"},
		{"EL 9", "ID=\"rocky\"\nVERSION_ID=\"9.4\"\n", "a.service", 252, "524288", "8000"},
		{"SUSE's 239 is not EL's", "ID=\"sles\"\nVERSION_ID=\"15\"\n", "a.service", 239, "4096", "1500"},
		{"a slice", "ID=debian\nVERSION_ID=\"12\"\n", "a.slice", 252, "524288", "unlimited"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := conf.ResolveUnit(conf.Unit{
				Name: c.unit, Systemd: c.systemd, Release: c.release, TasksTotal: 10000, NROpen: 1 << 30,
				Files: []conf.File{
					{Path: "/etc/systemd/system/" + c.unit, Content: "[Unit]\n"},
					{Path: "/etc/systemd/system.conf", Content: "[Manager]\n"},
				},
			})
			shown := func(b conf.Bound) string {
				if !b.Known {
					return "?"
				}
				return b.Value.String()
			}
			if got := shown(r.Items["LimitNOFILE"].Hard); got != c.files {
				t.Errorf("LimitNOFILE = %s, want %s", got, c.files)
			}
			if got := shown(r.Items["TasksMax"].Hard); got != c.tasks {
				t.Errorf("TasksMax = %s, want %s", got, c.tasks)
			}
		})
	}
}
