package conf

import (
	"iter"
	"strings"
)

// limitLine is a line of a limits file as pam_limits cuts it. n is the number
// of fields it found; fields are read only as far as it does.
type limitLine struct {
	at                        Place
	text                      string // without blanks around it; see kept
	own                       bool   // text is a copy
	n                         int
	domain, typ, item, value  string
	itemWritten, valueWritten string // before lower case
}

// lineMax is how much of a line pam_limits before 1.6.0 reads at once, in
// bytes; the rest is a line of its own to it, even behind a #.
const lineMax = 1023

// limitLines cuts a file into what pam_limits takes for lines. Empty ones and
// comments are left out.
func limitLines(f File, v Variant) iter.Seq[*limitLine] {
	return func(yield func(*limitLine) bool) {
		number, long := 0, v.longLines()
		for line := range strings.Lines(f.Content) {
			number++
			line = strings.TrimSuffix(line, "\n")
			for line != "" {
				piece := line
				if !long && len(line) > lineMax {
					piece = line[:lineMax]
				}
				line = line[len(piece):]
				if l, ok := readLimitLine(piece, Place{f.Path, number}, v); ok && !yield(l) {
					return
				}
			}
		}
	}
}

// readLimitLine cuts a line into its fields; ok is false for one without any.
func readLimitLine(raw string, at Place, v Variant) (l *limitLine, ok bool) {
	body := strings.TrimLeft(raw, " \t\n\v\f\r")
	if i := strings.IndexByte(body, 0); i >= 0 { // a C string ends there
		body = body[:i]
	}
	if i := strings.IndexByte(body, '#'); i >= 0 {
		body = body[:i]
	}
	if body == "" {
		return nil, false
	}
	raw, _, _ = strings.Cut(raw, "\x00")
	l = &limitLine{at: at, text: strings.TrimSpace(raw)}
	if v.longLines() {
		l.splitNew(body, v)
	} else {
		l.splitOld(body)
	}
	l.typ = lower(l.typ)
	l.itemWritten, l.valueWritten = l.item, l.value
	l.item, l.value = lower(l.item), lower(l.value)
	return l, true
}

// kept is the line as results keep it. Most lines are for others, and need no
// copy.
func (l *limitLine) kept() string {
	if !l.own {
		l.text, l.own = kept(l.text), true
	}
	return l.text
}

// splitOld cuts as sscanf does: at any white space, and a fifth field is lost.
func (l *limitLine) splitOld(body string) {
	for _, to := range []*string{&l.domain, &l.typ, &l.item, &l.value} {
		body = strings.TrimLeft(body, " \t\n\v\f\r")
		if body == "" {
			return
		}
		end := 0
		for end < len(body) && !cSpace(body[end]) {
			end++
		}
		*to, body = body[:end], body[end:]
		l.n++
	}
}

// splitNew cuts as strtok does: at blanks and tabs only, and the value is all
// the rest; 1.6.0 leaves the blanks around it, later versions do not.
func (l *limitLine) splitNew(body string, v Variant) {
	const blanks = " \t"
	rest := body
	for _, to := range []*string{&l.domain, &l.typ, &l.item} {
		rest = strings.TrimLeft(rest, blanks)
		if rest == "" {
			return
		}
		end := strings.IndexAny(rest, blanks)
		if end < 0 {
			*to, rest = rest, ""
		} else {
			*to, rest = rest[:end], rest[end+1:]
		}
		l.n++
	}
	if v.atLeast(1, 6, 1) {
		rest = strings.Trim(rest, blanks)
	}
	if rest != "" {
		l.value = rest
		l.n++
	}
}

func cSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// lower is tolower of the C locale.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// cNumber is strtoull with base 10: leading white space, a sign, digits. used
// is how many bytes it read, 0 if there is no number; neg says that the sign
// was a minus, and then the value has wrapped around already.
func cNumber(s string) (n uint64, used int, neg bool) {
	n, used, neg, over := cInteger(s, 10)
	switch {
	case over:
		n = uint64(RlimitInfinity)
	case neg:
		n = -n
	}
	return n, used, neg
}

// idRange is what parse_uid_range makes of a domain: a kind, and two ids.
type idRange struct {
	kind     rangeKind
	from, to uint32
}

type rangeKind int

const (
	rangeNone rangeKind = iota
	rangeOne            // :N
	rangeMin            // N:
	rangeBoth           // N:M
	rangeBad
)

// domainRange reads a range of ids with or without @ or % before it.
func domainRange(domain string) idRange {
	_, max, ok := strings.Cut(domain, ":")
	if !ok {
		return idRange{}
	}
	body := domain
	if body[0] == '@' || body[0] == '%' {
		body = body[1:]
	}
	r := idRange{kind: rangeBoth}
	if strings.HasPrefix(body, ":") {
		r.kind = rangeOne
	} else {
		n, used, _ := cNumber(body)
		if used == 0 || used >= len(body) || body[used] != ':' || overflows(body[:used]) {
			return idRange{kind: rangeBad}
		}
		r.from = uint32(n)
	}
	if max == "" {
		if r.kind == rangeOne {
			return idRange{kind: rangeBad}
		}
		r.kind = rangeMin
		return r
	}
	n, used, _ := cNumber(max)
	if used == 0 || used != len(max) || overflows(max) {
		return idRange{kind: rangeBad}
	}
	r.to = uint32(n)
	if r.kind == rangeOne {
		r.from = r.to
	}
	return r
}

// overflows reports whether strtoul would set ERANGE.
func overflows(s string) bool {
	_, _, _, over := cInteger(s, 10)
	return over
}
