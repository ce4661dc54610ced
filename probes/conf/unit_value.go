package conf

import (
	"fmt"
	"strconv"
	"strings"
)

// item resolves one setting: the last line that systemd accepts.
func (u Unit) item(key, item string, size bool, lines, defaults []assignment, unknown string) ItemLimits {
	out := ItemLimits{Item: key}
	soft, hard := u.fallback(key, item, &out)
	held := "" // the text of the line that decides so far
	take := func(all []assignment, name string) {
		reset := [2]Bound{soft, hard} // of an empty value
		for _, l := range all {
			if l.key != name {
				continue
			}
			text := kept(l.text)
			s, h, why := u.parse(key, l, size, reset)
			if why != "" {
				out.Ignored = append(out.Ignored, Note{At: l.at, Text: text, Why: why})
				out.Chain = append(out.Chain, Step{At: l.at, Text: text, What: "ignored: " + why})
				continue
			}
			if hard.At.File != "" {
				out.Shadowed = append(out.Shadowed, Note{At: hard.At, Text: held, Why: "replaced by " + l.at.String()})
			}
			soft, hard, held = s, h, text
			out.Chain = append(out.Chain, Step{At: l.at, Text: text, What: "soft = " + showBound(s) + ", hard = " + showBound(h)})
		}
	}
	if key != "MemoryMax" && !(key == "TasksMax" && u.isSlice()) { // for which the manager has no default
		take(defaults, "Default"+key)
	}
	take(lines, key)
	if unknown != "" {
		soft, hard = Bound{Why: unknown}, Bound{Why: unknown}
	}
	u.clamp(item, &soft, &hard, &out)
	for i, s := range out.Chain {
		out.Chain[i].Won = s.At.Line > 0 && s.At == hard.At
	}
	out.Soft, out.Hard = soft, hard
	return out
}

// clamp is what systemd does where the kernel refuses a limit: it takes the
// manager's own hard limit instead (setrlimit_closest of rlimit-util.c). The
// system's manager may raise everything but open files above fs.nr_open; a
// user's manager nothing.
func (u Unit) clamp(item string, soft, hard *Bound, out *ItemLimits) {
	if item == "" || !hard.Known {
		return
	}
	own, read := u.PID1[item]
	nofile := item == "nofile"
	switch {
	case u.UserManager && !read && hard.At.File != "":
		u.doubt(soft, hard, 0, "whether the user's manager may give "+hard.Value.String()+" depends on its own limits, which were not read")
		return
	case u.UserManager:
	case !nofile || u.NROpen > 0 && uint64(hard.Value) <= u.NROpen || u.NROpen == 0 && hard.Value <= 1<<20:
		return
	case u.NROpen == 0:
		u.doubt(soft, hard, 1<<20, "whether the kernel allows "+hard.Value.String()+" depends on fs.nr_open, which was not read")
		return
	case !read && u.Systemd < 240: // since then process 1 raises its own to fs.nr_open
		u.doubt(soft, hard, 0, hard.Value.String()+" is more than the kernel allows: the hard limit of process 1 is set instead, which was not read")
		return
	case !read:
		own.Hard = Rlimit(u.NROpen)
	}
	if hard.Value > own.Hard {
		out.Chain = append(out.Chain, Step{What: fmt.Sprintf("%s is more than is allowed: %s is set instead", hard.Value, own.Hard)})
		hard.Value = own.Hard
		soft.Value = min(soft.Value, own.Hard)
	}
}

// doubt makes the limits unknown, a soft one that is not above safe excepted.
func (u Unit) doubt(soft, hard *Bound, safe Rlimit, why string) {
	hard.Known, hard.Why = false, why
	if soft.Value > safe {
		soft.Known, soft.Why = false, why
	}
}

// fallback is what a unit gets where no file sets it: systemd's built-in
// defaults, or the limits of the manager.
func (u Unit) fallback(key, item string, out *ItemLimits) (soft, hard Bound) {
	known := func(v Rlimit) Bound { return Bound{Value: v, Known: true, From: "systemd default"} }
	step := func(what string) { out.Chain = append(out.Chain, Step{What: what}) }
	switch {
	case key == "MemoryMax":
		step("not limited unless set")
		return known(RlimitInfinity), known(RlimitInfinity)
	case key == "TasksMax" && u.isSlice():
		step("a slice is not limited unless set")
		return known(RlimitInfinity), known(RlimitInfinity)
	case key == "TasksMax":
		b := u.defaultTasks()
		step("the default of systemd: " + showBound(b))
		return b, b
	case item == "nofile" && u.Systemd > 0 && !u.UserManager:
		top := u.defaultFiles()
		step("systemd default: soft 1024, hard " + showBound(top))
		return known(1024), top
	}
	b := startBounds(u.PID1, item)
	for i := range b {
		b[i].From = fromPID1
		if !b[i].Known {
			b[i].Why = "the limits of the manager were not read"
		}
	}
	step("without a setting the limits of the manager hold")
	// A manager raises its own soft limit to the hard one, and gives its
	// services what it had before, at most FD_SETSIZE (fallback_rlimit_nofile
	// of main.c).
	if item == "nofile" && u.UserManager && !u.before(240) && b[0].Known {
		b[0].Value = min(b[0].Value, 1024)
	}
	return b[0], b[1]
}

// isSlice reports whether the unit is a slice, to which DefaultTasksMax does not
// apply (systemd-system.conf(5)).
func (u Unit) isSlice() bool { return strings.HasSuffix(u.Name, ".slice") }

// defaultFiles is the hard DefaultLimitNOFILE where no file sets it: 524288
// since systemd 240 (its NEWS), before it the kernel's 4096. The systemd 239 of
// Enterprise Linux has 262144, from 8.2 on.
func (u Unit) defaultFiles() Bound {
	major, version := u.enterprise()
	b := Bound{Value: 524288, Known: true, From: "systemd default"}
	switch {
	case u.Systemd < 240 && major == 8 && (version == "8.0" || version == "8.1"):
		return Bound{From: b.From, Why: "the default of this update of systemd 239 is not known"}
	case u.Systemd < 240 && major == 8:
		b.Value = 262144
	case u.Systemd < 240:
		b.Value = 4096
	}
	return b
}

// enterprise is the release of Enterprise Linux and its rebuilds, 0 elsewhere.
func (u Unit) enterprise() (major int, version string) {
	id, version, _ := osFields(u.Release)
	if n := numbers(version); len(n) > 0 && (id == "rhel" || rebuilds[id] == "rhel") {
		return n[0], version
	}
	return 0, version
}

// defaultTasks is DefaultTasksMax where no file sets it: systemd NEWS 228 has
// 512, which distributions changed, NEWS 231 has 15%.
func (u Unit) defaultTasks() Bound {
	var b Bound
	major, _ := u.enterprise()
	switch {
	case major >= 8: // DEFAULT_TASKS_MAX_PERCENTAGE of its builds
		b = u.share(8000, u.TasksTotal, "the kernel's number of tasks")
	case u.Systemd >= 231:
		b = u.share(1500, u.TasksTotal, "the kernel's number of tasks")
	case u.Systemd > 0 && u.Systemd < 228:
		b = Bound{Value: RlimitInfinity, Known: true}
	default:
		b = Bound{Why: "the default of this version of systemd is not known"}
	}
	b.From = "systemd default"
	return b
}

// share is a part of a total, in 1/10000.
func (u Unit) share(parts uint64, total uint64, of string) Bound {
	if total == 0 {
		return Bound{Why: strconv.FormatFloat(float64(parts)/100, 'f', -1, 64) + "% of " + of + ", which was not read"}
	}
	return Bound{Value: Rlimit(total/10000*parts + total%10000*parts/10000), Known: true}
}

// parse reads the value of a line; why says that systemd ignores it. reset is
// what an empty value of TasksMax or MemoryMax means.
func (u Unit) parse(key string, l assignment, size bool, reset [2]Bound) (soft, hard Bound, why string) {
	if strings.HasPrefix(key, "Limit") {
		return u.parseLimit(l, size)
	}
	bound := func(b Bound) (Bound, Bound, string) {
		b.At, b.From = l.at, fromLine
		return b, b, ""
	}
	tasks := key == "TasksMax"
	if !tasks && u.before(231) {
		return soft, hard, "this version of systemd does not know it"
	}
	infinity := Bound{Value: RlimitInfinity, Known: true}
	switch {
	case l.value == "" && l.key == key:
		reset[0].At, reset[1].At = l.at, l.at
		return reset[0], reset[1], ""
	case l.value == "" || l.value == "infinity":
		return bound(infinity)
	}
	if parts, ok := u.shareOf(l.value); ok {
		if tasks {
			return bound(u.share(parts, u.TasksTotal, "the kernel's number of tasks"))
		}
		b := u.share(parts, u.MemoryTotal/pageSize, "the host's memory")
		if b.Value *= pageSize; b.Known && b.Value == 0 {
			return soft, hard, strconv.Quote(clip(l.value)) + " is out of range"
		}
		return bound(b)
	}
	n, ok := u.number(l.value, size)
	if !ok || n == 0 {
		return soft, hard, strconv.Quote(clip(l.value)) + " is not a value"
	}
	return bound(Bound{Value: n, Known: true})
}

// pageSize is what shares of memory are rounded down to, in bytes; where pages
// are larger the true value is less by up to one of those.
const pageSize = 4096

// parseLimit reads SOFT:HARD or one value for both (rlimit_parse of
// rlimit-util.c).
func (u Unit) parseLimit(l assignment, size bool) (soft, hard Bound, why string) {
	bound := func(v Rlimit) Bound { return Bound{Value: v, Known: true, At: l.at, From: fromLine} }
	left, right, pair := strings.Cut(l.value, ":")
	// The colon behind a second value is taken for its end.
	if i := len(right) - 1; pair && i > 0 && right[i] == ':' {
		right = right[:i]
	}
	s, ok1 := u.limit(left, size)
	h, ok2 := s, ok1
	if pair {
		h, ok2 = u.limit(right, size)
	}
	switch {
	case l.value == "":
		return soft, hard, "an empty value does not reset a limit"
	case !ok1 || !ok2:
		return soft, hard, strconv.Quote(clip(l.value)) + " is not a value"
	case s > h:
		return soft, hard, "the soft limit is above the hard one"
	}
	soft, hard = bound(s), bound(h)
	_, plain := u.number(left, false)
	if u.before(229) && pair || u.before(228) && left != "infinity" && !plain {
		// Distributions took both into older versions.
		soft.Known, soft.Why = false, fmt.Sprintf("systemd %d may not understand %q", u.Systemd, clip(l.value))
		hard.Known, hard.Why = soft.Known, soft.Why
	}
	return soft, hard, ""
}
