package conf

import (
	"slices"
	"strings"
)

// unitName is a name of a unit in its parts: prefix@instance.suffix, where a
// template has no instance.
type unitName struct {
	prefix, instance, suffix string
	at                       bool
}

func splitUnit(name string) unitName {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return unitName{prefix: name}
	}
	n := unitName{prefix: name[:dot], suffix: name[dot:]}
	n.prefix, n.instance, n.at = strings.Cut(n.prefix, "@")
	return n
}

// templateOf is the template of an instance.
func templateOf(name string) (string, bool) {
	n := splitUnit(name)
	if n.instance == "" || n.suffix == "" {
		return "", false
	}
	return n.prefix + "@" + n.suffix, true
}

// dropInNames are the names of a unit's directories without .d, the closest
// first: itself, its template, its prefixes that end in a dash (since 239), as
// unit_file_find_dirs of systemd's dropin.c walks them. A prefix of a template
// is no template itself.
func (u *Unit) dropInNames(name string) []string {
	out := []string{name}
	add := func(more []string) {
		for _, n := range more {
			if !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	if t, ok := templateOf(name); ok {
		add(u.dropInNames(t))
	}
	n := splitUnit(name)
	prefix := strings.TrimSuffix(n.prefix, "-")
	dash := strings.LastIndexByte(prefix, '-')
	if n.suffix == "" || dash <= 0 || u.before(239) {
		return out
	}
	built := prefix[:dash+1]
	if n.instance != "" {
		built += "@" + n.instance
	}
	add(u.dropInNames(built + n.suffix))
	return out
}
