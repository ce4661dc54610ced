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
}

// pamLine is a session line with the place and the substack it is in.
type pamLine struct {
	at      Place
	control string
	module  string
	args    []string
	text    string
	depth   int
}

// maxIncludes bounds files that include each other; libpam stops at 32.
const maxIncludes = 32

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
		lines := s.read(files, f, 0, 0)
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

// read gives the session lines of a file. depth counts substacks.
func (s *Stack) read(files []File, f File, level, depth int) []pamLine {
	if level >= maxIncludes {
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
	for _, l := range joinLines(f, "\\") {
		p := pamFields(l.Text)
		if len(p) < 2 {
			continue
		}
		kind, control := strings.ToLower(strings.TrimPrefix(p[0], "-")), strings.ToLower(p[1])
		include := ""
		switch {
		case kind == "@include":
			include = p[1]
		case kind == "session" && len(p) > 2 && (control == "include" || control == "substack"):
			include = p[2]
		case kind == "session" && len(p) > 2:
			out = append(out, pamLine{at: l.At, control: control, module: baseName(p[2]), args: p[3:], text: l.Text, depth: depth})
		}
		if include == "" {
			continue
		}
		sub, ok := pamFile(files, include)
		if !ok {
			s.Unknown = l.At.String() + ": " + include + " is not there or was not collected"
			continue
		}
		deeper := depth
		if control == "substack" && kind == "session" {
			deeper++
		}
		out = append(out, s.read(files, sub, level+1, deeper)...)
	}
	return out
}

// collect picks the lines of pam_limits out of the stack.
func (s *Stack) collect(lines []pamLine) {
	for i, l := range lines {
		if l.module != "pam_limits.so" && l.module != "pam_limits" {
			continue
		}
		m := LimitsModule{At: l.at, Optional: !required(l.control)}
		for _, arg := range l.args {
			if conf, ok := strings.CutPrefix(arg, "conf="); ok {
				m.Conf = conf
			}
			m.SetAll = m.SetAll || arg == "set_all"
		}
		for j, before := range lines[:i] {
			if leaves(before.control, i-j) {
				m.MaySkip = before.at
			}
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
	for _, word := range strings.Fields(strings.Trim(control, "[]")) {
		if name, action, _ := strings.Cut(word, "="); name == "perm_denied" || name == "default" {
			return action == "bad" || action == "die"
		}
	}
	return true // libpam's own default for what is not named is "bad"
}

// leaves reports whether a line with that control may end the stack or jump
// over a line that comes distance lines later.
func leaves(control string, distance int) bool {
	if control == "sufficient" {
		return true
	}
	for _, word := range strings.Fields(strings.Trim(control, "[]")) {
		_, action, _ := strings.Cut(word, "=")
		n, err := strconv.Atoi(action)
		if action == "done" || err == nil && n >= distance {
			return true
		}
	}
	return false
}

// pamFields cuts a line at blanks; [ ] keeps blanks together.
func pamFields(text string) []string {
	var out []string
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		end := strings.IndexAny(text, " \t")
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

// joinLines gives the lines of a file with continuations joined, comments at
// the beginning of a line and behind # left out.
func joinLines(f File, mark string) []Step {
	var out []Step
	open := false
	for i, line := range strings.Split(f.Content, "\n") {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimRight(line, "\r")
		body, more := strings.CutSuffix(line, mark)
		if open {
			out[len(out)-1].Text += " " + body
		} else if strings.TrimSpace(body) != "" {
			out = append(out, Step{At: Place{f.Path, i + 1}, Text: strings.TrimSpace(body)})
		} else {
			more = false
		}
		open = more
	}
	return out
}
