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
	program string                               // that speaks it
	pkg     string                               // whose version decides that it is this one
	parse   func(text string, s *statement) bool // false: not a statement
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
	systemd249 = dialect{program: "systemd-sysctl", pkg: "systemd", parse: parseSystemd(true, true), table: true, cr: true, maxLine: longLine}
	systemd245 = dialect{program: "systemd-sysctl", pkg: "systemd", parse: parseSystemd(true, true), table: true, cr: true, climbs: true, maxLine: longLine}
	systemd243 = dialect{program: "systemd-sysctl", pkg: "systemd", parse: parseSystemd(true, false), table: true, cr: true, climbs: true, maxLine: longLine}
	systemd207 = dialect{program: "systemd-sysctl", pkg: "systemd", parse: parseSystemd(false, false), table: true, climbs: true}
	procps405  = dialect{program: "sysctl", pkg: "procps", parse: parseProcps4, globExclude: true}
	procps400  = dialect{program: "sysctl", pkg: "procps", parse: parseProcps4}
	procps3316 = dialect{program: "sysctl", pkg: "procps", parse: parseProcps3(true)}
	procps33   = dialect{program: "sysctl", pkg: "procps", parse: parseProcps3(false)}
	busybox    = dialect{program: "busybox sysctl", pkg: "busybox", parse: parseBusybox, joins: true}
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
