package conf_test

import (
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// unitTree is a random tree of units and what is asked about it.
type unitTree struct {
	name    string
	systemd int
	nrOpen  uint64
	manager map[string]conf.Rlimits
	user    bool
	files   map[string]treeFile
}

const unitHome = "/home/u"

var (
	unitDirs = []string{
		"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
		"/etc/systemd/system.control", "/run/systemd/transient", "/run/systemd/generator.late",
	}
	userDirs = []string{
		"/etc/systemd/user", "/run/systemd/user", "/usr/share/systemd/user", "/usr/lib/systemd/user",
		unitHome + "/.config/systemd/user", unitHome + "/.local/share/systemd/user", "/etc/xdg/systemd/user",
	}
)

// newUnitTree draws a tree.
func newUnitTree(d *draws) unitTree {
	u := unitTree{
		name: d.of("a-b.service", "a-b@1.service", "c.service"), systemd: 247 + 5*d.upTo(3), nrOpen: 1 << 20,
		manager: map[string]conf.Rlimits{
			"nofile": {Soft: 1 << 20, Hard: 1 << 20}, "nproc": {Soft: 4000, Hard: 4000}, "as": {Soft: conf.RlimitInfinity, Hard: conf.RlimitInfinity},
		},
		user: d.once(5), files: map[string]treeFile{},
	}
	dirs := unitDirs
	if u.user {
		dirs = userDirs
		u.manager["nofile"] = conf.Rlimits{Soft: 4096, Hard: 4096}
	}
	add := func(path, text string) { u.files[path] = treeFile{Text: &text} }
	add(d.of(dirs...)+"/"+strings.Replace(u.name, "@1", d.of("@1", "@"), 1), unitText(d, false))
	for range 1 + d.upTo(7) {
		u.add(d, dirs, add)
	}
	return u
}

func (u *unitTree) add(d *draws, dirs []string, add func(path, text string)) {
	names := []string{u.name, "a-b.service", "al.service", "al@1.service", "al@.service", "a-b@.service", "a-b@1.service", "c.service"}
	switch d.upTo(6) {
	case 0:
		add(d.of(dirs...)+"/"+d.of(names...), unitText(d, d.once(6)))
	case 1:
		target := d.of("/dev/null", d.of(names...), d.of(dirs...)+"/"+d.of(names...), "/opt/x.service", "/opt/"+u.name)
		if path := d.of(dirs...) + "/" + d.of(names...); u.files[path].Text == nil {
			u.files[path] = treeFile{Link: target}
		}
		if strings.HasPrefix(target, "/opt/") && d.upTo(4) > 0 {
			add(target, unitText(d, false))
		}
	case 2:
		base := d.of("/etc", "/run", "/usr/local/lib", "/usr/lib") + "/systemd/"
		name := "system.conf"
		if u.user {
			name = "user.conf"
			base = d.of(base, unitHome+"/.config/systemd/")
		}
		add(base+name+d.of("", ".d/10.conf", ".d/B.conf", ".d/.h.conf"), managerText(d))
	default:
		of := d.of(u.name, "a-b@.service", "a-.service", "a-@.service", "a-@1.service", "al.service", "al@1.service", "service", "x.service")
		path := d.of(dirs...) + "/" + of + ".d/" + d.of("10.conf", "20.conf", "B.conf", ".h.conf", "30.txt")
		if d.once(8) {
			u.files[path] = treeFile{Link: d.of("/dev/null", "nothing", "20.conf")}
		} else {
			add(path, unitText(d, d.once(8)))
		}
	}
}

func unitText(d *draws, empty bool) string {
	if empty {
		return ""
	}
	return lines(d, d.of("[Service]", "[Service]", "[Service]", "[Unit]", "\ufeff[Service]", " [Service] "), func() string {
		switch d.upTo(24) {
		case 0:
			return d.of("[Service]", "[Unit]", "[Install]", "[X-y]", "[]", "[Serv\\ice]", "[Service", "[Service]x", "# [Unit]", "[service]")
		case 1:
			return d.of("ExecStart=/bin/true", "junk", "=5", ";LimitNOFILE=1", "X=\xff", "PAMName=login", "# \xff", "DefaultLimitNOFILE=9")
		}
		return setting(d, "")
	})
}

func managerText(d *draws) string {
	return lines(d, d.of("[Manager]", "[Manager]", "[Service]"), func() string {
		return d.of(setting(d, "Default"), setting(d, "Default"), "[Manager]", "[Manager", "DefaultMemoryMax=5M")
	})
}

// setting is a line that sets a limit, right or wrong.
func setting(d *draws, prefix string) string {
	key := d.of("LimitNOFILE", "LimitNOFILE", "LimitNPROC", "LimitAS", "TasksMax", "MemoryMax")
	space := func() string { return d.of("", "", "", " ", "\t", "\u00a0") }
	return space() + prefix + key + space() + "=" + space() + unitValue(d, key) + space()
}

func unitValue(d *draws, key string) string {
	value := func() string {
		return d.of("1024", "4096", "65536", "infinity", "2000000", "0x400", "0400", "0b11", "0o17", "+7", "-1", "-0", "1 0", "", "1e3", "1_0", "08",
			"5K", "1.5G", "1G 500M", "2g", "2GB", "1M 1G", "10.M", "18446744073709551615", "18446744073709551614", "99999999999999999999", "unlimited", "Infinity")
	}
	switch key {
	case "TasksMax", "MemoryMax":
		return d.of(value(), value(), "50%", "12.5%", "12.34%", "5.%", ".5%", "101%", "0%", "1.234%", "7‰", "33‱", "0x10%")
	}
	return d.of(value(), value(), value()+":"+value(), value()+":"+value()+":", value()+":"+value()+":"+value())
}

// lines is a text of a header and lines, with continuations and all ways to
// end a line.
func lines(d *draws, header string, line func() string) string {
	ends := func() string {
		return d.of("\n", "\n", "\n", "\n", "\n", "\r\n", "\n\n", "\r", "\\\n", "\\\\\n", " \\\n# x\n", "\x00", "\\\n\n", "\n\r")
	}
	text := header + ends()
	for range d.upTo(6) {
		text += line() + ends()
	}
	if d.once(4) {
		text = strings.TrimRight(text, "\r\n\x00")
	}
	return text
}
