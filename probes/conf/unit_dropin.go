package conf

import (
	"path"
	"slices"
	"strings"
)

// dropIns are the drop-ins in the order of their names. Of equal names the one
// of the closest name in the first directory counts, and a mask hides the
// others; the name alone decides the order, so 90-x.conf for all services
// beats 50-x.conf of this one. The order is that of unit_file_find_dropin_paths
// of dropin.c.
func (s *unitSet) dropIns(names []string, out *UnitResult) []File {
	if len(s.drop)+len(s.shut) == 0 {
		return nil
	}
	type place struct {
		file              File
		alias, rank, near int
	}
	closest := make([][]string, len(names), len(names)+1)
	for i, name := range names {
		closest[i] = s.u.dropInNames(name)
	}
	if !s.u.before(244) {
		closest = append(closest, []string{strings.TrimPrefix(splitUnit(s.u.Name).suffix, ".")})
	}
	for _, d := range s.shut {
		if slices.ContainsFunc(closest, func(near []string) bool { return slices.Contains(near, d.name) }) {
			s.give(out, d.file.Path+" cannot be read")
		}
	}
	var all []place
	for _, d := range s.drop {
		for i, near := range closest {
			if n := slices.Index(near, d.name); n >= 0 {
				all = append(all, place{d.file, i, d.rank, n})
				break
			}
		}
	}
	slices.SortStableFunc(all, func(a, b place) int {
		for _, c := range []int{strings.Compare(baseName(a.file.Path), baseName(b.file.Path)), a.alias - b.alias, a.rank - b.rank, a.near - b.near} {
			if c != 0 {
				return c
			}
		}
		return 0
	})
	var files []File
	for i, p := range all {
		if i == 0 || baseName(all[i-1].file.Path) != baseName(p.file.Path) {
			files = append(files, p.file)
		}
	}
	return slices.DeleteFunc(files, isEmpty)
}

// isEmpty reports whether nothing is read although the file is there.
func isEmpty(f File) bool {
	return f.isNull() || f.kind() == FileDangling || f.kind() == FileDir
}

// mergeByName are the files of all directories, of equal names the first, in
// the order of their names.
func mergeByName(files []File, dirs []string) []File {
	seen := map[string]bool{}
	var out []File
	for _, dir := range dirs {
		for _, f := range filesIn(files, dir, ".conf") {
			if name := baseName(f.Path); isDropIn(name) && !seen[name] {
				seen[name] = true
				out = append(out, f)
			}
		}
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(baseName(a.Path), baseName(b.Path)) })
	return slices.DeleteFunc(out, isEmpty)
}

// managerFiles are system.conf or user.conf, of which the first is read, since
// 256 from any of the directories, and their drop-ins.
func (u Unit) managerFiles() []File {
	dirs := []string{"/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd", "/lib/systemd"}
	name, mains := "system.conf", 1
	if u.UserManager {
		name = "user.conf"
		if u.Home != "" {
			dirs, mains = append([]string{path.Clean(u.Home) + "/.config/systemd"}, dirs...), 2
		}
	}
	if !u.before(256) {
		mains = len(dirs)
	}
	var out []File
	for _, dir := range dirs[:mains] {
		if f, ok := fileAt(u.Files, dir+"/"+name); ok && f.kind() != FileDangling {
			out = append(out, f)
			break
		}
	}
	for i, dir := range dirs {
		dirs[i] = dir + "/" + name + ".d"
	}
	return append(slices.DeleteFunc(out, isEmpty), mergeByName(u.Files, dirs)...)
}
