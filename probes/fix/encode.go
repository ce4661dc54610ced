package fix

import (
	"fmt"
	"path"
	"strings"
)

// chunkBytes is how much of a file one printf writes. An argument may have
// 128 KiB (MAX_ARG_STRLEN of the kernel), which counts where printf is a
// program of its own, as in mksh.
const chunkBytes = 2 << 10

// quote makes one word of the shell from any text.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// contentFunction is a function of the shell that prints bytes, whatever they
// are, the same in every shell: printf with a format in single quotes. Text
// stands in it as it is, for a person to review; all else in octal.
func contentFunction(name string, content []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "content_%s() {\n", name)
	if len(content) == 0 {
		b.WriteString("\t:\n")
	}
	for len(content) > 0 {
		n := chunk(content)
		fmt.Fprintf(&b, "printf '%s' || return\n", format(content[:n]))
		content = content[n:]
	}
	b.WriteString("}\n")
	return b.String()
}

// chunk is how many bytes the next printf gets: whole lines where they are not
// too long.
func chunk(content []byte) int {
	if len(content) <= chunkBytes {
		return len(content)
	}
	for n := chunkBytes; n > 0; n-- {
		if content[n-1] == '\n' {
			return n
		}
	}
	return chunkBytes
}

// format is a format of printf that prints exactly these bytes. A minus at its
// beginning would be taken for an option.
func format(content []byte) string {
	var b strings.Builder
	for i, c := range content {
		switch {
		case c == '\n':
			b.WriteByte(c)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '%':
			b.WriteString("%%")
		case c < ' ' || c > '~' || c == '\'' || c == '\\' || c == '-' && i == 0:
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// word is text that stands in a record between blanks, and in the link that is
// the lock: at most 64 of the letters that need no thought.
func word(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x80 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@._-+", r)) {
			return r
		}
		return '_'
	}, s)
	if len(s) > 64 {
		s = s[:64]
	}
	return s
}

// isWord reports whether a text can be the name of a run: it becomes that of a
// directory.
func isWord(s string) bool { return s != "" && s == word(s) && s[0] != '.' && s[0] != '-' }

// isPlainPath reports whether a path can be named in a line of the manifest:
// absolute, clean and without what ends a line or is trimmed from it.
func isPlainPath(p string) bool {
	return strings.HasPrefix(p, "/") && p != "/" && path.Clean(p) == p &&
		!strings.ContainsAny(p, "\n\x00") && strings.TrimSpace(p) == p
}
