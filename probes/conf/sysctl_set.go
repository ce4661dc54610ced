package conf

import "strings"

// SetSysctl gives the key a value in the text of a sysctl file, for a repair,
// and keeps every other byte. The last line that assigns the key keeps its
// spelling and gets the value; if a line takes the key out after it, or no line
// assigns it, a line is appended, ended as the other lines are.
//
// Lines before the last one stay: they lose already. Patterns stay too.
func SetSysctl(content, key, value string) string {
	start, end, found := lastAssignment(content, slashed(key))
	if !found {
		return appended(content, key, value)
	}
	line := content[start:end]
	i := strings.IndexByte(line, '=') + 1
	rest := strings.TrimLeft(line[i:], " \t")
	old := number(strings.TrimRight(rest, sysctlSpace))
	return content[:end-len(rest)] + value + rest[len(old):] + content[end:]
}

// SysctlText is the value that SetSysctl would replace; ok is false where it
// would append a line.
func SysctlText(content, key string) (value string, ok bool) {
	start, end, ok := lastAssignment(content, slashed(key))
	_, value, _ = strings.Cut(content[start:end], "=")
	return number(strings.Trim(value, sysctlSpace)), ok
}

// lastAssignment finds the last line that assigns the key, if no line takes it
// out after it.
func lastAssignment(content, path string) (start, end int, found bool) {
	joined := false
	for at := 0; at < len(content); {
		stop := len(content)
		if i := strings.IndexByte(content[at:], '\n'); i >= 0 {
			stop = at + i + 1
		}
		switch line := content[at:stop]; {
		case !joined && assignsPlainly(line, path):
			start, end, found = at, stop, true
		case mentions(line, path):
			found = false
		}
		line := strings.TrimRight(content[at:stop], "\r\n")
		joined = strings.HasSuffix(line, "\\") || joined && line == ""
		at = stop
	}
	return start, end, found
}

// number is the value without a remark behind it. Every loader takes the remark
// for a part of the value, and the kernel takes the number and leaves what
// stands behind a blank.
func number(value string) string {
	i := strings.IndexAny(value, " \t")
	if i <= 0 || !strings.HasPrefix(strings.TrimLeft(value[i:], " \t"), "#") {
		return value
	}
	return value[:i]
}

// assignsPlainly reports whether every loader takes the line for an assignment
// of the key.
func assignsPlainly(line, path string) bool {
	if strings.Contains(strings.TrimRight(line, "\r\n"), "\r") || strings.HasSuffix(strings.TrimRight(line, "\r\n"), "\\") {
		return false
	}
	name, _, ok := strings.Cut(line, "=")
	return ok && slashed(strings.Trim(name, " \t")) == path
}

// mentions reports whether some loader may take the line for the key.
func mentions(line, path string) bool {
	t := strings.TrimLeft(line, sysctlSpace)
	if strings.HasSuffix(strings.TrimRight(line, "\r\n"), "\\") || strings.Contains(strings.TrimRight(line, "\r\n"), "\r") {
		return true
	}
	return t != "" && t[0] != '#' && t[0] != ';' && strings.Contains(line, baseName(path))
}

// appended is content with one more line. A file that ends with a line that
// is continued gets an empty line between.
func appended(content, key, value string) string {
	newline := "\n"
	if i := strings.IndexByte(content, '\n'); i > 0 && content[i-1] == '\r' {
		newline = "\r\n"
	}
	if content != "" && !strings.HasSuffix(content, "\n") {
		content += newline
	}
	if strings.HasSuffix(strings.TrimRight(content, "\r\n"), "\\") {
		content += "#" + newline
	}
	return content + key + " = " + value + newline
}
