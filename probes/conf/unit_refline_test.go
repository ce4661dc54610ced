package conf_test

import (
	"math/big"
	"strings"
	"unicode/utf8"
)

// refParser reads files of settings as config_parse of systemd 247 to 257.
type refParser struct {
	systemd         int
	section, prefix string
	values          map[string]refPair
	defaults        map[string]refPair // what an empty TasksMax goes back to
}

const refWhite = " \t\n\r"

// refReadLines is read_line until the end of the file: a line ends at \n, \r,
// NUL or a run of them in which none comes twice and nothing follows NUL.
func refReadLines(text string) (all []string) {
	for i := 0; i < len(text); {
		line := ""
		previous := ""
		for ; i < len(text); i++ {
			c := text[i : i+1]
			isEnd := strings.Contains("\n\r\x00", c)
			if strings.Contains(previous, "\x00") || !isEnd && previous != "" || isEnd && strings.Contains(previous, c) {
				break
			}
			if isEnd {
				previous += c
			} else {
				line += c
			}
		}
		all = append(all, line)
	}
	return all
}

// parse reports whether the file was read to its end.
func (p *refParser) parse(text string) bool {
	section, continuation, continued, bom := "", "", false, false
	for _, l := range refReadLines(text) {
		if t := strings.TrimLeft(l, refWhite); t != "" && strings.Contains("#;", t[:1]) {
			continue
		}
		if !bom && strings.HasPrefix(l, "\xef\xbb\xbf") {
			l, bom = l[3:], true
		}
		if continued {
			l = continuation + l
		}
		escaped := false
		for i := 0; i < len(l); i++ {
			if escaped {
				escaped = false
			} else if l[i] == '\\' {
				escaped = true
			}
		}
		if escaped {
			continuation, continued = l[:len(l)-1]+" ", true
			continue
		}
		continuation, continued = "", false
		if !p.line(l, &section) {
			return false
		}
	}
	return !continued || p.line(continuation, &section)
}

func (p *refParser) line(l string, section *string) bool {
	l = strings.Trim(l, refWhite)
	switch {
	case l == "":
		return true
	case !utf8.ValidString(l):
		return false
	case l[0] == '[':
		unsafe := strings.ContainsFunc(l, func(r rune) bool { return r < 32 || strings.ContainsRune("\\\"'\x7f", r) })
		if l[len(l)-1] != ']' || unsafe && p.systemd >= 248 {
			return false
		}
		*section = l
		return true
	case *section != "["+p.section+"]":
		return true
	}
	e := strings.Index(l, "=")
	if e <= 0 {
		return true
	}
	key, value := strings.Trim(l[:e], refWhite), strings.Trim(l[e+1:], refWhite)
	switch name := strings.TrimPrefix(key, p.prefix); {
	case !strings.HasPrefix(key, p.prefix):
	case name == "LimitNOFILE" || name == "LimitNPROC" || name == "LimitAS":
		p.rlimit(key, value, name == "LimitAS")
	case name == "TasksMax":
		p.tasksMax(key, value)
	case key == "MemoryMax":
		p.memoryMax(key, value)
	}
	return true
}

// rlimit is config_parse_rlimit.
func (p *refParser) rlimit(key, value string, size bool) {
	one := func(s string) (uint64, bool) {
		if s == "infinity" {
			return ^uint64(0), true
		}
		n, ok := refNumber(s)
		if size {
			n, ok = refSize(s)
		}
		return n, ok && n != ^uint64(0)
	}
	words := strings.Split(value, ":")
	if len(words) == 3 && words[2] == "" {
		words = words[:2]
	}
	if len(words) > 2 || value == "" {
		return
	}
	soft, ok := one(words[0])
	hard := soft
	if ok && len(words) == 2 {
		hard, ok = one(words[1])
	}
	if ok && soft <= hard {
		p.values[key] = refPair{soft, hard, true}
	}
}

// tasksMax is config_parse_tasks_max; soft is 1 for a share.
func (p *refParser) tasksMax(key, value string) {
	infinity := refPair{0, ^uint64(0), true}
	if value == "" && p.prefix == "" {
		if d, ok := p.defaults["DefaultTasksMax"]; ok {
			p.values[key] = d
		} else {
			delete(p.values, key)
		}
		return
	}
	if value == "" || value == "infinity" {
		p.values[key] = infinity
		return
	}
	if share, ok := p.share(value); ok {
		p.values[key] = refPair{1, share, true}
		return
	}
	if n, ok := refNumber(value); ok && n > 0 && n < ^uint64(0) {
		p.values[key] = refPair{0, n, true}
	}
}

// memoryMax is config_parse_memory_limit.
func (p *refParser) memoryMax(key, value string) {
	if value == "" || value == "infinity" {
		p.values[key] = refPair{0, ^uint64(0), true}
		return
	}
	if share, ok := p.share(value); ok {
		if share > 0 {
			p.values[key] = refPair{1, share, true}
		}
		return
	}
	if n, ok := refSize(value); ok && n > 0 && n < ^uint64(0) {
		p.values[key] = refPair{0, n, true}
	}
}

// share is parse_permyriad, and parse_permille before 248, in 1/10000.
func (p *refParser) share(s string) (uint64, bool) {
	type form struct {
		sign   string
		places int
		unit   uint64
	}
	forms := []form{{"‱", 0, 1}, {"‰", 1, 10}, {"%", 2, 100}}
	if p.systemd < 248 {
		forms = []form{{"‰", 0, 10}, {"%", 1, 100}}
	}
	for _, f := range forms {
		if !strings.HasSuffix(s, f.sign) {
			continue
		}
		s = strings.TrimSuffix(s, f.sign)
		fraction := ""
		if dot := strings.Index(s, "."); dot >= 0 {
			s, fraction = s[:dot], s[dot+1:]
			if fraction == "" {
				return 0, false
			}
		}
		if len(fraction) > f.places {
			return 0, false
		}
		whole, ok := refNumber(s)
		if !ok || whole > 1000000 {
			return 0, false
		}
		n, unit := whole*f.unit, f.unit
		for _, c := range fraction {
			if c < '0' || c > '9' {
				return 0, false
			}
			unit /= 10
			n += uint64(c-'0') * unit
		}
		return n, n <= 10000
	}
	return 0, false
}

// refNumber is safe_atou64.
func refNumber(s string) (uint64, bool) {
	s = strings.TrimLeft(s, refWhite)
	base := 10
	sign := ""
	lower := strings.ToLower(s)
	switch {
	case strings.HasPrefix(lower, "0b"):
		s, base = s[2:], 2
	case strings.HasPrefix(lower, "0o"):
		s, base = s[2:], 8
	}
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	if s != "" && strings.Contains("+-", s[:1]) {
		sign, s = s[:1], s[1:]
	}
	if base == 10 {
		switch {
		case strings.HasPrefix(strings.ToLower(s), "0x"):
			s, base = s[2:], 16
		case strings.HasPrefix(s, "0"):
			base = 8
		}
	}
	return refDigits(sign, s, base)
}

func refDigits(sign, s string, base int) (uint64, bool) {
	if s == "" || strings.ContainsAny(s, "_+-") {
		return 0, false
	}
	n, ok := new(big.Int).SetString(s, base)
	if !ok || !n.IsUint64() || sign == "-" && n.Sign() != 0 {
		return 0, false
	}
	return n.Uint64(), true
}

// refSize is parse_size with base 1024, in exact arithmetic.
func refSize(s string) (uint64, bool) {
	suffixes := []string{"E", "P", "T", "G", "M", "K", "B", ""}
	total, start := new(big.Rat), 0
	for first := true; first || s != ""; first = false {
		s = strings.TrimLeft(s, refWhite)
		s = strings.TrimPrefix(s, "+")
		end := len(s) - len(strings.TrimLeft(s, "0123456789"))
		whole, ok := refDigits("", s[:end], 10)
		if !ok {
			return 0, false
		}
		s = s[end:]
		number := new(big.Rat).SetUint64(whole)
		if strings.HasPrefix(s, ".") {
			end := 1 + len(s[1:]) - len(strings.TrimLeft(s[1:], "0123456789"))
			if fraction, ok := new(big.Rat).SetString("0" + s[:end]); ok && end > 1 {
				number.Add(number, fraction)
			}
			s = s[end:]
		}
		s = strings.TrimLeft(s, refWhite)
		which := start
		for which < len(suffixes) && !strings.HasPrefix(s, suffixes[which]) {
			which++
		}
		if which == len(suffixes) {
			return 0, false
		}
		s = s[len(suffixes[which]):]
		factor := new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), uint(10*max(0, 6-which))))
		part := new(big.Rat).Mul(number, factor)
		total.Add(total, new(big.Rat).SetInt(new(big.Int).Quo(part.Num(), part.Denom())))
		start = which + 1
	}
	if n := total.Num(); n.IsUint64() {
		return n.Uint64(), true
	}
	return 0, false
}
