package inventory

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxHosts is how many hosts one range, and one inventory, may stand for. It
// is ten times the largest fleet this tool is made for, and small enough that
// a slip (tm[1-999999999]) is refused before memory is asked for.
const MaxHosts = 100_000

// maxDigits keeps every number of a range within 64 bits.
const maxDigits = 18

const rangeHint = "a range is written tm[001-040,050], with a step tm[001-040/2], without spaces"

// expr is a name with ranges: lits[0] sets[0] lits[1] sets[1] ... lits[n].
type expr struct {
	lits []string
	sets []set
}

// set is what one bracket stands for, in the order it was written.
type set []span

// span is the numbers lo, lo+step ... up to hi, at least width digits wide.
type span struct {
	lo, hi, step uint64
	width        int
}

func (s span) count() uint64 { return (s.hi-s.lo)/s.step + 1 }

// parseExpr reads a name with ranges and refuses what is no name. A bracket
// whose inside is an IP address is that address. The characters of extra are
// allowed besides those of names: the wildcards of a pattern.
func parseExpr(s, extra string) (expr, *fault) {
	if ip := strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"); isIP(ip) && (ip == s || len(ip) == len(s)-2) {
		return expr{lits: []string{ip}}, nil
	}
	var e expr
	rest, off, shown := s, 0, ""
	for {
		i := strings.IndexByte(rest, '[')
		if i < 0 {
			break
		}
		end := strings.IndexByte(rest, ']')
		if end < i {
			return e, &fault{off + i, fmt.Sprintf("%q has a bracket that is not closed", s), rangeHint}
		}
		one, f := parseSet(rest[i+1 : end])
		if f != nil {
			f.off += off + i + 1
			return e, f
		}
		e.lits, e.sets = append(e.lits, rest[:i]), append(e.sets, one)
		// Digits of the same length stand for the bracket, so that a bad
		// character is found where it is.
		shown += rest[:i] + strings.Repeat("0", end-i+1)
		rest, off = rest[end+1:], off+end+1
	}
	e.lits = append(e.lits, rest)
	if f := checkChars("host name", s, shown+rest, extra); f != nil {
		return e, f
	}
	return e, e.checkSize(s)
}

// checkSize refuses an expression of too many or too long names, by counting
// alone.
func (e expr) checkSize(s string) *fault {
	length := 0
	for _, l := range e.lits {
		length += len(l)
	}
	total := uint64(1)
	for _, one := range e.sets {
		sum, widest := uint64(0), 0
		for _, sp := range one {
			if sp.count() > MaxHosts || sum+sp.count() > MaxHosts {
				return tooMany(s)
			}
			sum += sp.count()
			widest = max(widest, sp.width, len(strconv.FormatUint(sp.hi, 10)))
		}
		if total *= sum; total > MaxHosts {
			return tooMany(s)
		}
		length += widest
	}
	if length > maxName {
		return tooLong("host name", length)
	}
	return nil
}

func tooMany(s string) *fault {
	return &fault{0, fmt.Sprintf("%q is more than %d hosts", s, MaxHosts), "check the ends of the range"}
}

// parseSet reads the inside of a bracket.
func parseSet(s string) (set, *fault) {
	var out set
	off := 0
	for item := range strings.SplitSeq(s, ",") {
		sp, f := parseSpan(item)
		if f != nil {
			f.off += off
			return nil, f
		}
		out = append(out, sp)
		off += len(item) + 1
	}
	return out, nil
}

// parseSpan reads LO, LO-HI or LO-HI/STEP. A LO that begins with 0 sets the
// width.
func parseSpan(s string) (span, *fault) {
	ends, step, stepped := strings.Cut(s, "/")
	first, last, ranged := strings.Cut(ends, "-")
	if !ranged {
		last = first
	}
	sp := span{step: 1}
	for _, n := range []struct {
		text string
		to   *uint64
		want bool
	}{{first, &sp.lo, true}, {last, &sp.hi, true}, {step, &sp.step, stepped}} {
		if !n.want {
			continue
		}
		if !allDigits(n.text) || len(n.text) > maxDigits {
			return sp, &fault{0, fmt.Sprintf("range %q: %q is not a number of at most %d digits", s, n.text, maxDigits), rangeHint}
		}
		*n.to, _ = strconv.ParseUint(n.text, 10, 64)
	}
	switch {
	case stepped && !ranged || sp.step == 0:
		return sp, &fault{0, fmt.Sprintf("range %q: a step needs two ends and is at least 1", s), rangeHint}
	case sp.hi < sp.lo:
		return sp, &fault{0, fmt.Sprintf("range %q ends before it begins", s), rangeHint}
	case padded(first) && len(last) < len(first), padded(last) && len(last) != len(first):
		return sp, &fault{0, fmt.Sprintf("range %q: its ends have different widths", s),
			"write both ends with the same number of digits, as in 001-040"}
	}
	if padded(first) {
		sp.width = len(first)
	}
	return sp, nil
}

// padded says whether the digits have zeros in front.
func padded(s string) bool { return len(s) > 1 && s[0] == '0' }

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// names are the names e stands for, the last bracket running fastest.
func (e expr) names() []string {
	out := []string{e.lits[0]}
	for i, one := range e.sets {
		numbers := one.numbers()
		next := make([]string, 0, len(out)*len(numbers))
		for _, head := range out {
			for _, n := range numbers {
				next = append(next, head+n+e.lits[i+1])
			}
		}
		out = next
	}
	return out
}

// numbers are the numbers of a bracket as text.
func (s set) numbers() []string {
	var out []string
	for _, sp := range s {
		for n, left := sp.lo, sp.count(); left > 0; n, left = n+sp.step, left-1 {
			digits := strconv.FormatUint(n, 10)
			if pad := sp.width - len(digits); pad > 0 {
				digits = strings.Repeat("0", pad) + digits
			}
			out = append(out, digits)
		}
	}
	return out
}

// Expand is the names that a text with ranges stands for, each once, in the
// order they are written: several words are parted by commas or white space,
// the last bracket runs fastest. It refuses more than [MaxHosts].
func Expand(s string) ([]string, error) {
	var out []string
	seen := map[string]bool{}
	for _, w := range splitWords(s) {
		e, f := parseExpr(w.text, "")
		if f != nil {
			return nil, f.at(position{col: w.off + 1}, w.text)
		}
		for _, name := range e.names() {
			if seen[name] {
				continue
			}
			if len(out) == MaxHosts {
				return nil, tooMany(s).at(position{}, s)
			}
			seen[name] = true
			out = append(out, name)
		}
	}
	return out, nil
}

// piece is a word and where it begins, in bytes.
type piece struct {
	text string
	off  int
}

// splitWords parts a line at white space and at commas outside brackets.
func splitWords(line string) []piece {
	var out []piece
	start, deep := -1, false
	end := func(i int) {
		if start >= 0 {
			out = append(out, piece{line[start:i], start})
		}
		start, deep = -1, false
	}
	for i := range len(line) {
		switch c := line[i]; {
		case c == ' ' || c == '\t', c == ',' && !deep:
			end(i)
			continue
		case c == '[':
			deep = true
		case c == ']':
			deep = false
		}
		if start < 0 {
			start = i
		}
	}
	end(len(line))
	return out
}
