package conf_test

import (
	"math"
	"math/big"
	"slices"
	"strings"
)

// refStrtoul is strtoull with base 10, with what is left; ok is false for no
// number and for one that does not fit.
func refStrtoul(s string) (n uint64, rest string, ok bool) {
	n, rest, any, over := refStrtoull(s)
	return n, rest, any && !over
}

// refStrtoull is the same with ULLONG_MAX for what does not fit.
func refStrtoull(s string) (n uint64, rest string, any, over bool) {
	t := strings.TrimLeft(s, refSpace)
	sign := ""
	if t != "" && (t[0] == '+' || t[0] == '-') {
		sign, t = t[:1], t[1:]
	}
	digits := t[:len(t)-len(strings.TrimLeft(t, "0123456789"))]
	if digits == "" {
		return 0, s, false, false
	}
	big, _ := new(big.Int).SetString(digits, 10)
	rest = t[len(digits):]
	switch {
	case !big.IsUint64():
		return math.MaxUint64, rest, true, true
	case sign == "-":
		return -big.Uint64(), rest, true, false
	}
	return big.Uint64(), rest, true, false
}

// refStrtol is strtol cut to an int.
func refStrtol(s string) (n int64, any bool) {
	t := strings.TrimLeft(s, refSpace)
	neg := strings.HasPrefix(t, "-")
	t = strings.TrimPrefix(strings.TrimPrefix(t, "-"), "+")
	if strings.HasPrefix(s, "-+") || strings.HasPrefix(s, "+-") {
		return 0, false
	}
	digits := t[:len(t)-len(strings.TrimLeft(t, "0123456789"))]
	if digits == "" {
		return 0, false
	}
	big, _ := new(big.Int).SetString(digits, 10)
	n = math.MaxInt32
	if big.IsInt64() {
		n = min(n, big.Int64())
	}
	if neg {
		n = -n
	}
	return n, true
}

// processLimit is process_limit.
func (p *refPAM) processLimit(source int, typ, item, value string) {
	index := -1
	for i, it := range refItems {
		if it.name == item && (item != "rttime" || p.l.version >= "1.7.1") {
			index = i
		}
	}
	logins := item == "maxlogins" || item == "maxsyslogins"
	switch {
	case index >= 0 || logins || item == "priority":
	case item == "nonewprivs" && p.l.version >= "1.5.0":
	case item == "chroot" && p.l.debian:
	default:
		return
	}
	if !slices.Contains([]string{"soft", "hard", "-"}, typ) && !logins && item != "nonewprivs" {
		return
	}
	isUnlimited := slices.Contains([]string{"-1", "-", "unlimited", "infinity"}, value)
	var number int64
	var limit uint64
	switch {
	case item == "nonewprivs":
	case item != "priority" && item != "nice" && isUnlimited:
		number, limit = -1, math.MaxUint64
	case item == "priority" || item == "nice" || logins:
		n, any := refStrtol(value)
		if !any {
			return
		}
		number = n
	case item == "chroot":
	default:
		n, _, any, _ := refStrtoull(value)
		if !any {
			return
		}
		limit = n
	}
	if (source == refDefAll || source == refDefAllGroup) && item != "maxlogins" {
		return
	}
	if logins {
		if p.loginDef >= source {
			p.login, p.loginDef = number, source
		}
		return
	}
	if index < 0 {
		return
	}
	switch unit := refItems[index].unit; {
	case unit == 0:
		limit = uint64(20 - min(19, max(-20, number)))
	case unit > 1 && limit >= math.MaxUint64/unit:
		limit = math.MaxUint64
	case unit > 1:
		limit *= unit
	case item == "nofile" && limit == math.MaxUint64 && p.l.version >= "1.5.2":
		limit = p.nrOpen
	}
	l := p.limits[item]
	if typ == "soft" || typ == "-" {
		if l.srcSoft < source {
			return
		}
		l.soft, l.srcSoft = limit, source
	}
	if typ == "hard" || typ == "-" {
		if l.srcHard < source {
			return
		}
		l.hard, l.srcHard = limit, source
	}
}
