package remote

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxExcerpt is how much text of a host goes into a reason, in bytes.
const maxExcerpt = 160

// excerpt is the begin of what a host printed as one quoted line, or empty if
// it printed nothing. Everything that is not plain text is escaped.
func excerpt(b []byte) string {
	s := excerptText(string(b))
	if s == "" {
		return ""
	}
	return `"` + s + `"`
}

// excerptEnds is excerpt with the middle left out instead of the end: below a
// message of the day stands why there is no shell.
func excerptEnds(b []byte) string {
	s := strings.Join(strings.Fields(strings.ToValidUTF8(string(b), "\uFFFD")), " ")
	const half = maxExcerpt / 2
	if len(s) <= maxExcerpt {
		return excerpt([]byte(s))
	}
	head, tail := s[:half], s[len(s)-half:]
	for len(head) > 0 && !utf8.RuneStart(s[len(head)]) {
		head = head[:len(head)-1]
	}
	for len(tail) > 0 && !utf8.RuneStart(tail[0]) {
		tail = tail[1:]
	}
	return `"` + excerptText(head) + " ... " + excerptText(tail) + `"`
}

// excerptText is excerpt without quotes.
func excerptText(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
	if len(s) > maxExcerpt {
		cut := maxExcerpt
		for !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "..."
	}
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(`"\`, r) {
			b.WriteByte('\\')
		}
		b.WriteString(escapeRune(r))
	}
	return b.String()
}

func escapeRune(r rune) string {
	if unicode.IsPrint(r) {
		return string(r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}
