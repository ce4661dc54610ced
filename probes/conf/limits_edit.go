package conf

import (
	"slices"
	"strings"
)

// SetLimits gives a limits file two lines for the user and the item, one soft
// and one hard, for a repair. A line of the user that sets just one of them gets the value
// in its place, the last of several; what is missing is added at the end. All
// other bytes stay. value is in the units of limits.conf(5), or "unlimited".
//
// It is tempting to write one line with a - instead: its hard half is lost
// where a better line has the soft one.
func SetLimits(content, user, item, soft, hard string) string {
	lines := strings.SplitAfter(content, "\n")
	if n := len(lines); lines[n-1] == "" {
		lines = lines[:n-1]
	}
	eol := "\n"
	if len(lines) > 0 && strings.HasSuffix(lines[0], "\r\n") {
		eol = "\r\n"
	}
	// A - line behind the explicit ones would take both back.
	dash, _ := lastLimit(lines, user, item, "-")
	for _, half := range []struct{ typ, value string }{{"soft", soft}, {"hard", hard}} {
		if at, plain := lastLimit(lines, user, item, half.typ); plain && at > dash {
			lines[at] = withValue(lines[at], half.value)
			continue
		}
		if n := len(lines); n > 0 && !strings.HasSuffix(lines[n-1], "\n") {
			lines[n-1] += eol
		}
		lines = append(lines, user+" "+half.typ+" "+item+" "+half.value+eol)
	}
	return strings.Join(lines, "")
}

// LimitsText are the values of the lines that SetLimits would change, "" where
// it would add one.
func LimitsText(content, user, item string) (soft, hard string) {
	lines := strings.SplitAfter(content, "\n")
	dash, _ := lastLimit(lines, user, item, "-")
	for typ, to := range map[string]*string{"soft": &soft, "hard": &hard} {
		if at, plain := lastLimit(lines, user, item, typ); plain && at > dash {
			body, _, _ := strings.Cut(lines[at], "#")
			*to = lower(strings.Fields(body)[3])
		}
	}
	return soft, hard
}

// lastLimit is the last line that sets that half for the user, -1 if none does.
// plain is whether it has four fields with only blanks and tabs between them: of
// others, versions of PAM make different values, so that such a line is left
// alone and outdone.
func lastLimit(lines []string, user, item, typ string) (at int, plain bool) {
	at = -1
	for i, line := range lines {
		body, _, _ := strings.Cut(line, "#")
		body = strings.Trim(body, " \t\n\v\f\r")
		f := strings.FieldsFunc(body, func(r rune) bool { return r < 0x80 && cSpace(byte(r)) })
		if len(f) >= 4 && len(line) < lineMax && !strings.Contains(line, "\x00") &&
			slices.Equal([]string{f[0], lower(f[1]), lower(f[2])}, []string{user, typ, item}) {
			at, plain = i, len(f) == 4 && !strings.ContainsAny(body, "\v\f\r")
		}
	}
	return at, plain
}

// withValue replaces the fourth field of a line.
func withValue(line, value string) string {
	body, comment, has := strings.Cut(line, "#")
	trimmed := strings.TrimRight(body, " \t\r\n\v\f")
	start := strings.LastIndexAny(trimmed, " \t\v\f\r") + 1
	out := trimmed[:start] + value + body[len(trimmed):]
	if has {
		out += "#" + comment
	}
	return out
}
