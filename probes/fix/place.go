package fix

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// place is where files of one kind may lie: nothing outside is written,
// wherever a link leads.
type place struct {
	main   string // "" for none
	dir    string
	header string // of a file of our own
}

var (
	sysctlPlace = place{"/etc/sysctl.conf", "/etc/sysctl.d", "# tmdoctor fix: what TaskManagers with RocksDB need\n"}
	limitsPlace = place{"/etc/security/limits.conf", "/etc/security/limits.d", "# tmdoctor fix: what TaskManagers with RocksDB need\n"}
)

// unitPlace is where the drop-ins of a unit lie.
func unitPlace(unit string) place {
	return place{"", "/etc/systemd/system/" + unit + ".d", "# tmdoctor fix: what TaskManagers with RocksDB need\n"}
}

// has reports whether a path without links lies in the place.
func (w place) has(real string) bool { return real == w.main || path.Dir(real) == w.dir }

// dropIns are paths of our own file: the usual name, and greater ones as long
// as a file sorts behind the one before. There is always a greater one, but
// nobody should have to look for a file of a hundred letters.
func (w place) dropIns(f *probes.Facts) (paths []string) {
	for _, z := range []string{"zz", "zzz", "zzzz", "zzzzzzzz"} {
		name := z + "-tmdoctor.conf"
		paths = append(paths, w.dir+"/"+name)
		if !slices.ContainsFunc(f.Files, func(file probes.File) bool { return w.beside(file.Path) && path.Base(file.Path) > name }) {
			break
		}
	}
	return paths
}

// beside reports whether a file is sorted among those of the place, whichever
// directory it is in.
func (w place) beside(name string) bool {
	in := path.Base(path.Dir(name))
	return in == path.Base(w.dir) || strings.HasSuffix(w.dir, ".service.d") && strings.HasSuffix(in, "service.d")
}

// target is a file that may be written.
type target struct {
	state   *FileState
	path    string // without links
	managed string
	makeDir bool
}

// open finds the file of a path, or why it is not written. managed is the tool
// that writes it, where that alone is the reason.
func (m *maker) open(name string, w place) (t *target, why, managed string) {
	st := m.s.file(name)
	if st == nil {
		return nil, name + " was not read", ""
	}
	t = &target{state: st, path: st.Real}
	known := m.d.at(st.Real) >= 0
	switch {
	case st.Kind == probes.FileAbsent:
		t.path = w.dir + "/" + path.Base(name)
		if name == w.main {
			t.path = name
		}
		t.makeDir = st.Dir == ""
		known = m.d.at(t.path) >= 0
		if st.Dir != "" && st.Dir != path.Dir(t.path) {
			return nil, fmt.Sprintf("%s is %s, which is another place", path.Dir(name), st.Dir), ""
		}
	case st.Kind != probes.FileRegular && st.Kind != probes.FileLink:
		return nil, fmt.Sprintf("%s is %s", name, kindWords(st.Kind)), ""
	case !w.has(st.Real):
		return nil, fmt.Sprintf("%s leads to %s, which is another place", name, cmp.Or(st.Real, "what is not known")), ""
	case st.Links > 1:
		return nil, fmt.Sprintf("%s has %d hard links: replacing it would part them", name, st.Links), ""
	case st.SHA256 != sum(st.Content):
		return nil, name + " was not read whole", ""
	}
	if st.Obstacle != "" {
		return nil, name + ": " + st.Obstacle, ""
	}
	if why := m.differs(name, st); why != "" && !known {
		return nil, why, ""
	}
	t.managed, _ = conf.ManagedBy(conf.File{Path: name, Content: string(st.Content)})
	if t.managed != "" && !m.o.ForceManaged {
		return nil, fmt.Sprintf("%s says that %s writes it", name, t.managed), t.managed
	}
	return t, "", ""
}

func kindWords(k probes.FileKind) string {
	switch k {
	case probes.FileDangling:
		return "a link to nothing"
	case probes.FileDir:
		return "a directory"
	case "":
		return "of a kind that is not known"
	}
	return string(k)
}

// differs says so where a file is not what the audit saw: somebody changed it
// in between, and what was judged is not what would be changed.
func (m *maker) differs(name string, st *FileState) string {
	changed := name + " was changed while it was looked at"
	f, ok := m.d.facts.File(name).Get()
	switch {
	case !ok && st.Kind == probes.FileAbsent:
		return ""
	case !ok || (f.Kind == probes.FileAbsent) != (st.Kind == probes.FileAbsent):
		return changed
	case st.Kind == probes.FileAbsent || f.Withheld:
		return ""
	case f.Cut:
		return name + " could not be read whole by the audit (it is longer than what is read, has zero bytes, or took too long)"
	case f.Kind != probes.FileRegular && f.Kind != probes.FileLink:
		return changed
	case f.Content != probes.AsRead(st.Content):
		return changed
	}
	return ""
}

// candidate is a way to persist a setting: files, each with its new text.
type candidate struct {
	paths []string
	place []place
	edit  []func(content string) string
	// why says why it is these files, by what the planned host says.
	why func(paths []string, planned *probes.Facts) string
}

// lost is why a candidate was not taken; files is "" where why names the file
// itself.
type lost struct {
	files, why string
	managed    string // the tool that writes the file, where that is the reason
}

// choose takes the first candidate whose files, put into the facts of the
// host, give what is wanted: holds is "" then, else what they give instead.
// Otherwise the draft stays as it is. passed are the candidates before it.
func (m *maker) choose(setting string, all []candidate, holds func(paths []string, planned *probes.Facts) string) (chosen *candidate, passed []lost) {
	for i := range all {
		c := &all[i]
		d, why, tool := m.try(setting, c)
		if why != "" { // it names the file that is the reason
			passed = append(passed, lost{why: why, managed: tool})
			continue
		}
		if why = holds(c.paths, d.facts); why == "" {
			d.because(setting, c.why(c.paths, d.facts))
			m.d = d
			return c, passed
		}
		passed = append(passed, lost{files: strings.Join(c.paths, " and "), why: why})
	}
	return nil, passed
}

// reasons tells why candidates were not taken, each reason once.
func reasons(passed []lost) string {
	var whys, files []string
	for _, l := range passed {
		if i := slices.Index(whys, l.why); i >= 0 {
			files[i] += ", " + l.files
			continue
		}
		whys, files = append(whys, l.why), append(files, l.files)
	}
	if len(whys) == 1 {
		return whys[0]
	}
	for i := range whys {
		if strings.Trim(files[i], ", ") != "" {
			whys[i] = files[i] + ": " + whys[i]
		}
	}
	return strings.Join(whys, "; ")
}

// tellPassed notes which files would have come first, and why they were passed
// over.
func (m *maker) tellPassed(passed []lost) {
	for _, l := range passed {
		m.note("passed over " + cmp.Or(l.files, "a file") + ": " + l.why)
	}
}

// toolsOf are the tools that write the files which were passed over.
func toolsOf(passed []lost) (names []string) {
	for _, l := range passed {
		if l.managed != "" && !slices.Contains(names, l.managed) {
			names = append(names, l.managed)
		}
	}
	return names
}

// try writes the files of a candidate into a draft of its own.
func (m *maker) try(setting string, c *candidate) (d *draft, why, managed string) {
	d = m.d.clone()
	for i, p := range c.paths {
		t, why, managed := m.open(p, c.place[i])
		if why != "" {
			return nil, why, managed
		}
		text := d.content(t.path, t.state)
		if t.state.Kind == probes.FileAbsent && d.at(t.path) < 0 && p != c.place[i].main {
			text = c.place[i].header
		}
		d.write(t, setting, c.edit[i](text), m.s)
	}
	return d, "", ""
}

// because says why files are the ones that are changed for a setting.
func (d *draft) because(setting, why string) {
	for _, e := range d.files {
		if why != "" && slices.Contains(e.settings, setting) && !slices.Contains(e.why, why) {
			e.why = append(e.why, why)
		}
	}
}

// candidates are the ways to persist a setting in a place, in the order in
// which they are tried.
func (m *maker) candidates(w place, edit func(content string) string, why func(paths []string, planned *probes.Facts) string) (all []candidate) {
	add := func(paths ...string) {
		c := candidate{paths: paths, why: why}
		for range paths {
			c.place, c.edit = append(c.place, w), append(c.edit, edit)
		}
		all = append(all, c)
	}
	in := cmp.Or(m.o.PersistIn, PersistAuto)
	if w.main != "" && (in == PersistAuto || in == PersistMain) {
		add(w.main)
	}
	if w.main == "" || in == PersistAuto || in == PersistDropIn {
		for _, p := range w.dropIns(m.d.facts) {
			add(p)
		}
	}
	if w.main != "" && (in == PersistAuto || in == PersistBoth) {
		for _, p := range w.dropIns(m.d.facts) {
			add(w.main, p)
		}
	}
	return all
}
