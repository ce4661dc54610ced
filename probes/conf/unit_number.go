package conf

import (
	"math"
	"strings"
)

// limit reads one value of a Limit setting.
func (u Unit) limit(s string, size bool) (Rlimit, bool) {
	if s == "infinity" {
		return RlimitInfinity, true
	}
	return u.number(s, size)
}

// number reads a number that is not infinite: one of base 10, 0x or octal with
// a leading 0, as safe_atou64 of systemd's parse-util.c does; for sizes
// numbers with K, M, G, T, P, E.
func (u Unit) number(s string, size bool) (Rlimit, bool) {
	if size {
		return unitSize(s)
	}
	s = strings.TrimLeft(s, blanks)
	digits, base := s, 0
	if len(s) > 1 && s[0] == '0' {
		switch s[1] | 0x20 {
		case 'b':
			base = 2
		case 'o':
			base = 8
		}
	}
	if base > 0 {
		if u.before(246) {
			return 0, false
		}
		digits = s[2:]
	}
	n, used, neg, over := cInteger(digits, base)
	return Rlimit(n), used > 0 && used == len(digits) && !over && (!neg || n == 0) && n != math.MaxUint64
}

// cInteger is strtoull: white space, a sign, digits of the base, where 0 takes
// it from the prefix 0x or 0. neg says that the sign was a minus; n has none.
func cInteger(s string, base int) (n uint64, used int, neg, over bool) {
	i := 0
	for i < len(s) && cSpace(s[i]) {
		i++
	}
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		neg = s[i] == '-'
		i++
	}
	hex := len(s) > i+2 && s[i] == '0' && s[i+1]|0x20 == 'x' && digitOf(s[i+2]) < 16
	switch {
	case base == 0 && hex:
		base, i = 16, i+2
	case base == 0 && i < len(s) && s[i] == '0':
		base = 8
	case base == 0:
		base = 10
	}
	from := i
	for ; i < len(s) && digitOf(s[i]) < base; i++ {
		d := uint64(digitOf(s[i]))
		if n > (math.MaxUint64-d)/uint64(base) {
			over = true
		}
		n = n*uint64(base) + d
	}
	if i == from {
		return 0, 0, neg, false
	}
	return n, i, neg, over
}

// digitOf is the value of a digit, 36 for what is none.
func digitOf(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'z':
		return int(c|0x20-'a') + 10
	}
	return 36
}

// decimal reads digits alone.
func decimal(s string) (n uint64, used int, over bool) {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, 0, false
	}
	n, used, _, over = cInteger(s, 10)
	return n, used, over
}

// unitSize reads numbers with suffixes, of which each but the last is followed
// by one with a smaller suffix, and adds them up (parse_size of parse-util.c).
func unitSize(s string) (Rlimit, bool) {
	const suffixes = "EPTGMKB" // and none
	var total uint64
	for start := 0; ; {
		s = strings.TrimLeft(s, blanks)
		n, used, neg, over := cInteger(s, 10)
		if used == 0 || neg || over {
			return 0, false
		}
		s = s[used:]
		var fraction float64
		if s != "" && s[0] == '.' {
			l, digits, over := decimal(s[1:])
			if over {
				return 0, false
			}
			for fraction = float64(l); digits > 0; digits-- {
				fraction /= 10
			}
			s = strings.TrimLeft(s[1:], "0123456789")
		}
		s = strings.TrimLeft(s, blanks)
		which := len(suffixes)
		if s != "" {
			if i := strings.IndexByte(suffixes, s[0]); i >= start {
				which, s = i, s[1:]
			}
		}
		if which < start {
			return 0, false
		}
		factor := uint64(1) << (10 * max(0, 6-which))
		if fraction > 0 && n == math.MaxUint64 || n+min(1, uint64(math.Ceil(fraction))) > math.MaxUint64/factor {
			return 0, false
		}
		part := n*factor + uint64(fraction*float64(factor))
		if part > math.MaxUint64-total {
			return 0, false
		}
		if total += part; s == "" {
			return Rlimit(total), total != math.MaxUint64
		}
		start = which + 1
	}
}

// shareOf reads a percentage, since 240 with one decimal place and as ‰, since
// 248 with two and as ‱ (percent-util.c), in 1/10000.
func (u Unit) shareOf(s string) (parts uint64, ok bool) {
	places := 2
	switch {
	case u.before(231):
		return 0, false
	case u.before(240):
		places = 0
	case u.before(248):
		places = 1
	}
	scale := uint64(100)
	for _, sign := range []string{"%", "‰", "‱"} {
		if number, is := strings.CutSuffix(s, sign); is && places >= 0 {
			return shareNumber(number, places, scale)
		}
		places, scale = places-1, scale/10
	}
	return 0, false
}

// shareNumber reads a number with at most so many decimal places.
func shareNumber(s string, places int, scale uint64) (parts uint64, ok bool) {
	whole, decimals, dot := strings.Cut(s, ".")
	if dot && (len(decimals) == 0 || len(decimals) > places || strings.Trim(decimals, "0123456789") != "") {
		return 0, false
	}
	n, ok := Unit{}.number(whole, false)
	if !ok || n > 10000 {
		return 0, false
	}
	parts = uint64(n) * scale
	for _, d := range decimals {
		scale /= 10
		parts += uint64(d-'0') * scale
	}
	return parts, parts <= 10000
}
