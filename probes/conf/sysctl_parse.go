package conf

import (
	"slices"
	"strings"
)

// statement is a line that concerns the key.
type statement struct {
	step    int
	place   Place
	text    string
	path    string // below /proc/sys, as the loader compares it
	value   string
	glob    bool
	exclude bool   // "-key" without a value
	match   bool   // it sets the key (or takes it out)
	result  string // of a glob: the path it gives for the key
	unknown string // why the value is not known
	only    byte   // '>' or '<': set only if greater or less (tuned)

	fate SysctlFate
	why  string
}

// dialect is how a loader understands a line.
type dialect struct {
	name  string
	parse func(text string, s *statement) bool // false: not a statement
	// systemd keeps one entry a path and writes at the end; the others write
	// each line.
	table       bool
	globExclude bool // "-pattern" keeps patterns off (procps 4.0.5)
	joins       bool // \ at the end of a line joins it with the next
	cr          bool // a carriage return or NUL ends a line, wherever it stands
	climbs      bool // the table has paths with ".." too
	maxLine     int  // bytes; a longer line ends the file
}

// The dialects, by the first version that speaks them.
var (
	systemd249 = dialect{name: "systemd 245", parse: parseSystemd(true, true), table: true, cr: true, maxLine: longLine}
	systemd245 = dialect{name: "systemd 245", parse: parseSystemd(true, true), table: true, cr: true, climbs: true, maxLine: longLine}
	systemd243 = dialect{name: "systemd 243", parse: parseSystemd(true, false), table: true, cr: true, climbs: true, maxLine: longLine}
	systemd207 = dialect{name: "systemd 207", parse: parseSystemd(false, false), table: true, climbs: true}
	procps405  = dialect{name: "procps 4.0.5", parse: parseProcps4, globExclude: true}
	procps400  = dialect{name: "procps 4.0.0", parse: parseProcps4}
	procps3316 = dialect{name: "procps 3.3.16", parse: parseProcps3(true)}
	procps33   = dialect{name: "procps 3.3", parse: parseProcps3(false)}
	busybox    = dialect{name: "busybox", parse: parseBusybox, joins: true}
)

const (
	blanks      = " \t\n\r"     // what systemd strips
	sysctlSpace = " \t\n\v\f\r" // isspace(3) of C
	globs       = "*?["
)

// parseSystemd reads a line as parse_file of systemd's sysctl.c does. A "-"
// before an assignment came with 243, patterns and exclusions with 245.
func parseSystemd(dash, patterns bool) func(string, *statement) bool {
	return func(text string, s *statement) bool {
		t := strings.Trim(text, blanks)
		if t == "" || t[0] == '#' || t[0] == ';' {
			return false
		}
		key, value, assigns := strings.Cut(t, "=")
		switch {
		case strings.HasPrefix(key, "-") && (assigns && dash || patterns):
			key = key[1:]
		case !assigns:
			return false
		}
		s.exclude, s.value = !assigns, strings.Trim(value, blanks)
		s.path = simplify(slashed(strings.Trim(key, blanks)))
		s.glob = patterns && strings.ContainsAny(s.path, globs)
		return true
	}
}

// parseProcps4 reads a line as parse_setting_line of procps 4 does: blanks
// between "-" and the key stay, a second "-" goes.
func parseProcps4(text string, s *statement) bool {
	t := strings.TrimLeft(text, sysctlSpace)
	if t == "" || t[0] == '#' || t[0] == ';' {
		return false
	}
	key, value, assigns := strings.Cut(t, "=")
	if !assigns && key[0] != '-' {
		return false
	}
	key = strings.TrimRight(strings.TrimPrefix(key, "-"), sysctlSpace)
	s.exclude, s.value = !assigns, strings.Trim(value, sysctlSpace)
	s.path = slashed(strings.TrimPrefix(key, "-"))
	s.glob = strings.ContainsAny(s.path, globs)
	return true
}

// parseProcps3 reads a line as Preload of procps 3.3 does. An exclusion has
// no value, which it cannot use.
func parseProcps3(dash bool) func(string, *statement) bool {
	return func(text string, s *statement) bool {
		t := strings.TrimRight(strings.TrimLeft(text, " \t"), blanks)
		if len(t) < 2 || t[0] == '#' || t[0] == ';' {
			return false
		}
		key, value, assigns := strings.Cut(strings.TrimLeft(t, "="), "=")
		key = strings.TrimRight(key, blanks)
		value, _, _ = strings.Cut(strings.TrimLeft(value, "\n\r"), "\r")
		if value == "" || !assigns {
			return false
		}
		if dash {
			key = strings.TrimPrefix(key, "-")
		}
		s.path, s.value = slashed(key), strings.TrimLeft(value, " \t")
		return true
	}
}

// parseBusybox reads a line as busybox sysctl does: dots and slashes mean the
// same wherever that names a file, and a whole path below /proc/sys will do.
func parseBusybox(text string, s *statement) bool {
	t := strings.TrimLeft(text, sysctlSpace)
	if t == "" || t[0] == '#' || t[0] == ';' {
		return false
	}
	key, value, _ := strings.Cut(t, "=")
	key, s.value = strings.Trim(key, sysctlSpace), strings.Trim(value, sysctlSpace)
	if key == "" || s.value == "" {
		return false
	}
	key = strings.TrimPrefix(key, "/proc/sys/")
	if strings.HasPrefix(key, ".") || strings.HasPrefix(key, "/") {
		return false
	}
	dot, slash := strings.IndexByte(key, '.'), strings.IndexByte(key, '/')
	switch c := key[len(key)-1]; {
	case dot >= 0 && dot < slash || c == '.' || c == '/':
		s.path = slashed(key) // dots and slashes change places
	case slash >= 0 && strings.Contains(key, ".."):
		s.path = simplify(key)
	default:
		s.path = simplify(strings.ReplaceAll(key, ".", "/"))
	}
	return true
}

// slashed turns a key into a path below /proc/sys: if the first separator is
// a dot, dots and slashes change places.
func slashed(key string) string {
	i := strings.IndexAny(key, "./")
	if i < 0 || key[i] == '/' {
		return key
	}
	return strings.Map(func(r rune) rune {
		switch r {
		case '.':
			return '/'
		case '/':
			return '.'
		}
		return r
	}, key)
}

// climbed follows the parts ".." of a path, as the kernel does with what is
// opened; "" if a part before one is no directory that every kernel has.
func climbed(path string) string {
	if !strings.Contains(path, "..") {
		return path
	}
	var here []string
	for _, part := range strings.Split(path, "/") {
		if part != ".." {
			here = append(here, part)
			continue
		}
		if len(here) != 1 || !slices.Contains([]string{"debug", "dev", "fs", "kernel", "net", "user", "vm"}, here[0]) {
			return ""
		}
		here = here[:0]
	}
	return strings.Join(here, "/")
}

// simplify drops repeated slashes and parts ".".
func simplify(path string) string {
	if !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, ".") && !strings.HasSuffix(path, "/") &&
		!strings.Contains(path, "//") && !strings.Contains(path, "/.") {
		return path
	}
	parts := strings.Split(path, "/")
	kept := parts[:0]
	for _, p := range parts {
		if p != "" && p != "." {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, "/")
}

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

// hasGlob reports whether a text has a character of patterns.
func hasGlob(text string) bool {
	return strings.IndexByte(text, '*') >= 0 || strings.IndexByte(text, '?') >= 0 || strings.IndexByte(text, '[') >= 0
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
		switch {
		case s.glob && !d.table:
			s.result, s.match = globPath(s.path, key)
			s.match = s.match || s.exclude && d.globExclude && fnmatch(s.path, key, false)
		case s.glob:
			s.match = slices.ContainsFunc(braces(s.path), func(p string) bool { _, ok := globPath(p, key); return ok })
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
	s.fate, s.why = FateIgnored, d.name+" does not take this for the key"
	s.value = ""
	return true
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
