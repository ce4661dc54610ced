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

// maxIncludes bounds files that include each other, and maxStack the lines
// that are read, which files that include others twice double without end.
const (
	maxIncludes = 32
	maxStack    = 4096
)

// PAMDirs are the directories of services, the first that has one counts: the
// host's own, that of distributions, and the two that builds with a vendor
// directory have (_pam_open_config_file of libpam's pam_handlers.c).
var PAMDirs = []string{"/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d", "/usr/share/pam.d"}

// PAMStack finds the session lines of a service in PAMDirs, following @include,
// include and substack. The first service that has a file counts: sessions of
// cron are "cron" on some hosts and "crond" on others. A directory that is
// FileUnreadable may have any service that was not found before it.
func PAMStack(files []File, services ...string) Stack {
	for _, service := range append(slices.Clone(services), "other") {
		f, ok, closed := pamFile(files, service)
		if closed != "" {
			return Stack{Service: service, Unknown: closed + " cannot be read, and service " + service + " may be there"}
		}
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

// pamFile finds the file of a service; closed is a directory that cannot be
// read and may have it.
func pamFile(files []File, service string) (f File, ok bool, closed string) {
	if strings.HasPrefix(service, "/") {
		f, ok = fileAt(files, service)
		return f, ok, ""
	}
	for _, dir := range PAMDirs {
		if f, ok = fileAt(files, dir+"/"+service); ok {
			return f, true, ""
		}
		if d, _ := fileAt(files, dir); d.kind() == FileUnreadable {
			return File{}, false, dir
		}
	}
	return File{}, false, ""
}

// lines gives the session lines of a file. depth counts files that include
// each other, level counts substacks.
func (s *Stack) lines(files []File, f File, depth, level int) (out []pamLine) {
	if !s.opens(f, depth) {
		return nil
	}
	all, whole := pamLines(f)
	if !whole {
		s.Unknown = f.Path + " ends in a line that goes on: libpam opens no session"
	}
	for _, l := range all {
		if s.read++; s.read > maxStack {
			s.Unknown = f.Path + " makes a stack of too many lines"
			return out
		}
		line, include, ok := s.session(l, level)
		if !ok {
			continue
		}
		if include == "" || line.control == "substack" {
			out = append(out, line)
		}
		if include != "" {
			out = append(out, s.include(files, include, line, depth)...)
		}
	}
	return out
}

// opens reports whether the lines of a file can be read; that they are not all
// of them is noted.
func (s *Stack) opens(f File, depth int) bool {
	if s.read += len(f.Content) / 4096; depth >= maxIncludes {
		s.Unknown = f.Path + " is included too often"
		return false
	}
	if k := f.kind(); k != FileRegular && k != FileLink {
		s.Unknown = f.Path + " is " + string(k)
		return false
	}
	if f.Cut {
		s.Unknown = f.Path + " was not read to its end"
	}
	return true
}

// session takes a line apart: one of a session, or the service whose lines it
// includes. ok is false for any other.
func (s *Stack) session(l Step, level int) (line pamLine, include string, ok bool) {
	// The lines of auth, account and password are most of a file.
	if t := strings.TrimPrefix(l.Text, "-"); t == "" || t[0] != '@' && t[0]|0x20 != 's' {
		return line, "", false
	}
	p := pamFields(l.Text)
	if len(p) < 2 {
		return line, "", false
	}
	line = pamLine{at: l.At, text: l.Text, level: level}
	kind := strings.ToLower(strings.TrimPrefix(p[0], "-"))
	if kind == "@include" {
		return line, p[1], true
	}
	if kind != "session" || len(p) < 3 {
		return line, "", false
	}
	line.control = strings.ToLower(p[1])
	switch {
	case line.control == "include" || line.control == "substack":
		return line, p[2], true
	case strings.HasSuffix(p[2], "\r"):
		s.Unknown = l.At.String() + ": a carriage return is a part of the module's name"
		return line, "", false
	}
	line.module, line.args = baseName(p[2]), p[3:]
	return line, "", true
}

// include gives the session lines of a service that a line includes.
func (s *Stack) include(files []File, service string, by pamLine, depth int) []pamLine {
	f, ok, closed := pamFile(files, service)
	switch {
	case closed != "":
		s.Unknown = by.at.String() + ": " + closed + " cannot be read, and " + clip(service) + " may be there"
		return nil
	case !ok:
		s.Unknown = by.at.String() + ": " + clip(service) + " is not there or was not collected"
		return nil
	}
	level := by.level
	if by.control == "substack" {
		level++
	}
	return s.lines(files, f, depth+1, level)
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
				m.Conf = strings.Clone(conf)
			}
			m.SetAll = m.SetAll || arg == "set_all"
		}
		if by := skips[i]; by >= 0 {
			m.MaySkip = lines[by].at
		}
		s.Modules = append(s.Modules, m)
		s.Steps = append(s.Steps, Step{At: l.at, Text: kept(l.text), What: "pam_limits is called"})
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
