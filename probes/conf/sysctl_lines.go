package conf

import "strings"

// statements are the lines of a file that concern the key, a path.
func (d *dialect) statements(step int, f File, key string) (all []*statement) {
	last := baseName(key)
	content := f.Content
	if f.Cut { // the last line may be half a line
		content = content[:strings.LastIndexByte(content, '\n')+1]
	}
	named := containsFold(content, last) || d.joins
	if !named && !hasGlob(content) {
		return nil
	}
	file := f.Path
	if f.Target != "" {
		file = linked(f)
	}
	s := new(statement) // the one that is tried
	for n, joined := 1, 0; content != ""; n += 1 + joined {
		var line string
		line, content, _ = strings.Cut(content, "\n")
		for joined = 0; d.joins && strings.HasSuffix(line, "\\") && content != ""; joined++ {
			var next string
			next, content, _ = strings.Cut(content, "\n")
			line = line[:len(line)-1] + next
		}
		if d.maxLine > 0 && len(line) >= d.maxLine {
			break
		}
		if !(hasGlob(line) && mayBegin(line, key[0])) && !(named && containsFold(line, last)) {
			continue
		}
		for _, text := range d.pieces(line) {
			*s = statement{step: step, place: Place{file, n}, text: text}
			if d.concerns(s, text, key) {
				all = append(all, s)
				s = new(statement)
			}
		}
	}
	return all
}

// hasGlob reports whether a text has a character of patterns, or their escape.
func hasGlob(text string) bool {
	return strings.IndexByte(text, '*') >= 0 || strings.IndexByte(text, '?') >= 0 || strings.IndexByte(text, '[') >= 0 ||
		strings.IndexByte(text, '\\') >= 0
}

// mayBegin reports whether the pattern in a line may begin with that letter.
// It only spares the reading of lines about other things.
func mayBegin(line string, first byte) bool {
	if strings.IndexByte(line, '\r') >= 0 || strings.IndexByte(line, 0) >= 0 {
		return true // more than one line to some loaders
	}
	i := 0
	for i < len(line) && (cSpace(line[i]) || line[i] == '-' || line[i] == '.' || line[i] == '/') {
		i++
	}
	return i == len(line) || line[i] == first || line[i] != '#' && line[i] != ';' && digitOf(line[i]) == 36
}

// pieces are the lines that the loader sees in a line. To those that do not
// end a line at NUL, it ends the text of the line (a string of C).
func (d *dialect) pieces(line string) []string {
	switch nul := strings.IndexByte(line, 0); {
	case nul >= 0 && !d.cr:
		line = line[:nul]
	case d.cr && (nul >= 0 || strings.IndexByte(strings.TrimRight(line, "\r"), '\r') >= 0):
		return strings.FieldsFunc(line, func(r rune) bool { return r == '\r' || r == 0 })
	}
	return []string{line}
}

// concerns parses a line and reports whether it matters for the key, or looks
// as if it were meant to.
func (d *dialect) concerns(s *statement, text, key string) bool {
	if d.parse(text, s) {
		if s.exclude && d.globExclude && strings.Contains(s.path, `\`) {
			s.glob = true // it is matched as a pattern is, and has an escape
		}
		switch {
		case s.glob:
			d.glob(s, key)
		case d.table && !d.climbs:
			s.match = s.path == key
		default:
			s.match = !strings.HasSuffix(s.path, "/") && climbed(simplify(s.path)) == key
		}
		if s.match {
			return true
		}
	}
	t := strings.TrimLeft(text, sysctlSpace)
	if t == "" || t[0] == '#' || t[0] == ';' || !containsFold(t, baseName(key)) {
		return false
	}
	s.fate, s.why = FateIgnored, d.program+" does not take this for the key"
	s.value = ""
	return true
}

// glob matches a pattern with the key. What a pattern does that is longer than
// a path can be, or that braces make too many of, is not known unless it begins
// otherwise: the loaders try it, and for some such patterns glob(3) fails.
func (d *dialect) glob(s *statement, key string) {
	all, whole := []string{s.path}, true
	if d.table && len(s.path) <= longPath {
		all, whole = braces(s.path)
	}
	if !whole || len(s.path) > longPath {
		s.result, s.match = key, mayName(s.path, key)
		s.unknown = s.place.String() + " has a pattern that is too much to follow"
		return
	}
	for _, p := range all {
		if s.result, s.match = globPath(p, key); s.match {
			return
		}
	}
	s.match = s.exclude && d.globExclude && fnmatch(s.path, key, false)
}

// containsFold reports whether text has part, which is in lower case, with
// ASCII letters in any case.
func containsFold(text, part string) bool {
	if strings.Contains(text, part) {
		return true
	}
	// An upper letter somewhere is needed, and most texts have few.
	for at := 0; len(text)-at >= len(part); at++ {
		c := strings.IndexFunc(text[at:], isUpper)
		if c < 0 {
			return false
		}
		for from := max(0, at+c-len(part)+1); from <= at+c && from+len(part) <= len(text); from++ {
			if strings.EqualFold(text[from:from+len(part)], part) {
				return true
			}
		}
		at += c
	}
	return false
}

func isUpper(r rune) bool { return 'A' <= r && r <= 'Z' }
