package probes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// start is a way in which a TaskManager of the host will be started the next
// time: through a unit, a session of its user, or something else's doing.
type start struct {
	kind, unit, user, owner string
	services                []string // PAM services that may open the session
	under                   string   // the service of the session from which they were asked, "" where not known
	evidence                string
	// tms are the running TaskManagers that were started so; none where a unit
	// or user stands ready and nothing runs.
	tms []TaskManager
}

// subject is what findings and standings about the start are about.
func (s *start) subject() string {
	switch s.kind {
	case LaunchSystemd, LaunchUserUnit:
		return s.unit
	case LaunchYARN:
		return cmp.Or(s.unit, s.owner)
	case LaunchContainer:
		return s.owner
	}
	return "user " + s.user
}

// startsOf are the ways of all running TaskManagers, each once; of a host
// without one those of the units that would start one, or of its user.
func (r *resolver) startsOf() []start {
	if r.starts != nil {
		return r.starts
	}
	at := map[string]int{}
	for _, tm := range r.f.Flink.TaskManagers {
		l := tm.Launch
		key := strings.Join([]string{l.Kind, l.Unit, userKey(tm), strings.Join(l.Services, ",")}, "\x00")
		if l.Kind == LaunchLogin { // each login has a scope of its own
			key = strings.Join([]string{l.Kind, userKey(tm), strings.Join(l.Services, ",")}, "\x00")
		}
		i, ok := at[key]
		if !ok {
			i = len(r.starts)
			at[key] = i
			r.starts = append(r.starts, start{kind: l.Kind, unit: l.Unit, user: userKey(tm), owner: l.Owner, services: l.Services, under: l.Session, evidence: l.Evidence})
		}
		r.starts[i].tms = append(r.starts[i].tms, tm)
	}
	if len(r.starts) == 0 {
		r.starts = r.startsWithout()
	} else {
		r.starts = append(r.starts, r.startsBeside()...)
	}
	return r.starts
}

// startsBeside are units that a boot starts and in which none of the running
// TaskManagers is: the next boot does not start them as they were started.
func (r *resolver) startsBeside() (starts []start) {
	for _, name := range sortedKeys(r.f.NoFile.Units) {
		u, _ := r.f.NoFile.Units[name].Get()
		runs := slices.ContainsFunc(r.f.Flink.TaskManagers, func(tm TaskManager) bool { return tm.Launch.Unit == name })
		enabled := u.State == "enabled" || slices.Contains(r.f.Login.Wanted, name)
		if enabled && !runs && strings.HasSuffix(name, ".service") {
			starts = append(starts, start{kind: LaunchSystemd, unit: name, user: r.unitUser(name), evidence: "the unit is enabled"})
		}
	}
	return starts
}

// startUnits are the units of all starts, each once.
func (r *resolver) startUnits() (names []string) {
	for i := range r.startsOf() {
		s := &r.starts[i]
		if (s.kind == LaunchSystemd || s.kind == LaunchYARN) && s.unit != "" && !slices.Contains(names, s.unit) {
			names = append(names, s.unit)
		}
	}
	return names
}

// startsWithout are the ways on a host where none runs.
func (r *resolver) startsWithout() (starts []start) {
	for _, name := range sortedKeys(r.f.NoFile.Units) {
		if strings.HasSuffix(name, ".service") {
			starts = append(starts, start{kind: LaunchSystemd, unit: name, user: r.unitUser(name), evidence: "a unit of that name"})
		}
	}
	if user, ok := r.f.Session.FlinkUser.Get(); ok && len(starts) == 0 {
		starts = []start{{kind: LaunchLogin, user: user, services: append([]string{"sshd"}, switching...), evidence: strings.TrimSpace("user by " + r.f.Session.FlinkUserFrom.Or("the login"))}}
	}
	return starts
}

// live is what a start gets of an item now.
func (r *resolver) live(s *start, item string) nextLimit {
	switch s.kind {
	case LaunchSystemd:
		return r.asUser(s, item, Live, r.liveUnit(s.unit, item))
	case LaunchYARN:
		if s.unit != "" {
			return r.asUser(s, item, Live, r.liveUnit(s.unit, item))
		}
		return unknownNext("it is what " + s.owner + " has, and what that was started by is not known")
	case LaunchUserUnit:
		return unknownNext("only the user's own systemd tells")
	case LaunchContainer:
		return unknownNext(s.owner + " sets it for the container")
	case LaunchUnknown:
		return unknownNext("what started the TaskManager is not known" + bracketed(s.evidence))
	}
	measured := r.measuredSession(s.user, item)
	if pair, ok := measured.Get(); ok {
		return nextLimit{pair: pair, known: true, source: sessionSource(s.user)}
	}
	n := r.session(s, item, Live)
	if !n.known {
		n.why = cmp.Or(n.why, measured.Why())
	}
	return n
}

func bracketed(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

// liveUnit is what systemctl show says.
func (r *resolver) liveUnit(unit, item string) nextLimit {
	u, ok := r.f.NoFile.Units[unit].Get()
	pair, has := u.Limits[item]
	if !ok || !has {
		return unknownNext(cmp.Or(r.f.NoFile.Units[unit].Why(), "systemctl show does not tell"))
	}
	return nextLimit{pair: pair, known: true, source: "systemctl show " + unit}
}

// measuredSession is what a new session of the user was seen to get.
func (r *resolver) measuredSession(user, item string) Value[LimitPair] {
	switch item {
	case "nofile":
		return r.f.NoFile.Sessions[user]
	case "as":
		return r.f.AddressSpace.Sessions[user]
	}
	return Unknown[LimitPair]("no session was asked for it")
}

// boot is what a start after the next boot gets of an item.
func (r *resolver) boot(s *start, item string) nextLimit {
	switch s.kind {
	case LaunchSystemd:
		return r.asUser(s, item, Boot, r.bootUnit(r.unit(s.unit), item, s.user))
	case LaunchUserUnit:
		return r.bootUnit(r.userUnit(s.unit, s.user), item, "")
	case LaunchYARN:
		if s.unit != "" {
			n := r.asUser(s, item, Boot, r.bootUnit(r.unit(s.unit), item, ""))
			n.source += " (" + s.owner + " hands it on)"
			return n
		}
		return unknownNext("it is what " + s.owner + " will have, and what starts that is not known")
	case LaunchContainer:
		return unknownNext(s.owner + " sets it for the container")
	case LaunchUnknown:
		return unknownNext("what started the TaskManager is not known" + bracketed(s.evidence))
	}
	n := r.session(s, item, Boot)
	if !n.known {
		return n
	}
	if why := r.contradicted(s, item); why != "" {
		return nextLimit{why: why, source: n.source, item: n.item}
	}
	return n
}

// contradicted says so where a session of ssh that was measured now has not
// what the files give now: then something decides that is not known here, and
// the next boot cannot be told from the files either.
func (r *resolver) contradicted(s *start, item string) string {
	if !r.f.Session.SSH || r.f.Session.User.Or("") != s.user || item != "nofile" && item != "as" {
		return ""
	}
	measured, ok := r.measuredSession(s.user, item).Get()
	now := r.login(s.user, "sshd", "", Live)
	l := now.Items[item]
	if !ok || now.why != "" || now.Refused != "" || !l.Soft.Known || !l.Hard.Known {
		return ""
	}
	if files := pairOf(l); files != measured {
		return fmt.Sprintf("the files give a session %s now, and one has %s: something else sets it", files.show(), measured.show())
	}
	return ""
}

// bootUnit is what a unit's files give. A unit with PAMName has its limits set
// by pam_limits at last.
func (r *resolver) bootUnit(u conf.UnitResult, item, user string) nextLimit {
	l := u.Items[unitItems[item]]
	n := limitOf(l)
	switch {
	case u.Unknown != "":
		return unknownNext(u.Unknown)
	case u.Masked.File != "":
		return unknownNext("the unit is masked by " + u.Masked.String())
	case u.PAMName != "" && user == "":
		return unknownNext("PAMName=" + u.PAMName + " lets pam_limits have the last word, and the unit's user is not known")
	case u.PAMName != "":
		s := r.rememberSession(user, u.PAMName, Boot, unitRlimits(u))
		if n = sessionLimit(s, item); s.why != "" {
			n.why = "PAMName=" + u.PAMName + " lets pam_limits have the last word: " + s.why
		}
	}
	if line := r.execUlimit(u, item, n.pair); n.known && line != "" {
		return nextLimit{why: line + " may change it", source: n.source, item: l}
	}
	return n
}
