package report

import (
	"strings"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// width is how many columns an escaped text takes. It is the function that
// lays out the table, with the width of East Asian ambiguous characters fixed
// instead of taken from the locale: the same report is the same bytes
// everywhere.
func width(s string) int {
	ascii := true
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf || s[i] == 0x1B {
			ascii = false
			break
		}
	}
	if ascii {
		return len(s)
	}
	return twwidth.WidthWithOptions(s, twwidth.Options{})
}

// signs are the characters of our own that ASCII replaces.
type signs struct{ ellipsis, arrow string }

func (o Options) signs() signs {
	if o.ASCII {
		return signs{ellipsis: "..", arrow: "->"}
	}
	return signs{ellipsis: "…", arrow: "→"}
}

// cutEnd is s in at most n columns, with mark where something is missing.
// n of 0 and less is unbounded.
func cutEnd(s string, n int, mark string) string {
	if n <= 0 || width(s) <= n {
		return s
	}
	return head(s, n-width(mark)) + mark
}

// cutMiddle is s in at most n columns without its middle: names of hosts
// differ at both ends.
func cutMiddle(s string, n int, mark string) string {
	if n <= 0 || width(s) <= n {
		return s
	}
	room := n - width(mark)
	return head(s, room-room/2) + mark + tail(s, room/2)
}

// head is as much of the beginning of s as n columns hold.
func head(s string, n int) string {
	used := 0
	for i, r := range s {
		w := width(string(r))
		if used+w > n {
			return s[:i]
		}
		used += w
	}
	return s
}

// tail is as much of the end of s as n columns hold.
func tail(s string, n int) string {
	i, used := len(s), 0
	for i > 0 {
		r, size := utf8.DecodeLastRuneInString(s[:i])
		w := width(string(r))
		if used+w > n {
			break
		}
		used, i = used+w, i-size
	}
	return s[i:]
}

// wrap breaks s at spaces into lines of at most n columns, and cuts a word
// that is longer. n of 0 and less is one line.
func wrap(s string, n int) []string { return wrapAt(s, " ", n) }

// wrapAt is wrap for a list with another separator, which stays at the end of
// its line.
func wrapAt(s, sep string, n int) []string {
	if n <= 0 || width(s) <= n {
		return []string{s}
	}
	var lines []string
	line := ""
	for word := range strings.SplitAfterSeq(s, sep) {
		if line != "" && width(line)+width(strings.TrimRight(word, " ")) > n {
			lines = append(lines, strings.TrimRight(line, " "))
			line = ""
		}
		line += word
		for width(strings.TrimRight(line, " ")) > n {
			h := head(line, n)
			if h == "" || h == line {
				break // a single character that is wider than the line
			}
			lines = append(lines, h)
			line = line[len(h):]
		}
	}
	if line = strings.TrimRight(line, " "); line != "" {
		lines = append(lines, line)
	}
	return lines
}

// atMost is the first n of lines; where some are missing the last one ends in
// mark.
func atMost(lines []string, n, columns int, mark string) []string {
	if n <= 0 || len(lines) <= n {
		return lines
	}
	lines = lines[:n]
	lines[n-1] = cutEnd(lines[n-1]+" "+lines[n-1], max(1, min(columns, width(lines[n-1])+width(mark))), mark)
	return lines
}

// pad fills s with spaces up to n columns.
func pad(s string, n int) string {
	if w := width(s); w < n {
		return s + strings.Repeat(" ", n-w)
	}
	return s
}
