package conf

import (
	"slices"
	"strconv"
	"strings"
)

// LimitsModule is a line of a PAM stack that calls pam_limits.
type LimitsModule struct {
	At       Place
	Conf     string // conf=, "" for the usual files
	SetAll   bool   // set_all: what no line sets is set to the limits of process 1
	Optional bool   // its failure does not refuse the session
	// MaySkip is a line before it that may end the stack or jump over it, with
	// the zero Place if none does.
	MaySkip Place
}

// Stack is what opens a session of a service.
type Stack struct {
	Service string
	At      string // the file that was found, "" if none
	Modules []LimitsModule
	Unknown string // why the stack is not known; "" if it is
	Steps   []Step

	read int // lines so far, and for each file its size in pages
}

// pamLine is a session line with the place and the level of substacks it is
// in. The line that calls a substack stands before the lines of that.
type pamLine struct {
	at      Place
	control string
	module  string
	args    []string
	text    string
	level   int
}

// maxIncludes bounds files that include each other, and maxStack the lines
// that are read, which files that include others twice double without end.
const (
	maxIncludes = 32
	maxStack    = 4096
)

// PAMStack finds the session lines of a service in /etc/pam.d and the
// distribution's directories below it, following @include, include and
// substack. The first service that has a file counts: sessions of cron are
// "cron" on some hosts and "crond" on others.
func PAMStack(files []File, services ...string) Stack {
	for _, service := range append(slices.Clone(services), "other") {
		f, ok := pamFile(files, service)
		if !ok {
			continue
		}
		s := Stack{Service: service, At: f.Path}
		lines := s.lines(files, f, 0, 0)
		if s.Unknown == "" && len(lines) == 0 && service != "other" {
			continue // libpam takes the session lines of "other" then
		}
		s.collect(lines)
		return s
	}
	return Stack{Unknown: "no file of service " + strings.Join(services, " or ") + " in /etc/pam.d"}
}

func pamFile(files []File, service string) (File, bool) {
	if strings.HasPrefix(service, "/") {
		return fileAt(files, service)
	}
	for _, dir := range []string{"/etc/pam.d/", "/usr/lib/pam.d/", "/usr/etc/pam.d/", "/usr/share/pam.d/"} {
		if f, ok := fileAt(files, dir+service); ok {
			return f, true
		}
	}
	return File{}, false
}

// lines gives the session lines of a file. depth counts files that include
// each other, level counts substacks.
func (s *Stack) lines(files []File, f File, depth, level int) []pamLine {
	if s.read += len(f.Content) / 4096; depth >= maxIncludes {
		s.Unknown = f.Path + " is included too often"
		return nil
	}
	if k := f.kind(); k != FileRegular && k != FileLink {
		s.Unknown = f.Path + " is " + string(k)
		return nil
	}
	if f.Cut {
		s.Unknown = f.Path + " was not read to its end"
	}
	var out []pamLine
	all, whole := pamLines(f)
	if !whole {
		s.Unknown = f.Path + " ends in a line that goes on: libpam opens no session"
	}
	for _, l := range all {
		if s.read++; s.read > maxStack {
			s.Unknown = f.Path + " makes a stack of too many lines"
			return out
		}
		// The lines of auth, account and password are most of a file.
		if t := strings.TrimPrefix(l.Text, "-"); t == "" || t[0] != '@' && t[0]|0x20 != 's' {
			continue
		}
		p := pamFields(l.Text)
		if len(p) < 2 {
			continue
		}
		kind, control := strings.ToLower(strings.TrimPrefix(p[0], "-")), strings.ToLower(p[1])
		include := ""
		switch {
		case kind == "@include":
			include = p[1]
		case kind != "session" || len(p) < 3:
			continue
		case control == "include" || control == "substack":
			include = p[2]
		case strings.HasSuffix(p[2], "\r"):
			s.Unknown = l.At.String() + ": a carriage return is a part of the module's name"
		default:
			out = append(out, pamLine{at: l.At, control: control, module: baseName(p[2]), args: p[3:], text: l.Text, level: level})
		}
		if include == "" {
			continue
		}
		sub, ok := pamFile(files, include)
		if !ok {
			s.Unknown = l.At.String() + ": " + include + " is not there or was not collected"
			continue
		}
		inner := level
		if control == "substack" && kind == "session" {
			out = append(out, pamLine{at: l.At, control: control, level: level})
			inner++
		}
		out = append(out, s.lines(files, sub, depth+1, inner)...)
	}
	return out
}

// collect picks the lines of pam_limits out of the stack.
func (s *Stack) collect(lines []pamLine) {
	limits := func(l pamLine) bool { return l.module == "pam_limits.so" || l.module == "pam_limits" }
	var skips []int
	if slices.ContainsFunc(lines, limits) {
		skips = skippedBy(lines)
	}
	for i, l := range lines {
		if !limits(l) {
			continue
		}
		m := LimitsModule{At: l.at, Optional: !required(l.control)}
		for _, arg := range l.args {
			arg = strings.TrimPrefix(strings.TrimSuffix(arg, "]"), "[")
			if conf, ok := strings.CutPrefix(arg, "conf="); ok && conf != "" {
				m.Conf = conf
			}
			m.SetAll = m.SetAll || arg == "set_all"
		}
		if by := skips[i]; by >= 0 {
			m.MaySkip = lines[by].at
		}
		s.Modules = append(s.Modules, m)
		s.Steps = append(s.Steps, Step{At: l.at, Text: l.text, What: "pam_limits is called"})
	}
	if len(s.Modules) == 0 && s.Unknown == "" {
		s.Steps = append(s.Steps, Step{At: Place{File: s.At}, What: "no pam_limits: limits.conf is not read for this service"})
	}
}

// required reports whether a failure under that control fails the stack.
func required(control string) bool {
	if !strings.HasPrefix(control, "[") {
		return control == "required" || control == "requisite"
	}
	action := "bad" // libpam's own default for what is not named
	for _, word := range strings.Fields(strings.Trim(control, "[]")) {
		name, does, _ := strings.Cut(word, "=")
		if name == "perm_denied" {
			action = does
			break
		}
		if name == "default" {
			action = does
		}
	}
	return action == "bad" || action == "die"
}

// skippedBy is for each line the last line before it that may end the stack or
// jump over it, -1 if none may. What a line of a substack does ends with that,
// and a substack is one line to the lines beside it (pam_dispatch.c).
func skippedBy(lines []pamLine) []int {
	by := make([]int, len(lines))
	for i := range by {
		by[i] = -1
	}
	for j, l := range lines {
		ends, jump := leaves(l.control)
		if !ends && jump == 0 {
			continue
		}
		for i := j + 1; i < len(lines) && lines[i].level >= l.level; i++ {
			if !ends && lines[i].level == l.level {
				if jump--; jump < 0 {
					break
				}
			}
			by[i] = j
		}
	}
	return by
}

// leaves reports whether a line with that control may end the stack, or else
// over how many lines it may jump.
func leaves(control string) (ends bool, jump int) {
	if control[0] != '[' {
		return control == "sufficient", 0
	}
	for _, word := range strings.Fields(strings.Trim(control, "[]")) {
		_, action, _ := strings.Cut(word, "=")
		if action == "done" {
			return true, 0
		}
		if n, err := strconv.Atoi(action); err == nil {
			jump = max(jump, n)
		}
	}
	return false, jump
}

// pamFields cuts a line at blanks; [ ] keeps blanks together.
func pamFields(text string) []string {
	const blank = " \t\n"
	var out []string
	for text = strings.Trim(text, blank); text != ""; text = strings.TrimLeft(text, blank) {
		end := strings.IndexAny(text, blank)
		if text[0] == '[' {
			if i := strings.IndexByte(text, ']'); i >= 0 {
				end = i + 1
			}
		}
		if end < 0 {
			end = len(text)
		}
		out = append(out, text[:end])
		text = text[end:]
	}
	return out
}

// pamLines gives the lines of a file without comments and with those put
// together that a backslash continues, which blank lines and comments do not
// end (_pam_assemble_line of libpam's pam_handlers.c). whole is false if the
// file ends before such a line does, which is an error to libpam.
func pamLines(f File) (out []Step, whole bool) {
	var held []byte
	number, from, open := 0, 0, false
	out = make([]Step, 0, min(16, strings.Count(f.Content, "\n")+1))
	for line := range strings.Lines(f.Content) {
		number++
		line = strings.Trim(line, " \t\n")
		if line == "" || line[0] == '#' {
			continue
		}
		line, _, comment := strings.Cut(line, "#")
		body, more := strings.CutSuffix(strings.TrimRight(line, " \t"), `\`)
		if !open {
			from = number
		}
		if more && !comment {
			held = append(append(held, body...), ' ')
			open = true
			continue
		}
		out = append(out, Step{At: Place{f.Path, from}, Text: strings.Trim(string(held)+line, " \t")})
		held, open = held[:0], false
	}
	return out, !open
}
