package conf

import (
	"bytes"
	"strings"
)

// SetUnit gives a key a value in the text of a drop-in of a service, for a
// repair, and keeps every other byte. The last line of section [Service] that
// assigns the key gets the value; if none does, a line is added at the end, in
// a section of its own where the last one is another.
func SetUnit(content, key, value string) string {
	l := lastUnitLine(content, key)
	if l.end == 0 {
		return withUnitLine(content, l.section, key+"="+value, l.held)
	}
	return content[:l.start] + value + content[l.end:]
}

// UnitText is the value that SetUnit would replace, "" where it would add a
// line.
func UnitText(content, key string) string {
	l := lastUnitLine(content, key)
	return content[l.start:l.end]
}

// unitLine is where the value of the last assignment of a key stands; end is 0
// where none does. section and held are those of the last line: held says that
// it is continued.
type unitLine struct {
	start, end int
	section    string
	held       bool
}

func lastUnitLine(content, key string) (l unitLine) {
	for at := 0; at < len(content); {
		stop := len(content)
		if i := strings.IndexByte(content[at:], '\n'); i >= 0 {
			stop = at + i + 1
		}
		line := content[at:stop]
		body := strings.Trim(line, blanks)
		comment := body != "" && (body[0] == '#' || body[0] == ';')
		switch name, value, ok := strings.Cut(body, "="); {
		case comment || l.held:
		case strings.HasPrefix(body, "["):
			l.section = strings.Trim(body, "[]")
		case ok && l.section == "Service" && strings.Trim(name, blanks) == key && !continues(body):
			value = strings.Trim(value, blanks)
			l.end = at + len(strings.TrimRight(line, blanks))
			if value == "" { // blanks behind the = go with it
				l.end = at + strings.IndexByte(line, '=') + 1
			}
			l.start = l.end - len(value)
		case ok && l.section == "Service" && strings.Trim(name, blanks) == key:
			l.start, l.end = 0, 0 // its value goes on: outdone by a line of our own
		}
		if !comment { // one does not end a line that is continued
			l.held = continues(strings.TrimRight(line, "\r\n"))
		}
		at = stop
	}
	return l
}

// withUnitLine is content with one more line in section [Service], ended as
// the others are. held says that the last line is continued.
func withUnitLine(content, section, line string, held bool) string {
	newline := "\n"
	if i := strings.IndexByte(content, '\n'); i > 0 && content[i-1] == '\r' {
		newline = "\r\n"
	}
	var b bytes.Buffer
	b.WriteString(content)
	if content != "" && !strings.HasSuffix(content, "\n") {
		b.WriteString(newline)
	}
	if held {
		b.WriteString(newline)
	}
	if section != "Service" {
		b.WriteString("[Service]" + newline)
	}
	b.WriteString(line + newline)
	return b.String()
}
