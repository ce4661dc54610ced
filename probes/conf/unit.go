package conf

import "strings"

// Unit is all that decides the limits of a systemd service of the system's
// own manager. A user's manager has other directories and cannot raise the
// limits of its own session: see UserManager.
type Unit struct {
	Name  string // "flink.service", "flink@1.service"
	Files []File
	// Systemd is its major version, 0 if not known.
	Systemd int
	// Release is the text of os-release(5): distributions change defaults.
	Release string
	NROpen  uint64 // 0 means not known
	// PID1 are the limits of the manager: of process 1, or of the user's
	// manager. They hold for what no file sets.
	PID1 map[string]Rlimits
	// UserManager is true for units of systemd --user.
	UserManager bool
	Home        string // of the user, for units of systemd --user
	TasksTotal  uint64 // what a share of TasksMax is of; 0 means not known
	MemoryTotal uint64 // bytes, what a share of MemoryMax is of; 0 means not known
}

// UnitResult is what the next start of a unit gets.
type UnitResult struct {
	Fragment string   // the unit file, "" if there is none
	DropIns  []string // in the order in which they are read
	Masked   Place    // the link or empty file that masks the unit
	Unknown  string   // why nothing can be known; "" otherwise
	// PAMName is the service whose PAM stack is called after the limits were
	// set, so that pam_limits has the last word; "" if none is.
	PAMName string
	// Items has LimitNOFILE, LimitAS, LimitNPROC, TasksMax and MemoryMax. The
	// last two have one value, in both bounds.
	Items map[string]ItemLimits
}

// unitSettings are the settings that are resolved, with the item of
// limits.conf that is meant by the same limit.
var unitSettings = []struct {
	key, item string
	size      bool // takes K, M, G
}{{"LimitNOFILE", "nofile", false}, {"LimitAS", "as", true}, {"LimitNPROC", "nproc", false}, {"TasksMax", "", false}, {"MemoryMax", "", true}}

var systemDirs = []string{
	"/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient",
	"/run/systemd/generator.early", "/etc/systemd/system", "/etc/systemd/system.attached",
	"/run/systemd/system", "/run/systemd/system.attached", "/run/systemd/generator",
	"/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system", "/run/systemd/generator.late",
}

// dirs are the directories of unit files, the first beats the others, from
// lookup_paths_init of systemd's path-lookup.c. Those in a user's runtime
// directory are left out: a session that ends empties it.
func (u Unit) dirs() []string {
	if !u.UserManager {
		return systemDirs
	}
	var dirs []string
	if u.Home != "" {
		dirs = append(dirs, u.Home+"/.config/systemd/user.control", u.Home+"/.config/systemd/user")
	}
	dirs = append(dirs, "/etc/xdg/systemd/user", "/etc/systemd/user", "/run/systemd/user")
	if u.Home != "" {
		dirs = append(dirs, u.Home+"/.local/share/systemd/user")
	}
	return append(dirs, "/usr/local/share/systemd/user", "/usr/share/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user")
}

// before reports whether systemd is known to be older than a version.
func (u Unit) before(version int) bool { return u.Systemd > 0 && u.Systemd < version }

// ResolveUnit says what the next start of a unit gets, after a daemon-reload.
func ResolveUnit(u Unit) UnitResult {
	out := UnitResult{Items: map[string]ItemLimits{}}
	s := u.sort()
	if s.closed != "" {
		out.Unknown = s.closed + " cannot be read"
	}
	fragment, names := s.fragment(&out)
	var lines []assignment
	if out.Fragment != "" {
		section := sectionOf(u.Name)
		read := func(f File, main bool) {
			l, bad := u.assignments(f, section, &out)
			lines = append(lines, l...)
			if bad != "" && main {
				out.Unknown = bad + ": systemd does not load the unit"
			}
		}
		read(fragment, true)
		for _, f := range s.dropIns(names, &out) {
			out.DropIns = append(out.DropIns, f.Path)
			read(f, false)
		}
	}
	var defaults []assignment
	for _, f := range u.managerFiles() {
		l, bad := u.assignments(f, "Manager", &out)
		if defaults = append(defaults, l...); bad != "" {
			break // config_parse_many reads no more files
		}
	}
	for _, l := range lines {
		if l.key == "PAMName" {
			out.PAMName = strings.Clone(l.value)
		}
	}
	for _, set := range unitSettings {
		out.Items[set.key] = u.item(set.key, set.item, set.size, lines, defaults, out.Unknown)
	}
	return out
}

// sectionOf is the section that a kind of unit has its limits in.
func sectionOf(name string) string {
	kind := name[strings.LastIndexByte(name, '.')+1:]
	if kind == "" {
		return "Service"
	}
	return strings.ToUpper(kind[:1]) + kind[1:]
}
