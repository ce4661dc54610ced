package inventory

import (
	"regexp"
	"strings"
)

var (
	// iniSection is the head of a section as Ansible knows it (ini.py).
	iniSection = regexp.MustCompile(`^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$`)
	iniGroup   = regexp.MustCompile(`^([^:\]\s]+)\s*(?:#.*)?$`)
	// plainBracket is a word of a plain list that looks like a section.
	plainBracket = regexp.MustCompile(`^\[[0-9,/-]+\]`)
	// iniRange is a range that only Ansible writes so.
	iniRange = regexp.MustCompile(`\[(?:[0-9]*:[0-9]+|[A-Za-z]:[A-Za-z])(?::[0-9]+)?\]`)
	// iniVariable is a variable behind a host.
	iniVariable = regexp.MustCompile(`^[^=#\s]+\s+[A-Za-z_]\w*=`)
)

// looksINI tells an inventory of Ansible from a plain list: by a section, a
// variable, a range with a colon or a comment that begins with a semicolon.
func looksINI(_, text string) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] == ';' || iniVariable.MatchString(line) {
			return true
		}
		line, _, _ = strings.Cut(line, "#")
		if iniRange.MatchString(line) || iniSection.MatchString(line) && !plainBracket.MatchString(line) && !isIP(strings.Trim(line, "[] ")) {
			return true
		}
	}
	return false
}

// iniReader reads an INI inventory line by line. A file begins as if with
// [ungrouped].
type iniReader struct {
	*ansibleFile
	at    position // of the line
	group *ansibleGroup
	kind  string // hosts, vars or children
}

// parseAnsible reads an inventory of Ansible, in YAML, JSON or INI.
func parseAnsible(file, text string) (contents, error) {
	if looksYAML(file, text) {
		return parseYAML(file, text)
	}
	return parseINI(file, text)
}

// parseINI reads an inventory of Ansible in INI, as Ansible's own ini.py does.
func parseINI(file, text string) (contents, error) {
	a := newAnsibleFile(file)
	r := &iniReader{ansibleFile: a, group: a.byName[groupUngrouped], kind: "hosts"}
	n := 0
	for raw := range strings.Lines(text) {
		n++
		raw = strings.TrimRight(raw, "\r\n")
		line := strings.TrimSpace(raw)
		if line == "" || line[0] == ';' || line[0] == '#' {
			continue
		}
		r.at = position{file, n, len([]rune(raw[:strings.Index(raw, line)])) + 1}
		if strings.ContainsAny(line, "\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029") {
			return contents{}, r.at.errorf("remove it", "the line has a character that Ansible takes for the end of a line")
		}
		if err := r.read(line); err != nil {
			return contents{}, err
		}
	}
	for _, g := range a.groups {
		if !g.declared {
			return contents{}, g.at.errorf("add a section ["+g.name+"], or correct the name", "group %q is used here and is nowhere declared", g.name)
		}
	}
	return contents{ansible: a}, nil
}

func (r *iniReader) read(line string) error {
	if m := iniSection.FindStringSubmatch(line); m != nil {
		return r.section(m[1], m[2])
	}
	if line[0] == '[' && strings.HasSuffix(line, "]") {
		return r.at.errorf("a section is written [GROUP], [GROUP:children] or [GROUP:vars]", "section %q is none", line)
	}
	switch r.kind {
	case "vars":
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return r.at.errorf("below [GROUP:vars] stands NAME=VALUE", "%q is no variable", line)
		}
		return r.groupVariable(r.group, strings.TrimSpace(name), pythonValue(strings.TrimSpace(value), r.at))
	case "children":
		m := iniGroup.FindStringSubmatch(line)
		if m == nil {
			return r.at.errorf("below [GROUP:children] stands the name of a group a line", "%q is no group", line)
		}
		child, err := r.named(m[1], r.at)
		if err != nil {
			return err
		}
		return r.nest(r.group, child, r.at)
	}
	return r.hostLine(line)
}

func (r *iniReader) section(name, kind string) error {
	if kind == "" {
		kind = "hosts"
	}
	if kind != "hosts" && kind != "vars" && kind != "children" {
		return r.at.errorf("the kinds are hosts, vars and children", "section [%s:%s] is of a kind that is not known", name, kind)
	}
	at := r.at
	at.col++
	g, err := r.named(name, at)
	if err != nil {
		return err
	}
	r.group, r.kind = g, kind
	g.declared = g.declared || kind != "vars"
	return nil
}

// hostLine reads NAME[:PORT] [VARIABLE=VALUE]...
func (r *iniReader) hostLine(line string) error {
	words, f := shellWords(line, true)
	if f != nil {
		return f.at(r.at, line)
	}
	if len(words) == 0 {
		return nil
	}
	place := func(w piece) position {
		at := r.at
		at.col += len([]rune(line[:w.off]))
		return at
	}
	names, port, f := ansibleNames(words[0].text)
	if f != nil {
		return f.at(place(words[0]), words[0].text)
	}
	// A host may stand here twice; what the line says is read once.
	var set ansibleVars
	for _, w := range words[1:] {
		name, value, ok := strings.Cut(w.text, "=")
		if !ok {
			return place(w).errorf("behind a host stands NAME=VALUE; quotes go around a value with spaces", "%q is no variable", w.text)
		}
		r.variable(&set, name, pythonValue(value, place(w)))
	}
	for _, name := range names {
		h, err := r.host(name, port, r.group, r.at)
		if err != nil {
			return err
		}
		for _, v := range set {
			h.vars.set(v.name, v.ansibleValue)
		}
	}
	return nil
}
