package conf

import (
	"math"
	"strconv"
	"strings"
)

// fallback is what a unit gets where no file sets it: systemd's built-in
// defaults, or the limits of the manager.
func (u Unit) fallback(key, item string, out *ItemLimits) (soft, hard Bound) {
	step := func(what string) { out.Chain = append(out.Chain, Step{What: what}) }
	known := func(v Rlimit, from string) Bound { return Bound{Value: v, Known: true, From: from} }
	switch {
	case key == "MemoryMax":
		step("not limited unless set")
		return known(RlimitInfinity, "systemd default"), known(RlimitInfinity, "systemd default")
	case key == "TasksMax" && u.Systemd >= 231:
		step("the default is 15% of what the kernel allows")
		b := u.share(15, u.TasksTotal, "the kernel's number of tasks")
		b.From = "systemd default"
		return b, b
	case key == "TasksMax":
		b := Bound{Why: "the default of this version of systemd is not known"}
		step(b.Why)
		return b, b
	case item == "nofile" && u.Systemd > 0 && !u.UserManager:
		// systemd NEWS 240: 1024 and 524288, before it the kernel's 4096.
		top := Rlimit(524288)
		if u.Systemd < 240 {
			top = 4096
		}
		step("systemd default: soft 1024, hard " + top.String())
		return known(1024, "systemd default"), known(top, "systemd default")
	}
	b := startBounds(u.PID1, item)
	for i := range b {
		b[i].From = fromPID1
		if !b[i].Known {
			b[i].Why = "the limits of the manager were not read"
		}
	}
	step("without a setting the limits of the manager hold")
	return b[0], b[1]
}

func (u Unit) share(percent float64, total uint64, of string) Bound {
	if total == 0 {
		return Bound{Why: strconv.FormatFloat(percent, 'f', -1, 64) + "% of " + of + ", which was not read"}
	}
	return Bound{Value: Rlimit(float64(total) * percent / 100), Known: true}
}

// parse reads the value of a line; why says that systemd ignores it.
func (u Unit) parse(key string, l assignment, size bool) (soft, hard Bound, why string) {
	bound := func(v Rlimit) Bound { return Bound{Value: v, Known: true, At: l.at, From: fromLine} }
	if strings.HasPrefix(key, "Limit") {
		left, right, pair := strings.Cut(l.value, ":")
		s, ok1 := unitNumber(left, size)
		h, ok2 := s, ok1
		if pair {
			h, ok2 = unitNumber(right, size)
		}
		switch {
		case l.value == "":
			return soft, hard, "an empty value does not reset a limit"
		case !ok1 || !ok2:
			return soft, hard, strconv.Quote(l.value) + " is not a value"
		case s > h:
			return soft, hard, "the soft limit is above the hard one"
		}
		return bound(s), bound(h), ""
	}
	if l.value == "" { // resets to the default
		soft, hard = u.fallback(key, "", &ItemLimits{})
		soft.At, hard.At = l.at, l.at
		return soft, hard, ""
	}
	if number, ok := strings.CutSuffix(l.value, "%"); ok {
		p, err := strconv.ParseFloat(number, 64)
		if err != nil || !(p > 0 && p <= 100) {
			return soft, hard, strconv.Quote(l.value) + " is not a share"
		}
		total, of := u.TasksTotal, "the kernel's number of tasks"
		if key == "MemoryMax" {
			total, of = u.MemoryTotal, "the host's memory"
		}
		b := u.share(p, total, of)
		b.At, b.From = l.at, fromLine
		return b, b, ""
	}
	n, ok := unitNumber(l.value, size)
	if !ok || n == 0 {
		return soft, hard, strconv.Quote(l.value) + " is not a value"
	}
	return bound(n), bound(n), ""
}

// unitNumber reads infinity, a number of base 10, 0x or octal with a leading
// 0, and for sizes numbers with K, M, G, T, P, E (of 1024), several added up.
func unitNumber(s string, size bool) (Rlimit, bool) {
	if s == "infinity" {
		return RlimitInfinity, true
	}
	if !size {
		n, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimLeft(s, " \t"), "+"), 0, 64)
		return Rlimit(n), err == nil && !strings.ContainsAny(s, "_oO")
	}
	total, last := 0.0, 7
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		end := len(s) - len(strings.TrimLeft(s, "0123456789."))
		n, err := strconv.ParseFloat(s[:end], 64)
		if err != nil {
			return 0, false
		}
		s = strings.TrimSpace(s[end:])
		power := 0
		if s != "" {
			if power = strings.IndexByte("BKMGTPE", s[0]); power < 0 {
				return 0, false
			}
			s = s[1:]
		}
		if power >= last {
			return 0, false
		}
		last = power
		total += n * math.Pow(1024, float64(power))
	}
	return Rlimit(total), last < 7 && total < math.MaxUint64
}

// UnitDropIn is the text of a drop-in that sets a limit of a service.
func UnitDropIn(key string, l Rlimits) string {
	word := func(r Rlimit) string {
		if r == RlimitInfinity {
			return "infinity"
		}
		return r.String()
	}
	return "[Service]\n" + key + "=" + word(l.Soft) + ":" + word(l.Hard) + "\n"
}
