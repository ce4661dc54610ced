package conf

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// assignment is a line KEY=VALUE of a section.
type assignment struct {
	at               Place
	key, value, text string
}

// unitLines is the reading of one file.
type unitLines struct {
	u       *Unit
	file    string
	section string // whose lines are wanted
	in      string
	lines   []assignment
	include Place // a line that reads another file
}

// assignments reads the lines of a section, as config_parse of systemd's
// conf-parser.c does. bad is the line at which systemd gives the file up; what
// stands before it counts.
func (u Unit) assignments(f File, section string, out *UnitResult) (lines []assignment, bad string) {
	unknown := func(why string) {
		if out.Unknown == "" {
			out.Unknown = why
		}
	}
	if k := f.kind(); k != FileRegular && k != FileLink || f.Cut {
		unknown(f.Path + " was not read to its end")
		return nil, ""
	}
	l := unitLines{u: &u, file: f.Path, section: section}
	bad = l.read(f.Content)
	if l.include.File != "" {
		unknown(l.include.String() + " includes another file")
	}
	return l.lines, bad
}

// read takes a whole text, with lines that are continued put together.
func (l *unitLines) read(content string) (bad string) {
	var held []byte
	from, number, bom := 0, 1, false
	for content != "" {
		line, rest, newlines := systemdLine(content)
		content = rest
		at := number
		number += newlines
		if len(line) >= longLine || len(held)+len(line) > longLine {
			return fmt.Sprintf("%s:%d: the line is too long", l.file, at)
		}
		// A comment does not end a line that is continued; in the versions that
		// do not know that, it becomes a part of it.
		if t := strings.TrimLeft(line, blanks); t != "" && (t[0] == '#' || t[0] == ';') && (held == nil || !l.u.before(240)) {
			continue
		}
		if cut, ok := strings.CutPrefix(line, "\ufeff"); ok && !bom {
			line, bom = cut, true
		}
		if held == nil {
			from = at
		}
		if continues(line) {
			held = append(append(held, line[:len(line)-1]...), ' ')
			continue
		}
		if held != nil {
			line, held = string(held)+line, nil
		}
		if bad = l.take(line, from); bad != "" {
			return bad
		}
	}
	return l.take(string(held), from)
}

// take takes a line that is whole.
func (l *unitLines) take(line string, number int) (bad string) {
	body := strings.Trim(line, blanks)
	at := Place{l.file, number}
	if body == "" || body[0] == '#' || body[0] == ';' {
		return ""
	}
	if strings.HasPrefix(body, ".include") && l.u.Systemd < 246 {
		l.include = at
		return ""
	}
	a, header, why := l.u.assignment(body)
	switch {
	case why != "":
		return at.String() + ": " + why
	case header != "":
		l.in = header
	case l.in == l.section && a.key != "":
		a.at = at
		l.lines = append(l.lines, a)
	}
	return ""
}

// longLine is LONG_LINE_MAX of systemd, in bytes.
const longLine = 1 << 20

// systemdLine cuts the first line off a text as read_line_full of systemd's
// fileio.c does, to which \n, \r and NUL end a line, alone or together.
func systemdLine(content string) (line, rest string, newlines int) {
	end, found := 0, false
	// In windows, or a text without \n would be searched for it at every \r.
	for size := 256; !found; size *= 2 {
		window := content[:min(size, len(content))]
		if end = strings.IndexByte(window, '\n'); end < 0 {
			end = len(window)
		}
		found = end < len(window) || end == len(content)
		if i := strings.IndexByte(window[:end], '\r'); i >= 0 {
			end, found = i, true
		}
		if i := strings.IndexByte(window[:end], 0); i >= 0 {
			end, found = i, true
		}
	}
	line, seen := content[:end], [3]bool{}
	for i := end; ; i++ {
		which := -1
		if i < len(content) {
			which = strings.IndexByte("\n\r\x00", content[i])
		}
		if which < 0 || seen[which] || seen[2] {
			return line, content[i:], newlines
		}
		if seen[which] = true; which == 0 {
			newlines++
		}
	}
}

// continues reports whether a line ends in a backslash that no backslash
// before it has escaped.
func continues(line string) bool {
	n := len(line) - len(strings.TrimRight(line, `\`))
	return n%2 == 1
}

// assignment reads one line without the blanks around it: an assignment, a
// header, or neither; bad is why systemd reads no further.
func (u Unit) assignment(body string) (a assignment, header, bad string) {
	if !utf8.ValidString(body) {
		return a, "", "the line is not UTF-8"
	}
	if body[0] == '[' {
		if body[len(body)-1] != ']' || strings.ContainsFunc(body, isUnsafe) && !u.before(248) {
			return a, "", fmt.Sprintf("%q is not a section", clip(body))
		}
		if header = body[1:max(1, len(body)-1)]; header == "" {
			header = "[]"
		}
		return a, header, ""
	}
	key, value, ok := strings.Cut(body, "=")
	if !ok && u.before(240) {
		return a, "", "the line has no ="
	}
	if !ok {
		return a, "", ""
	}
	return assignment{key: strings.Trim(key, blanks), value: strings.Trim(value, blanks), text: body}, "", ""
}

// isUnsafe is what string_is_safe of systemd refuses in the name of a section.
func isUnsafe(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' || r == '"' || r == '\'' }
