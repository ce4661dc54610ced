package probes

import "strings"

// What most lines of a log have, by hand: a regular expression that finds the
// same costs ten times as much, and a fleet has many lines. Each has its
// expression in a test.

// findStamp finds the time that a line begins with: date and time of day, a
// fraction, a zone, all of it in brackets or not. n is its length, 0 for none.
//
//	^\[?(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:[.,]\d+)? ?(Z|UTC|GMT|[+-]\d\d:?\d\d)?\]?
func findStamp(line string) (date, clock, zone string, n int) {
	if strings.HasPrefix(line, "[") {
		n = 1
	}
	const sample = "0000-00-00 00:00:00"
	if len(line) < n+len(sample) {
		return "", "", "", 0
	}
	for i := range len(sample) {
		c, want := line[n+i], sample[i]
		if c != want && !(want == '0' && isDigit(c)) && !(want == ' ' && c == 'T') {
			return "", "", "", 0
		}
	}
	date, clock = line[n:n+10], line[n+11:n+19]
	n += len(sample)
	if n+1 < len(line) && (line[n] == '.' || line[n] == ',') && isDigit(line[n+1]) {
		for n++; n < len(line) && isDigit(line[n]); n++ {
		}
	}
	if n < len(line) && line[n] == ' ' {
		n++
	}
	zone = zoneAt(line[n:])
	n += len(zone)
	if n < len(line) && line[n] == ']' {
		n++
	}
	return date, clock, zone, n
}

// zoneAt is the zone that a text begins with, "" for none.
func zoneAt(s string) string {
	for _, name := range []string{"Z", "UTC", "GMT"} {
		if strings.HasPrefix(s, name) {
			return name
		}
	}
	for _, form := range []string{"+00:00", "+0000"} {
		if len(s) < len(form) {
			continue
		}
		fits := true
		for i := range len(form) {
			fits = fits && (s[i] == form[i] || form[i] == '0' && isDigit(s[i]) || form[i] == '+' && s[i] == '-')
		}
		if fits {
			return s[:len(form)]
		}
	}
	return ""
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// cutRest takes apart what stands behind the level: a thread in brackets, the
// logger, a thread again, and the message. The text is one line.
//
//	^[\] |:]*(?:\[[^\]]*\] +)?([A-Za-z_][\w.$-]*)?\s*(?:\[[^\]]*\]\s*)?(?: - |- |: )?(.*)$
func cutRest(s string) (logger, message string) {
	s = strings.TrimLeft(s, "] |:")
	if after, ok := cutBrackets(s); ok && strings.HasPrefix(after, " ") {
		s = strings.TrimLeft(after, " ")
	}
	n := 0
	for n < len(s) && isNameByte(s[n], n == 0) {
		n++
	}
	logger, s = s[:n], strings.TrimLeft(s[n:], whitespace)
	if after, ok := cutBrackets(s); ok {
		s = strings.TrimLeft(after, whitespace)
	}
	for _, mark := range []string{" - ", "- ", ": "} {
		if rest, ok := strings.CutPrefix(s, mark); ok {
			s = rest
			break
		}
	}
	return logger, s
}

// whitespace are what \s stands for.
const whitespace = " \t\n\f\r"

// cutBrackets takes a text in brackets off the begin of another.
func cutBrackets(s string) (after string, ok bool) {
	if !strings.HasPrefix(s, "[") {
		return s, false
	}
	_, after, ok = strings.Cut(s, "]")
	return after, ok
}

// isNameByte reports whether a byte may stand in the name of a logger.
func isNameByte(c byte, first bool) bool {
	return c|0x20-'a' < 26 || c == '_' || !first && (isDigit(c) || c == '.' || c == '$' || c == '-')
}
