package conf

import (
	"strings"
	"unicode/utf8"
)

// maxKept bounds the text of a line that a result keeps, in bytes: enough to
// know the line again, of which some have a megabyte.
const maxKept = 512

// kept is a text as a result keeps it: without the file around it, which it
// would hold in memory as long as the result lives.
func kept(text string) string {
	if len(text) > maxKept {
		return clip(text)
	}
	return strings.Clone(text)
}

// clip is the beginning of a text that is long, and the whole of any other. It
// is for what is told of a text, never for what is made of it.
func clip(text string) string {
	const more = "..."
	if len(text) <= maxKept {
		return text
	}
	end := maxKept - len(more)
	for i := range utf8.UTFMax { // not in the middle of a character
		if utf8.RuneStart(text[end-i]) {
			end -= i
			break
		}
	}
	return text[:end] + more
}
