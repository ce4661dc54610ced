package conf_test

import (
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// unitWord is one limit of a unit: soft:hard with the line that decides, or
// why it is not known.
func unitWord(r conf.UnitResult, key string) string {
	i := r.Items[key]
	show := func(b conf.Bound) string {
		if !b.Known {
			return "? " + b.Why
		}
		return b.Value.String()
	}
	word := show(i.Hard)
	if soft := show(i.Soft); soft != word {
		word = soft + ":" + word
	}
	return strings.TrimSpace(word + " " + i.Hard.At.String())
}

const (
	tmUnit   = "/etc/systemd/system/tm.service"
	tmVendor = "/usr/lib/systemd/system/tm.service"
	service  = "[Service]\n"
)

func TestUnitDirectoriesMasksAndNames(t *testing.T) {
	t.Parallel()
	const key = "LimitNOFILE="
	for _, tt := range []struct {
		what, name string
		tree       []string
		want       string
	}{
		{"/etc beats /run beats /usr/lib", "tm.service", []string{tmVendor, service + key + "1\n", "/run/systemd/system/tm.service", service + key + "2\n", tmUnit, service + key + "3\n"}, "3 " + tmUnit + ":2"},
		{"/run beats /usr/lib", "tm.service", []string{tmVendor, service + key + "1\n", "/run/systemd/system/tm.service", service + key + "2\n"}, "2 /run/systemd/system/tm.service:2"},
		{"systemctl set-property beats all", "tm.service", []string{tmUnit, service + key + "3\n", "/etc/systemd/system.control/tm.service.d/50.conf", service + key + "4\n"}, "4 /etc/systemd/system.control/tm.service.d/50.conf:2"},
		{"a template", "tm@1.service", []string{"/etc/systemd/system/tm@.service", service + key + "5\n"}, "5 /etc/systemd/system/tm@.service:2"},
		{"the instance's own file", "tm@1.service", []string{"/etc/systemd/system/tm@.service", service + key + "5\n", "/usr/lib/systemd/system/tm@1.service", service + key + "6\n"}, "6 /usr/lib/systemd/system/tm@1.service:2"},
		{"drop-ins of instance and template", "tm@1.service", []string{"/etc/systemd/system/tm@.service", service, "/etc/systemd/system/tm@.service.d/a.conf", service + key + "7\n", "/etc/systemd/system/tm@1.service.d/b.conf", service + key + "8\n"}, "8 /etc/systemd/system/tm@1.service.d/b.conf:2"},
		{"service.d", "tm.service", []string{tmUnit, service, "/etc/systemd/system/service.d/z.conf", service + key + "9\n"}, "9 /etc/systemd/system/service.d/z.conf:2"},
		{"an alias has its drop-ins too", "tm.service", []string{tmVendor, service, "/etc/systemd/system/flink.service", "-> /usr/lib/systemd/system/tm.service", "/etc/systemd/system/flink.service.d/a.conf", service + key + "10\n"}, "10 /etc/systemd/system/flink.service.d/a.conf:2"},
		{"asked for by its alias", "flink.service", []string{tmVendor, service, "/etc/systemd/system/flink.service", "-> /usr/lib/systemd/system/tm.service", tmVendor + ".d/a.conf", service + key + "11\n"}, "11 " + tmVendor + ".d/a.conf:2"},
		{"a file that was linked", "tm.service", []string{"/opt/tm.service", service + key + "12\n", tmUnit, "-> /opt/tm.service"}, "12 " + tmUnit + ":2"},
		{"a drop-in that is masked", "tm.service", []string{tmUnit, service + key + "13\n", tmUnit + ".d/a.conf", "-> /dev/null", tmVendor + ".d/a.conf", service + key + "14\n"}, "13 " + tmUnit + ":2"},
		{"an empty drop-in hides as well", "tm.service", []string{tmUnit, service + key + "13\n", tmUnit + ".d/a.conf", "", tmVendor + ".d/a.conf", service + key + "14\n"}, "13 " + tmUnit + ":2"},
		{"a hidden file is none", "tm.service", []string{tmUnit, service + key + "13\n", tmUnit + ".d/.a.conf", service + key + "14\n"}, "13 " + tmUnit + ":2"},
		{"no unit", "tm.service", nil, "? no unit file of tm.service was found"},
		{"a link to nothing", "tm.service", []string{tmUnit, "-> /opt/gone.service", tmVendor, service}, "? " + tmUnit + " is a link to nothing: systemd does not load the unit"},
		{"a bad section ends the unit", "tm.service", []string{tmUnit, service + key + "5\n[Oops\n"}, "? " + tmUnit + `:3: "[Oops" is not a section: systemd does not load the unit`},
		{"and of a drop-in what follows", "tm.service", []string{tmUnit, service, tmUnit + ".d/a.conf", service + key + "5\n[Oops\n" + service + key + "6\n"}, "5 " + tmUnit + ".d/a.conf:2"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			r := conf.ResolveUnit(conf.Unit{Name: tt.name, Files: tree(tt.tree...), Systemd: 252, NROpen: 1 << 20})
			if got := unitWord(r, "LimitNOFILE"); got != tt.want {
				t.Errorf("LimitNOFILE = %s\nwant          %s", got, tt.want)
			}
		})
	}
	for _, mask := range []string{"-> /dev/null", ""} {
		if r := conf.ResolveUnit(conf.Unit{Name: "tm.service", Files: tree(tmUnit, mask, tmVendor, service), Systemd: 252}); r.Masked.File != tmUnit || r.Fragment != "" {
			t.Errorf("a unit of %q: masked by %q, fragment %q", mask, r.Masked, r.Fragment)
		}
	}
}

func TestUnitValuesOfEachVersion(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		what    string
		systemd int
		text    string // of the unit
		manager string // of system.conf
		key     string
		want    string
	}{
		{"defaults of 219", 219, "", "", "LimitNOFILE", "1024:4096"},
		{"defaults of 239", 239, "", "", "LimitNOFILE", "1024:4096"},
		{"defaults since 240", 247, "", "", "LimitNOFILE", "1024:524288"},
		{"process 1 where nothing is set", 252, "", "", "LimitNPROC", "4000"},
		{"SOFT:HARD", 252, "LimitNOFILE=1024:4096", "", "LimitNOFILE", "1024:4096 " + tmUnit + ":2"},
		{"SOFT:HARD of 219", 219, "LimitNOFILE=1024:4096", "", "LimitNOFILE", `? systemd 219 may not understand "1024:4096" ` + tmUnit + ":2"},
		{"no hard limit behind the colon", 252, "LimitNOFILE=5\nLimitNOFILE=1024:", "", "LimitNOFILE", "5 " + tmUnit + ":2"},
		{"infinity is at most fs.nr_open", 252, "LimitNOFILE=infinity", "", "LimitNOFILE", "1048576 " + tmUnit + ":2"},
		{"infinity of 219 is what process 1 has", 219, "LimitNOFILE=infinity", "", "LimitNOFILE", "1048576 " + tmUnit + ":2"},
		{"unlimited is no value", 252, "LimitNOFILE=unlimited", "", "LimitNOFILE", "1024:524288"},
		{"an empty value resets nothing", 252, "LimitNOFILE=5\nLimitNOFILE=", "", "LimitNOFILE", "5 " + tmUnit + ":2"},
		{"sizes", 252, "LimitAS=4G", "", "LimitAS", "4294967296 " + tmUnit + ":2"},
		{"DefaultLimitNOFILE", 252, "", "DefaultLimitNOFILE=7:8", "LimitNOFILE", "7:8 /etc/systemd/system.conf:2"},
		{"a line that goes on", 252, "LimitNOFILE=\\\n# why\n  5", "", "LimitNOFILE", "5 " + tmUnit + ":2"},
		{"a comment is a part of it for 239", 239, "LimitNOFILE=5 \\\n# why\nLimitNPROC=6", "", "LimitNOFILE", "1024:4096"},
		{"two backslashes end a line", 252, "ExecStart=x \\\\\nLimitNOFILE=5", "", "LimitNOFILE", "5 " + tmUnit + ":3"},
		{"the last line may be open", 252, "LimitNOFILE=5\\", "", "LimitNOFILE", "5 " + tmUnit + ":2"},
		{"a no-break space", 252, "LimitNOFILE=5\u00a0", "", "LimitNOFILE", "1024:524288"},
		{"CRLF", 252, "LimitNOFILE=5\r", "", "LimitNOFILE", "5 " + tmUnit + ":2"},
		{".include of 219", 219, ".include /x", "", "LimitNOFILE", "? " + tmUnit + ":2 includes another file"},
		{"a line without = ends a unit of 239", 239, "oops", "", "LimitNOFILE", "? " + tmUnit + ":2: the line has no =: systemd does not load the unit"},
		{"and not one of 247", 247, "oops\nLimitNOFILE=5", "", "LimitNOFILE", "5 " + tmUnit + ":3"},
		{"TasksMax", 252, "TasksMax=500", "", "TasksMax", "500 " + tmUnit + ":2"},
		{"TasksMax of none", 252, "TasksMax=infinity", "", "TasksMax", "unlimited " + tmUnit + ":2"},
		{"a share", 252, "TasksMax=12.34%", "", "TasksMax", "4043 " + tmUnit + ":2"},
		{"decimals are new", 239, "TasksMax=12.34%", "", "TasksMax", "4915"},
		{"its default", 252, "", "", "TasksMax", "4915"},
		{"its default of 230", 230, "", "", "TasksMax", "? the default of this version of systemd is not known"},
		{"its default of 219", 219, "", "", "TasksMax", "unlimited"},
		{"DefaultTasksMax", 252, "", "DefaultTasksMax=9", "TasksMax", "9 /etc/systemd/system.conf:2"},
		{"empty goes back to DefaultTasksMax", 252, "TasksMax=5\nTasksMax=", "DefaultTasksMax=9", "TasksMax", "9 " + tmUnit + ":3"},
		{"0 is out of range", 252, "TasksMax=0", "", "TasksMax", "4915"},
		{"MemoryMax", 252, "MemoryMax=1.5G", "", "MemoryMax", "1610612736 " + tmUnit + ":2"},
		{"MemoryMax is not limited", 252, "MemoryMax=5M\nMemoryMax=", "", "MemoryMax", "unlimited " + tmUnit + ":3"},
		{"a share of memory is whole pages", 252, "MemoryMax=50%", "", "MemoryMax", "2097152 " + tmUnit + ":2"},
		{"there is no DefaultMemoryMax", 252, "", "DefaultMemoryMax=5M", "MemoryMax", "unlimited"},
		{"219 knows no MemoryMax", 219, "MemoryMax=5M", "", "MemoryMax", "unlimited"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			files := tree(tmUnit, service+tt.text)
			if tt.manager != "" {
				files = append(files, tree("/etc/systemd/system.conf", "[Manager]\n"+tt.manager+"\n")...)
			}
			r := conf.ResolveUnit(conf.Unit{
				Name: "tm.service", Files: files, Systemd: tt.systemd, NROpen: 1 << 20, TasksTotal: 32768, MemoryTotal: 1<<22 + 4097,
				PID1: map[string]conf.Rlimits{"nofile": {Soft: 1 << 20, Hard: 1 << 20}, "nproc": {Soft: 4000, Hard: 4000}},
			})
			if got := unitWord(r, tt.key); got != tt.want {
				t.Errorf("%s = %s, want %s", tt.key, got, tt.want)
			}
		})
	}
}

func TestUsersManagerIsTheCeiling(t *testing.T) {
	t.Parallel()
	const (
		own  = "/home/u/.config/systemd/user/tm.service"
		conf = "/home/u/.config/systemd/user.conf"
	)
	for _, tt := range []struct {
		what, text string
		more       []string
		unread     bool
		want       string
	}{
		{"nothing set: at most 1024", "", nil, false, "1024:4096"},
		{"below the manager's own", "LimitNOFILE=2000", nil, false, "2000 " + own + ":2"},
		{"not above it", "LimitNOFILE=100000", nil, false, "4096 " + own + ":2"},
		{"DefaultLimitNOFILE of the user", "", []string{conf, "[Manager]\nDefaultLimitNOFILE=3000\n", "/etc/systemd/user.conf", "[Manager]\nDefaultLimitNOFILE=2\n"}, false, "3000 " + conf + ":2"},
		{"system.conf is not theirs", "", []string{"/etc/systemd/system.conf", "[Manager]\nDefaultLimitNOFILE=3000\n"}, false, "1024:4096"},
		{"the user's drop-in", "", []string{own + ".d/a.conf", "[Service]\nLimitNOFILE=9\n", "/usr/lib/systemd/user/tm.service.d/a.conf", "[Service]\nLimitNOFILE=8\n"}, false, "9 " + own + ".d/a.conf:2"},
		{"its limits were not read", "LimitNOFILE=2000", nil, true, "? whether the user's manager may give 2000 depends on its own limits, which were not read " + own + ":2"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			u := unitOfUser(own, tt.text, tt.more, tt.unread)
			if got := unitWord(u, "LimitNOFILE"); got != tt.want {
				t.Errorf("LimitNOFILE = %s, want %s", got, tt.want)
			}
		})
	}
}

// unitOfUser resolves tm.service of a user whose manager has 4096 open files.
func unitOfUser(at, text string, more []string, unread bool) conf.UnitResult {
	u := conf.Unit{
		Name: "tm.service", UserManager: true, Home: "/home/u", Systemd: 252, NROpen: 1 << 20,
		Files: tree(append([]string{at, service + text + "\n"}, more...)...),
	}
	if !unread {
		u.PID1 = map[string]conf.Rlimits{"nofile": {Soft: 4096, Hard: 4096}}
	}
	return conf.ResolveUnit(u)
}

func FuzzUnitParse(f *testing.F) {
	f.Add("[Service]\nLimitNOFILE=5:6\n", "[Manager]\nDefaultTasksMax=5%\n", "a-b@1.service", uint16(252))
	f.Add("[Service]\\\n# x\nMemoryMax=1G 500M\x00\r\n", "[Manager", "@.", uint16(219))
	f.Fuzz(func(t *testing.T, unit, manager, name string, systemd uint16) {
		u := conf.Unit{Name: name, Systemd: int(systemd % 300), NROpen: 1 << 20, TasksTotal: 1000, MemoryTotal: 1 << 30, Files: []conf.File{
			{Path: "/etc/systemd/system/" + name, Content: unit}, {Path: "/etc/systemd/system/" + name + ".d/a.conf", Content: manager},
			{Path: "/etc/systemd/system.conf", Content: manager}, {Path: "/run/systemd/system/service.d/b.conf", Content: unit},
		}}
		r := conf.ResolveUnit(u)
		for key, item := range r.Items {
			if item.Soft.Known && item.Hard.Known && item.Soft.Value > item.Hard.Value {
				t.Errorf("%s = %v, %v", key, item.Soft, item.Hard)
			}
			if !item.Hard.Known && item.Hard.Why == "" || !item.Soft.Known && item.Soft.Why == "" {
				t.Errorf("%s is not known and nothing says why", key)
			}
		}
		if again := conf.ResolveUnit(u); unitWord(again, "LimitNOFILE") != unitWord(r, "LimitNOFILE") {
			t.Errorf("twice differs: %v and %v", r, again)
		}
	})
}
