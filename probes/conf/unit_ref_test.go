package conf_test

import (
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// The reference model of units: systemd 247 to 257 step by step, slow, on a
// tree of files and links, without a look at the resolver. The names are those
// of the functions in systemd's sources.

// refUnit is what the model makes of a unit.
type refUnit struct {
	state    string // "loaded", "masked", "not found" or "bad"
	fragment string // path as it was opened
	dropIns  []string
	values   map[string]refPair
}

// refPair is a value; set is false where nothing sets it.
type refPair struct {
	soft, hard uint64
	set        bool
}

type refFS map[string]treeFile

// open gives the text at a path; ok is false if there is none.
func (fs refFS) open(at string) (text string, ok bool) {
	for range 40 {
		if at == "/dev/null" {
			return "", true
		}
		f, there := fs[at]
		if !there {
			return "", false
		}
		if f.Text != nil {
			return *f.Text, true
		}
		at = refTarget(at, f.Link)
	}
	return "", false
}

func refTarget(at, link string) string {
	if path.IsAbs(link) {
		return path.Clean(link)
	}
	return path.Join(path.Dir(at), link)
}

// list are the names in a directory, hidden ones left out.
func (fs refFS) list(dir string) (names []string) {
	for at := range fs {
		if path.Dir(at) == dir && path.Base(at)[0] != '.' {
			names = append(names, path.Base(at))
		}
	}
	sort.Strings(names)
	return names
}

// refName is unit_name_to_instance: kind is "plain", "instance" or "template".
func refName(name string) (prefix, instance, kind string) {
	base := strings.TrimSuffix(name, ".service")
	at := strings.Index(base, "@")
	switch {
	case at < 0:
		return base, "", "plain"
	case at == len(base)-1:
		return base[:at], "", "template"
	}
	return base[:at], base[at+1:], "instance"
}

func refReplaceInstance(name, instance string) string {
	prefix, _, _ := refName(name)
	return prefix + "@" + instance + ".service"
}

func refSearchPath(u unitTree) []string {
	if u.user {
		return []string{
			unitHome + "/.config/systemd/user.control", unitHome + "/.config/systemd/user", "/etc/xdg/systemd/user", "/etc/systemd/user", "/run/systemd/user",
			unitHome + "/.local/share/systemd/user", "/usr/local/share/systemd/user", "/usr/share/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user",
		}
	}
	return []string{
		"/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient", "/run/systemd/generator.early", "/etc/systemd/system",
		"/etc/systemd/system.attached", "/run/systemd/system", "/run/systemd/system.attached", "/run/systemd/generator", "/usr/local/lib/systemd/system",
		"/usr/lib/systemd/system", "/lib/systemd/system", "/run/systemd/generator.late",
	}
}

// refDirs is unit_file_find_dirs.
func refDirs(at, name string, dirs *[]string) {
	*dirs = append(*dirs, at+"/"+name+".d")
	if !strings.Contains(name, ".") {
		return
	}
	prefix, instance, kind := refName(name)
	if kind == "instance" {
		refDirs(at, prefix+"@.service", dirs)
	}
	chopped := false
	for {
		n := strings.LastIndex(prefix, "-")
		if n <= 0 {
			return
		}
		if n+1 < len(prefix) || chopped {
			prefix = prefix[:n+1]
			break
		}
		prefix, chopped = prefix[:n], true
	}
	if kind == "instance" {
		prefix += "@" + instance
	}
	refDirs(at, prefix+".service", dirs)
}

// refConfFiles is conf_files_list_strv: paths by base name.
func refConfFiles(fs refFS, dirs []string) (paths []string) {
	byName := map[string]string{}
	for _, dir := range dirs {
		for _, name := range fs.list(dir) {
			if _, known := byName[name]; !known && strings.HasSuffix(name, ".conf") {
				byName[name] = dir + "/" + name
			}
		}
	}
	for _, at := range byName {
		paths = append(paths, at)
	}
	sort.Slice(paths, func(i, j int) bool { return path.Base(paths[i]) < path.Base(paths[j]) })
	return paths
}

// refLoad is unit_load_fragment and unit_load_dropin.
func refLoad(u unitTree) refUnit {
	fs, search := refFS(u.files), refSearchPath(u)
	out := refUnit{values: map[string]refPair{}}
	defaults := refManager(u)
	for key, p := range defaults {
		out.values[strings.TrimPrefix(key, "Default")] = p
	}
	var names []string
	out.fragment, names = refFind(fs, search, u.name)
	text, ok := fs.open(out.fragment)
	switch {
	case out.fragment == "":
		out.state = "not found"
		return out
	case !ok:
		out.state = "bad"
		return out
	case text == "":
		out.state = "masked"
		return out
	}
	p := refParser{systemd: u.systemd, section: "Service", values: out.values, defaults: defaults}
	if out.state = "loaded"; !p.parse(text) {
		out.state = "bad"
		return out
	}
	_, instance, kind := refName(u.name)
	for i, name := range append([]string{path.Base(out.fragment)}, names...) {
		if _, _, k := refName(name); k == "template" && kind == "instance" {
			name = refReplaceInstance(name, instance)
		}
		if i == 0 {
			names = []string{name}
		} else if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	sort.Strings(names[1:]) // a set, whose order is nobody's business
	var dirs []string
	for _, name := range append(names, "service") {
		for _, at := range search {
			refDirs(at, name, &dirs)
		}
	}
	for _, at := range refConfFiles(fs, dirs) {
		if text, ok := fs.open(at); ok {
			p.parse(text)
			if text != "" || fs[at].Text != nil {
				out.dropIns = append(out.dropIns, at)
			}
		}
	}
	return out
}

// refManager is parse_config_file of main.c.
func refManager(u unitTree) map[string]refPair {
	fs, values := refFS(u.files), map[string]refPair{}
	dirs := []string{"/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd", "/lib/systemd"}
	name, files := "system.conf", []string{"/etc/systemd"}
	if u.user {
		name = "user.conf"
		dirs = append([]string{unitHome + "/.config/systemd"}, dirs...)
		files = dirs[:2]
	}
	if u.systemd >= 256 {
		files = dirs
	}
	p := refParser{systemd: u.systemd, section: "Manager", prefix: "Default", values: values}
	for _, dir := range files {
		if text, ok := fs.open(dir + "/" + name); ok {
			if !p.parse(text) {
				return values
			}
			break
		}
	}
	var dropDirs []string
	for _, dir := range dirs {
		dropDirs = append(dropDirs, dir+"/"+name+".d")
	}
	for _, at := range refConfFiles(fs, dropDirs) {
		if text, ok := fs.open(at); ok && !p.parse(text) {
			break
		}
	}
	return values
}

// refLimits are the values that a service starts with: exec_child with
// setrlimit_closest, by a manager whose own limits are those given.
func refLimits(u unitTree, out refUnit, tasks, memory uint64) map[string]conf.Rlimits {
	limits := map[string]conf.Rlimits{}
	for key, item := range map[string]string{"LimitNOFILE": "nofile", "LimitAS": "as", "LimitNPROC": "nproc"} {
		v, own := out.values[key], u.manager[item]
		switch {
		case v.set:
		case item == "nofile": // fallback_rlimit_nofile
			v = refPair{soft: min(1024, uint64(own.Soft)), hard: uint64(own.Hard)}
			if !u.user {
				v = refPair{soft: 1024, hard: min(u.nrOpen, 524288)}
			}
		default:
			v = refPair{soft: uint64(own.Soft), hard: uint64(own.Hard)}
		}
		refused := u.user && v.hard > uint64(own.Hard) || item == "nofile" && v.hard > u.nrOpen
		if refused {
			v = refPair{soft: min(v.soft, uint64(own.Hard)), hard: min(v.hard, uint64(own.Hard))}
		}
		limits[key] = conf.Rlimits{Soft: conf.Rlimit(v.soft), Hard: conf.Rlimit(v.hard)}
	}
	for key, whole := range map[string]uint64{"TasksMax": tasks, "MemoryMax": memory} {
		v := out.values[key]
		switch {
		case !v.set && key == "TasksMax":
			v.hard = refScale(1500, 10000, whole)
		case !v.set:
			v.hard = ^uint64(0)
		case v.soft > 0 && key == "TasksMax": // a share
			v.hard = refScale(v.hard, 10000, whole)
		case v.soft > 0:
			v.hard = whole / 4096 * v.hard / 10000 * 4096
		}
		limits[key] = conf.Rlimits{Soft: conf.Rlimit(v.hard), Hard: conf.Rlimit(v.hard)}
	}
	return limits
}

// refScale is system_tasks_max_scale.
func refScale(v, parts, whole uint64) uint64 { return v * whole / parts }
