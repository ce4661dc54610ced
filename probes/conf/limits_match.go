package conf

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// match says whether a line is for the user: yes, no, or why nobody knows.
type match struct {
	yes     bool
	unknown string
}

// matches finds whether a line with four fields is for the user, and its rank.
func (r *limitsRun) matches(l *limitLine, ids idRange) (rank int, m match) {
	u, debianRoot := r.in.User, r.variant.Debian && r.in.User.UID == 0
	switch {
	case l.domain == u.Name:
		return rankUser, match{yes: true}
	case l.domain[0] == '@' && !debianRoot:
		return rankGroup, r.group(l.domain[1:], ids)
	case l.domain[0] == '%' && !debianRoot:
		if l.domain == "%" {
			return rankAll, match{yes: true}
		}
		if ids.kind == rangeMin || ids.kind == rangeBoth {
			return rankAllGroup, match{}
		}
		return rankAllGroup, r.group(l.domain[1:], ids)
	case ids.kind == rangeNone:
		return rankDefault, match{yes: l.domain == "*" && !debianRoot}
	}
	// What is left is a range of user ids. To Debian's builds and root that
	// includes @N:M, whose @ they do not look at.
	return rankUser, inRange(u.UID, ids, "the id of user "+u.Name)
}

// group reports whether the user is in a group. N:M is about the primary group
// alone, :N about all.
func (r *limitsRun) group(name string, ids idRange) match {
	u := r.in.User
	var in bool
	switch ids.kind {
	case rangeNone:
		in = slices.ContainsFunc(u.Groups, func(g LoginGroup) bool { return g.Name == name })
	case rangeOne:
		in = slices.ContainsFunc(u.Groups, func(g LoginGroup) bool { return g.GID == int64(ids.to) })
	default:
		return inRange(u.GID, ids, "the primary group of user "+u.Name)
	}
	if !in && u.GroupsUnknown != "" {
		return match{unknown: "whether " + u.Name + " is in group " + clip(strings.TrimPrefix(name, ":")) + ": " + u.GroupsUnknown}
	}
	return match{yes: in}
}

func inRange(id int64, ids idRange, what string) match {
	if id < 0 {
		return match{unknown: what + " is not known"}
	}
	switch ids.kind {
	case rangeOne:
		return match{yes: id == int64(ids.to)}
	case rangeMin:
		return match{yes: id >= int64(ids.from)}
	}
	return match{yes: int64(ids.from) <= id && id <= int64(ids.to)}
}

// ends takes a line "DOMAIN -", which frees the user from all limits and ends
// the reading.
func (r *limitsRun) ends(l *limitLine, ids idRange) {
	var m match
	switch {
	case l.domain == r.in.User.Name:
		m.yes = true
	case l.domain[0] == '@':
		m = r.group(l.domain[1:], ids)
	case ids.kind != rangeNone:
		// %N:M too is compared with the user's id here.
		m = inRange(r.in.User.UID, ids, "the id of user "+r.in.User.Name)
	}
	switch {
	case m.unknown != "":
		r.unknown = fmt.Sprintf("%s: %q ends everything or nothing, %s", l.at, l.kept(), m.unknown)
	case m.yes:
		r.noLimit = true
		for _, item := range limitItems {
			r.step(item.name, Step{At: l.at, Text: l.kept(), What: "no limits for the user: nothing is set, and nothing more is read"})
			for i, h := range r.halves[item.name] {
				if h.At.File != "" && (i == 0 || h.At != r.halves[item.name][0].At) {
					r.shadow[item.name] = append(r.shadow[item.name], Note{At: h.At, Text: h.line.kept(), Why: "undone by " + l.at.String()})
				}
			}
		}
	}
}

// process takes a line with four fields. That a line is not for the user is
// said only after what is wrong with it, because a bad line is worth knowing
// whoever it was for.
func (r *limitsRun) process(l *limitLine, rank int, m match) {
	item, known := findItem(l.item)
	known = known && r.variant.atLeast(item.min[0], item.min[1], item.min[2])
	other := r.otherItem(l.item)
	if !known && !other {
		r.skip(l, fmt.Sprintf("there is no item %q", clip(l.itemWritten)), meantItem(l.item))
		return
	}
	soft, hard := l.typ == "soft" || l.typ == "-", l.typ == "hard" || l.typ == "-"
	if !soft && !hard && (known || l.item == "priority" || l.item == "chroot") {
		r.skip(l, fmt.Sprintf("there is no type %q: soft, hard and - are types", clip(l.typ)), l.item)
		return
	}
	if other {
		r.other(l, rank, m)
		return
	}
	value, ok := r.value(l, item)
	if !ok {
		r.skip(l, fmt.Sprintf("%q is not a value", clip(l.valueWritten)), l.item)
		return
	}
	if rank == rankAll || rank == rankAllGroup {
		if m.yes {
			r.skip(l, "% is for maxlogins only", l.item)
		}
		return
	}
	if m.yes || m.unknown != "" {
		r.set(l, item.name, rank, value, soft, hard, m)
	}
}

// value reads the value of a line in the units of setrlimit.
func (r *limitsRun) value(l *limitLine, item limitItem) (Bound, bool) {
	b := Bound{Known: true, From: fromLine, At: l.at}
	if item.unit == 0 { // nice: 20 - n, n from -20 to 19
		size, used, neg, over := cInteger(l.value, 10)
		if over {
			size = uint64(RlimitInfinity)
		}
		b.Value = Rlimit(20 - min(size, 19))
		if neg {
			b.Value = Rlimit(20 + min(size, 20))
		}
		return b, used > 0
	}
	n, used, _ := cNumber(l.value)
	switch l.value {
	case "-1", "-", "unlimited", "infinity":
		b.Value, used = RlimitInfinity, 1
	default:
		b.Value = Rlimit(n)
		if item.unit > 1 && b.Value >= RlimitInfinity/Rlimit(item.unit) {
			b.Value = RlimitInfinity
		} else {
			b.Value *= Rlimit(item.unit)
		}
	}
	if item.name == "nofile" && b.Value == RlimitInfinity && r.variant.NofileInfinity {
		b.Value = Rlimit(r.in.NROpen)
		if r.in.NROpen == 0 {
			b.Known, b.Why = false, "unlimited is fs.nr_open, which was not read"
		}
	}
	return b, used > 0
}

// set gives a value to the halves of a line. It stops at the first half that
// a better rank has set already, so the hard half of a - line may be lost
// although nothing else sets it.
func (r *limitsRun) set(l *limitLine, item string, rank int, value Bound, soft, hard bool, m match) {
	h := r.halves[item]
	var done, lost []string
	for i, name := range []string{"soft", "hard"} {
		if i == 0 && !soft || i == 1 && !hard {
			continue
		}
		if h[i].rank < rank {
			lost = append(lost, fmt.Sprintf("%s stays with %s, which names the user more closely", name, h[i].At))
			if i == 0 && hard {
				lost = append(lost, "and the hard half of the line is given up with it")
			}
			break
		}
		if m.unknown != "" {
			h[i].maybe, h[i].maybeRank, h[i].maybeWhy = l.at, rank, m.unknown
			continue
		}
		if h[i].At.File != "" {
			r.shadow[item] = append(r.shadow[item], Note{At: h[i].At, Text: h[i].line.kept(), Why: name + " replaced by " + l.at.String()})
		}
		h[i].Bound, h[i].rank, h[i].line, h[i].maybeRank = value, rank, l, maybeAbove(h[i], rank)
		done = append(done, name)
	}
	what := "not known: " + m.unknown
	if m.unknown == "" {
		what = strings.Join(lost, ", ")
		if len(done) > 0 {
			what = strings.Trim(strings.Join(done, " and ")+" = "+showBound(value)+", "+what, ", ")
		}
	}
	if len(lost) > 0 && m.unknown == "" {
		r.shadow[item] = append(r.shadow[item], Note{At: l.at, Text: l.kept(), Why: strings.Join(lost, ", ")})
	}
	r.step(item, Step{At: l.at, Text: l.kept(), What: what})
}

// maybeAbove keeps a doubt that a line of this rank does not settle.
func maybeAbove(h half, rank int) int {
	if h.maybeRank >= 0 && h.maybeRank < rank {
		return h.maybeRank
	}
	return -1
}

func showBound(b Bound) string {
	if b.Known {
		return b.Value.String()
	}
	return "not known"
}

// otherItem reports items that are no resource limits.
func (r *limitsRun) otherItem(name string) bool {
	switch name {
	case "maxlogins", "maxsyslogins", "priority":
		return true
	case "nonewprivs":
		return r.variant.atLeast(1, 5, 0)
	case "chroot":
		return r.variant.Debian
	}
	return false
}

func (r *limitsRun) other(l *limitLine, rank int, m match) {
	logins := l.item == "maxlogins" || l.item == "maxsyslogins"
	if !m.yes && m.unknown == "" {
		return
	}
	if l.item != "maxlogins" && (rank == rankAll || rank == rankAllGroup) {
		if m.yes {
			r.skip(l, "% is for maxlogins only", l.item)
		}
		return
	}
	if l.item == "chroot" || m.unknown != "" {
		r.out.MayRefuse = append(r.out.MayRefuse, Note{At: l.at, Text: l.kept(), Why: strings.TrimSpace(l.item + " " + m.unknown)})
		return
	}
	if !logins {
		return
	}
	c := loginCount{set: true, rank: rank, line: l}
	switch n, used, neg, over := cInteger(l.value, 10); {
	case l.value == "unlimited" || l.value == "infinity" || l.value == "-":
		c.max = -1
	case used == 0:
		r.skip(l, fmt.Sprintf("%q is not a value", clip(l.valueWritten)), l.item)
		return
	case neg && n > 0: // below 0 means any number
		c.max = -1
	case over:
		c.max = math.MaxInt32
	default:
		c.max = int64(min(n, math.MaxInt32))
	}
	if !r.logins.set || r.logins.rank >= rank {
		r.logins = c
	}
}
