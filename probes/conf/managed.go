package conf

import "strings"

// managers are the words by which a file says that a program writes it, and
// the program. The more particular ones stand first.
var managers = []struct{ word, name string }{
	{"ansible", "Ansible"}, {"puppet", "Puppet"}, {"chef", "Chef"}, {"saltstack", "Salt"}, {"managed by salt", "Salt"},
	{"cfengine", "CFEngine"}, {"cloud-init", "cloud-init"}, {"saptune", "saptune"},
	{"managed by", "another program"}, {"do not edit", "another program"}, {"do not modify", "another program"},
}

// ManagedBy finds a mark in the first 20 lines of a file which says that a
// program writes it and will undo what anybody else changes: the program, and
// the place of the mark; "" where there is none. Only comments count.
func ManagedBy(f File) (name string, at Place) {
	n := 0
	for line := range strings.Lines(f.Content) {
		if n++; n > 20 {
			break
		}
		text := strings.ToLower(strings.TrimSpace(line))
		if text == "" || text[0] != '#' && text[0] != ';' {
			continue
		}
		for _, m := range managers {
			if strings.Contains(text, m.word) {
				return m.name, Place{f.Path, n}
			}
		}
	}
	return "", Place{}
}
