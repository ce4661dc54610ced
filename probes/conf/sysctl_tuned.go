package conf

import (
	"slices"
	"strings"
)

// tuned is what tuned writes when the loader is done: the values of its
// active profile, then, unless it is told not to, the files of /run and /etc
// and /etc/sysctl.conf again (its plugin_sysctl.py).
type tuned struct {
	sysctls []*statement // [sysctl] of the active profiles, in order; path is the option's name
	unknown string       // why the profile is not known whole
	again   []File       // files it reads again
	seen    []string
	host    *SysctlHost
}

var tunedDirs = []string{"/etc/tuned/profiles", "/etc/tuned", "/usr/lib/tuned/profiles", "/usr/lib/tuned"}

// tunedPlan reads tuned's files; nil where no profile is active.
func tunedPlan(h *SysctlHost) *tuned {
	f, ok := fileAt(h.Files, "/etc/tuned/active_profile")
	if !ok {
		return nil
	}
	t := &tuned{host: h}
	if f.kind() == FileUnreadable {
		t.unknown = f.Path + " cannot be read"
	}
	profiles := strings.Fields(f.Content)
	if len(profiles) == 0 && t.unknown == "" {
		return nil
	}
	for _, name := range profiles {
		t.profile(name)
	}
	if len(t.sysctls) == 0 || !t.reapplies() {
		return t
	}
	names := map[string]File{}
	for _, dir := range []string{"/etc/sysctl.d", "/run/sysctl.d"} { // /run beats /etc here
		for _, f := range filesIn(h.Files, dir, ".conf") {
			names[baseName(f.Path)] = f
		}
	}
	for _, f := range names {
		t.again = append(t.again, f)
	}
	slices.SortFunc(t.again, func(a, b File) int { return strings.Compare(baseName(a.Path), baseName(b.Path)) })
	for _, s := range oneStep(h, "/etc/sysctl.conf") {
		t.again = append(t.again, s.file)
	}
	return t
}

// reapplies is reapply_sysctl of tuned-main.conf, which is on by default.
func (t *tuned) reapplies() bool {
	f, _ := fileAt(t.host.Files, "/etc/tuned/tuned-main.conf")
	on := true
	for line := range strings.Lines(f.Content) {
		name, value, ok := strings.Cut(line, "=")
		if ok && strings.TrimSpace(name) == "reapply_sysctl" {
			value = strings.ToLower(strings.TrimSpace(value))
			on = value == "1" || value == "true" || value == "yes" || value == "on"
		}
	}
	return on
}

// profile reads a profile, those it includes first.
func (t *tuned) profile(name string) {
	if slices.Contains(t.seen, name) {
		return
	}
	t.seen = append(t.seen, name)
	for _, dir := range tunedDirs {
		f, ok := fileAt(t.host.Files, dir+"/"+name+"/tuned.conf")
		if !ok {
			continue
		}
		if f.kind() != FileRegular && f.kind() != FileLink || f.Cut {
			t.unknown = f.Path + " cannot be read whole"
			return
		}
		t.include(f)
		return
	}
	t.unknown = "the file of tuned's profile " + clip(name) + " is not known"
}

func (t *tuned) include(f File) {
	var own []*statement
	section, kind, n := "", "", 0
	for line := range strings.Lines(f.Content) {
		n++
		text := strings.TrimSpace(line)
		if i := strings.Index(text, " #"); i >= 0 {
			text = strings.TrimSpace(text[:i])
		}
		if text == "" || text[0] == '#' || text[0] == ';' {
			continue
		}
		if text[0] == '[' {
			section = strings.Trim(text, "[]")
			kind = section
			continue
		}
		name, value, _ := strings.Cut(text, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch {
		case section == "main" && name == "include":
			for _, p := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ';' || r == ' ' }) {
				t.profile(p)
			}
		case name == "type":
			kind = value
		case kind == "sysctl":
			own = append(own, tunedSetting(Place{f.Path, n}, text, name, value))
		}
	}
	t.sysctls = append(t.sysctls, own...)
}

// tunedSetting is an option of a section [sysctl].
func tunedSetting(at Place, text, name, value string) *statement {
	s := &statement{place: at, text: text, path: name, value: strings.Trim(value, `"'`), match: true, step: -1}
	if strings.Contains(value, "${") {
		s.unknown = at.String() + " has a variable of tuned"
	}
	if s.value != "" && (s.value[0] == '>' || s.value[0] == '<') {
		s.only, s.value = s.value[0], strings.TrimSpace(s.value[1:])
	}
	return s
}

// writes are tuned's own writes of the key. The files it read again and the
// profile join the chain of the plan once.
func (t *tuned) writes(p *plan, key string) (writes []*statement) {
	if !slices.ContainsFunc(p.steps, func(s step) bool { return s.tuned }) {
		t.join(p, key)
	}
	var profile, again *statement
	for i := range p.steps {
		s := &p.steps[i]
		if !s.tuned {
			continue
		}
		if why := s.opaque(); why != "" {
			again = &statement{place: Place{File: s.file.Path}, unknown: why, step: i}
		}
		for _, st := range s.stmts {
			to := &again
			if s.why == profileNote {
				to = &profile
			}
			if *to != nil {
				(*to).fate, (*to).why = FateLater, "overridden by "+st.place.String()
			}
			*to = st
		}
	}
	if t.unknown != "" {
		writes = append(writes, &statement{unknown: t.unknown})
	}
	for _, w := range []*statement{profile, again} {
		if w != nil {
			writes = append(writes, w)
		}
	}
	return writes
}

const (
	profileNote = "tuned writes it after the loader"
	againNote   = "tuned reads it again after its profile"
)

// join puts what tuned does at the end of the chain.
func (t *tuned) join(p *plan, key string) {
	for _, s := range t.sysctls {
		if len(p.steps) == 0 || p.steps[len(p.steps)-1].file.Path != s.place.File {
			p.steps = append(p.steps, step{file: File{Path: s.place.File, Kind: FileDir}, read: true, tuned: true, why: profileNote})
		}
		if at := &p.steps[len(p.steps)-1]; tunedPath(s.path) == key {
			s.step = len(p.steps) - 1
			at.stmts = append(at.stmts, s)
		}
	}
	for _, f := range t.again {
		p.steps = append(p.steps, step{file: f, read: true, tuned: true, why: againNote})
		s := &p.steps[len(p.steps)-1]
		for _, st := range againDialect.statements(len(p.steps)-1, f, key) {
			if st.match {
				s.stmts = append(s.stmts, st)
			}
		}
	}
}

// tunedPath is the path below /proc/sys of an option: dots and slashes always
// change places.
func tunedPath(option string) string {
	return strings.NewReplacer(".", "/", "/", ".").Replace(option)
}

var againDialect = dialect{program: "tuned", parse: func(text string, s *statement) bool {
	t := strings.TrimSpace(text)
	key, value, ok := strings.Cut(t, "=")
	if !ok || t[0] == '#' || t[0] == ';' {
		return false
	}
	s.path, s.value = tunedPath(strings.TrimSpace(key)), strings.TrimSpace(value)
	return true
}}
