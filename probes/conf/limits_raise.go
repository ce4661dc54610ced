package conf

import (
	"fmt"
	"slices"
	"strings"
)

// FreeLimit makes the value of a line of a limits file unlimited in its place,
// for a repair: line n, which has to be one of the item. It never adds a line.
// Every other byte stays.
func FreeLimit(content, item string, n int) (string, error) {
	return editLimit(content, n, func(line string, f []string) (string, error) {
		if lower(f[2]) != item {
			return "", fmt.Errorf("the line is not about %s", item)
		}
		return withValue(line, "unlimited"), nil
	})
}

// RenameLimit gives a line of a limits file another item in its place, for a
// repair. Only a line that frees from a limit is renamed: one with a number
// would begin to limit.
func RenameLimit(content, from, to string, n int) (string, error) {
	return editLimit(content, n, func(line string, f []string) (string, error) {
		switch {
		case lower(f[2]) != from:
			return "", fmt.Errorf("the line is not about %s", from)
		case !slices.Contains([]string{"unlimited", "infinity", "-1"}, lower(f[3])):
			return "", fmt.Errorf("as a line of %s, %s would begin to limit", to, clip(f[3]))
		case !slices.Contains([]string{"soft", "hard", "-"}, lower(f[1])):
			return "", fmt.Errorf("%q is no type of a line", clip(f[1]))
		}
		rest := line
		at := 0
		for _, word := range f[:2] {
			i := strings.Index(rest, word) + len(word)
			at, rest = at+i, rest[i:]
		}
		i := at + strings.Index(rest, f[2])
		return line[:i] + to + line[i+len(f[2]):], nil
	})
}

// editLimit hands line n and its four fields to edit. A line that builds of
// pam_limits cut in different ways is refused.
func editLimit(content string, n int, edit func(line string, fields []string) (string, error)) (string, error) {
	lines := strings.SplitAfter(content, "\n")
	if n < 1 || n > len(lines) {
		return "", fmt.Errorf("there is no line %d", n)
	}
	line := lines[n-1]
	body, _, _ := strings.Cut(line, "#")
	body = strings.TrimRight(strings.TrimRight(body, "\n"), "\r")
	f := strings.FieldsFunc(body, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(f) != 4 || len(line) >= lineMax || strings.ContainsAny(body, "\x00\v\f\r") {
		return "", fmt.Errorf("line %d is not four plain words", n)
	}
	changed, err := edit(line, f)
	if err != nil {
		return "", err
	}
	lines[n-1] = changed
	return strings.Join(lines, ""), nil
}
