package probes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// unitLines calls visit with each line of a unit's files that was told, in the
// order in which they are read.
func (r *resolver) unitLines(u conf.UnitResult, visit func(at conf.Place, line string)) {
	for _, path := range append([]string{u.Fragment}, u.DropIns...) {
		n := 0
		for line := range strings.Lines(r.file(path).Content) {
			n++
			visit(conf.Place{File: path, Line: n}, strings.TrimSpace(line))
		}
	}
}

// unitUser is User= of a unit, "" where no file sets it.
func (r *resolver) unitUser(name string) (user string) {
	r.unitLines(r.unit(name), func(_ conf.Place, line string) {
		if key, value, ok := strings.Cut(line, "="); ok && strings.TrimSpace(key) == "User" {
			user = strings.TrimSpace(value)
		}
	})
	return user
}

// execUlimit is a line of the unit that calls ulimit for the item, and does
// not plainly leave it as it is.
func (r *resolver) execUlimit(u conf.UnitResult, item string, pair LimitPair) (found string) {
	r.unitLines(u, func(at conf.Place, line string) {
		text, ok := strings.CutPrefix(line, "ExecStart=ulimit")
		if !ok || found != "" {
			return
		}
		for _, ul := range conf.UlimitLine(at, "ulimit"+text) {
			if ul.Item == item && takes(ul, item, pair) {
				found = at.String() + " (ulimit" + text + ")"
			}
		}
	})
	return found
}

// takes reports whether a line with ulimit may take away from a limit.
func takes(u conf.Ulimit, item string, pair LimitPair) bool {
	// HotSpot raises the soft limit of open files to the hard one.
	if !u.Hard && (!u.Soft || item == "nofile") {
		return false
	}
	top := pair.Hard
	if !u.Hard {
		top = pair.Soft
	}
	return !u.Known || limitFrom(u.Value) < top
}

// asUser is what a start of a unit gets where the unit runs as root and the
// TaskManager does not: something on the way (su, sudo, runuser) changed the user,
// and asked pam_limits again unless it was setpriv or the like. It is known
// only where all of these give the same.
func (r *resolver) asUser(s *start, item string, h Horizon, n nextLimit) nextLimit {
	u := r.unit(s.unit)
	if !n.known || !r.changesUser(s, u) {
		return n
	}
	user := r.switchedUser(s)
	begins := map[string]conf.Rlimits{item: {Soft: rlimitFrom(n.pair.Soft), Hard: rlimitFrom(n.pair.Hard)}}
	for _, service := range switching {
		if !r.hasService(service) {
			continue
		}
		other := sessionLimit(r.rememberSession(user, service, h, throughSu(service, begins)), item)
		switch {
		case user == "":
			return unknownNext("the unit changes the user, and to whom is not known")
		case !other.known:
			return unknownNext(fmt.Sprintf("the unit changes the user, and a session of %s through %s is not known: %s", user, service, other.why))
		case !sameLimit(item, other.pair, n.pair):
			return unknownNext(fmt.Sprintf("the unit gives %s and changes the user, and a session of %s through %s gets %s",
				n.pair.show(), user, service, other.pair.show()))
		}
	}
	return n
}

// switchedUser is to whom a unit that changes the user changes it, "" where
// that is not known.
func (r *resolver) switchedUser(s *start) string {
	if s.user == "" || s.user == "root" {
		return r.f.Session.FlinkUser.Or("")
	}
	return s.user
}

// changesUser reports whether a TaskManager of the start is of another user
// than its unit; where none runs, whether the unit's command changes it.
func (r *resolver) changesUser(s *start, u conf.UnitResult) bool {
	asRoot := slices.Contains([]string{"", "root", "0"}, r.unitUser(s.unit))
	for _, tm := range s.tms {
		if uid, ok := tm.UID.Get(); asRoot && ok && uid != 0 {
			return true
		}
	}
	changes := false
	r.unitLines(u, func(_ conf.Place, line string) { changes = changes || line == "ExecStart=su" })
	return changes
}

// sameLimit compares what counts of two limits: of open files the hard one,
// since HotSpot raises the soft one.
func sameLimit(item string, a, b LimitPair) bool {
	return a.Hard == b.Hard && (item == "nofile" || a.Soft == b.Soft)
}

func rlimitFrom(l Limit) conf.Rlimit {
	if l == Unlimited {
		return conf.RlimitInfinity
	}
	return conf.Rlimit(l)
}
