package conf

import "strings"

// pamLine is a session line with the place and the level of substacks it is
// in. The line that calls a substack stands before the lines of that.
type pamLine struct {
	at      Place
	control string
	module  string
	args    []string
	text    string
	level   int
}

// pamFields cuts a line at blanks; [ ] keeps blanks together.
func pamFields(text string) []string {
	const blank = " \t\n"
	var out []string
	for text = strings.Trim(text, blank); text != ""; text = strings.TrimLeft(text, blank) {
		end := strings.IndexAny(text, blank)
		if text[0] == '[' {
			if i := strings.IndexByte(text, ']'); i >= 0 {
				end = i + 1
			}
		}
		if end < 0 {
			end = len(text)
		}
		out = append(out, text[:end])
		text = text[end:]
	}
	return out
}

// pamLines gives the lines of a file without comments and with those put
// together that a backslash continues, which blank lines and comments do not
// end (_pam_assemble_line of libpam's pam_handlers.c). whole is false if the
// file ends before such a line does, which is an error to libpam.
func pamLines(f File) (out []Step, whole bool) {
	var held []byte
	number, from, open := 0, 0, false
	out = make([]Step, 0, min(16, strings.Count(f.Content, "\n")+1))
	for line := range strings.Lines(f.Content) {
		number++
		line = strings.Trim(line, " \t\n")
		if line == "" || line[0] == '#' {
			continue
		}
		line, _, comment := strings.Cut(line, "#")
		body, more := strings.CutSuffix(strings.TrimRight(line, " \t"), `\`)
		if !open {
			from = number
		}
		if more && !comment {
			held = append(append(held, body...), ' ')
			open = true
			continue
		}
		out = append(out, Step{At: Place{f.Path, from}, Text: strings.Trim(string(held)+line, " \t")})
		held, open = held[:0], false
	}
	return out, !open
}
