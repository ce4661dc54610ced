package conf

import (
	"slices"
	"strings"
)

// unitSet are the files of a host that matter for units, by name.
type unitSet struct {
	u      *Unit
	dirs   []string
	found  map[string][]unitFile // unit files by name, of the first directory first
	drop   []unitFile            // drop-ins; name is that of the directory without .d
	shut   []unitFile            // directories of drop-ins that cannot be read
	closed string                // a directory of units that cannot be read
}

type unitFile struct {
	rank int // of the directory of units
	name string
	file File
}

// sort goes through the files once.
func (u *Unit) sort() *unitSet {
	s := &unitSet{u: u, dirs: u.dirs(), found: map[string][]unitFile{}}
	for _, f := range u.Files {
		slash := strings.LastIndexByte(f.Path, '/')
		if slash < 0 || f.kind() == FileAbsent {
			continue
		}
		dir, name := f.Path[:slash], f.Path[slash+1:]
		if f.kind() == FileUnreadable && slices.Contains(s.dirs, f.Path) {
			s.closed = f.Path
		}
		if of, ok := strings.CutSuffix(name, ".d"); ok && f.kind() == FileUnreadable && slices.Contains(s.dirs, dir) {
			s.shut = append(s.shut, unitFile{name: of, file: f})
			continue
		}
		if rank := slices.Index(s.dirs, dir); rank >= 0 {
			// What is neither a file nor a link is no unit.
			if f.kind() != FileDir && (f.kind() != FileOther || f.Target != "") {
				s.found[name] = append(s.found[name], unitFile{rank, name, f})
			}
			continue
		}
		of, ok := strings.CutSuffix(dir, ".d")
		if slash = strings.LastIndexByte(of, '/'); !ok || slash < 0 || !isDropIn(name) {
			continue
		}
		if rank := slices.Index(s.dirs, of[:slash]); rank >= 0 {
			s.drop = append(s.drop, unitFile{rank, of[slash+1:], f})
		}
	}
	for _, files := range s.found {
		slices.SortStableFunc(files, func(a, b unitFile) int { return a.rank - b.rank })
	}
	return s
}

// isDropIn reports whether a name is read; conf_files_list leaves out hidden
// files.
func isDropIn(name string) bool {
	return strings.HasSuffix(name, ".conf") && !strings.HasPrefix(name, ".")
}

// target is what the name of a unit leads to: a file of its own, or another
// name. Since 244 a link into the directories of units is an alias and never
// opened, as unit_file_build_name_map of unit-file.c has it; before, it is a
// file like any other, and one that cannot be opened is passed over.
func (s *unitSet) target(name string) (f File, alias string, ok bool) {
	for _, c := range s.found[name] {
		f := c.file
		if f.Target == "" {
			return f, "", true
		}
		if s.u.before(244) {
			if f.kind() != FileDangling || f.isNull() {
				return f, "", true
			}
			continue
		}
		to := linked(f)
		if !slices.ContainsFunc(s.dirs, func(dir string) bool { return strings.HasPrefix(to, dir+"/") }) {
			return f, "", true
		}
		if to = baseName(to); to != name && mayAlias(name, to) {
			return File{}, to, true
		}
	}
	return File{}, "", false
}

// mayAlias reports whether a link of one name to another is taken: both are of
// one kind and, of a template, for the same instance.
func mayAlias(name, to string) bool {
	a, b := splitUnit(name), splitUnit(to)
	if a.suffix != b.suffix || b.suffix == "" {
		return false
	}
	return a.at == b.at && a.instance == b.instance || a.instance != "" && b.at && b.instance == ""
}

// maxAliases is FOLLOW_MAX of unit-file.c.
const maxAliases = 8

// resolve follows aliases to a file. What an alias leads to may be an instance
// whose template has the file.
func (s *unitSet) resolve(name string) (File, bool) {
	f, alias, ok := s.target(name)
	for range maxAliases {
		switch {
		case !ok:
			return File{}, false
		case alias == "":
			return f, true
		}
		name = alias
		if f, alias, ok = s.target(name); !ok {
			if t, isInstance := templateOf(name); isInstance {
				f, alias, ok = s.target(t)
			}
		}
	}
	return File{}, false
}

// fragment finds the unit file and the names whose drop-ins count, its own
// first.
func (s *unitSet) fragment(out *UnitResult) (File, []string) {
	f, ok := s.resolve(s.u.Name)
	if t, isInstance := templateOf(s.u.Name); !ok && isInstance {
		f, ok = s.resolve(t)
	}
	switch {
	case !ok:
		s.give(out, "no unit file of "+s.u.Name+" was found")
		return f, nil
	case isMask(f):
		out.Masked = Place{File: f.Path}
		return f, nil
	case f.kind() == FileDangling:
		s.give(out, f.Path+" is a link to nothing: systemd does not load the unit")
		return f, nil
	}
	out.Fragment = f.Path
	return f, s.names(f)
}

// give sets why nothing can be known, if nothing before it did.
func (s *unitSet) give(out *UnitResult, why string) {
	if out.Unknown == "" {
		out.Unknown = why
	}
}

// names are the name of the unit, which is that of its file, and every name
// that leads to it, as add_names of unit-file.c collects them.
func (s *unitSet) names(f File) []string {
	base := fileName(f)
	own := s.instance(base)
	var all []string
	add := func(name string) {
		if name = s.instance(name); name != own && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	if add(s.u.Name); s.u.before(244) {
		return append([]string{own}, all...)
	}
	for name := range s.found {
		to, ok := s.leads(name)
		if ok && (to == s.u.Name || to == base && !s.elsewhere(name, base)) {
			add(name)
		}
	}
	slices.Sort(all)
	return append([]string{own}, all...)
}

// fileName is the name of a unit's file itself.
func fileName(f File) string {
	if f.Target != "" {
		return baseName(f.Target)
	}
	return baseName(f.Path)
}

// instance is the name with the unit's instance, where it is that of a
// template.
func (s *unitSet) instance(name string) string {
	n, unit := splitUnit(name), splitUnit(s.u.Name)
	if n.at && n.instance == "" && unit.instance != "" {
		return n.prefix + "@" + unit.instance + n.suffix
	}
	return name
}

// leads is the name of the file that a name leads to; an instance that leads
// to a template gives its instance.
func (s *unitSet) leads(name string) (string, bool) {
	f, ok := s.resolve(name)
	if !ok || f.kind() == FileDangling || isMask(f) {
		return "", false
	}
	n, to := splitUnit(name), splitUnit(fileName(f))
	if n.instance != "" && to.at && to.instance == "" {
		return to.prefix + "@" + n.instance + to.suffix, true
	}
	return fileName(f), true
}

// elsewhere reports whether a template leads to a file of that name, but its
// instance for this unit has one of its own.
func (s *unitSet) elsewhere(template, base string) bool {
	name := s.instance(template)
	if name == template {
		return false
	}
	f, ok := s.resolve(name)
	return ok && fileName(f) != base
}

// isMask reports whether a file masks the unit: /dev/null or an empty file.
func isMask(f File) bool {
	return f.isNull() || f.Content == "" && !f.Cut && (f.kind() == FileRegular || f.kind() == FileLink)
}
