package report

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape makes text from a host safe for a terminal. What could move the
// cursor, change colours, reverse the reading order or hide is shown as an
// escape and never dropped, so that two different texts stay different to the
// eye: a newline as \n, other control characters and bytes that are not UTF-8
// as \x1b, runes as \u202e. All other text stays as it is, backslashes too,
// so that escaping twice is escaping once.
func Escape(s string) string {
	i := firstUnsafe(s)
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	b.WriteString(s[:i])
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !unsafeRune(r):
			b.WriteString(s[i : i+size])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xFFFF:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		i += size
	}
	return b.String()
}

// firstUnsafe is the offset of the first byte that Escape changes, -1 if none.
func firstUnsafe(s string) int {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c < 0x20 || c == 0x7F {
				return i
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || unsafeRune(r) {
			return i
		}
		i += size
	}
	return -1
}

// unsafeRune says whether a rune is none that prints: C0, DEL and C1, format
// characters (bidi controls, zero-width, tags), line and paragraph
// separators, spaces that are not the space, private use, and letters and
// marks that Unicode says are not shown (UAX #44, Default_Ignorable_Code_Point).
func unsafeRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r < 0x20 || r == 0x7F
	}
	return !unicode.IsPrint(r) ||
		unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) ||
		unicode.Is(unicode.Variation_Selector, r)
}

// ShellWord is s as one word of a POSIX shell: what is plain as it is, the rest
// in quotes. It does not escape: what is printed goes through [Escape], which
// leaves quotes as they are.
func ShellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@,=+%", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// EscapeJSON makes encoded JSON safe for a terminal: it escapes what encoding/json lets through and a terminal does not
// bear: DEL, C1, bidi controls and the like. Outside ASCII, JSON has strings
// only, so that \u escapes are right wherever such a rune stands.
func EscapeJSON(b []byte) []byte {
	i := bytes.IndexFunc(b, func(r rune) bool { return r >= 0x7F && unsafeRune(r) })
	if i < 0 {
		return b
	}
	out := make([]byte, 0, len(b)+64)
	out = append(out, b[:i]...)
	for i < len(b) {
		r, size := utf8.DecodeRune(b[i:])
		switch {
		case r < 0x7F || !unsafeRune(r):
			out = append(out, b[i:i+size]...)
		case r <= 0xFFFF:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF)
		}
		i += size
	}
	return out
}
