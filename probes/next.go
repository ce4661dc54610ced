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
	evidence                string
	// tms are the running TaskManagers that were started so; none where a unit
	// or user stands ready and nothing runs.
	tms []TaskManager
}

// subject is what findings and standings about the start are about.
func (s *start) subject() string {
	switch s.kind {
	case "systemd", "user_unit":
		return s.unit
	case "yarn":
		return cmp.Or(s.unit, s.owner)
	case "container":
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
		if l.Kind == "login" { // each login has a scope of its own
			key = strings.Join([]string{l.Kind, userKey(tm), strings.Join(l.Services, ",")}, "\x00")
		}
		i, ok := at[key]
		if !ok {
			i = len(r.starts)
			at[key] = i
			r.starts = append(r.starts, start{kind: l.Kind, unit: l.Unit, user: userKey(tm), owner: l.Owner, services: l.Services, evidence: l.Evidence})
		}
		r.starts[i].tms = append(r.starts[i].tms, tm)
	}
	if len(r.starts) == 0 {
		r.starts = r.startsWithout()
	}
	return r.starts
}

// startsWithout are the ways on a host where none runs.
func (r *resolver) startsWithout() (starts []start) {
	for _, name := range sortedKeys(r.f.NoFile.Units) {
		starts = append(starts, start{kind: "systemd", unit: name, evidence: "a unit of that name"})
	}
	if user, ok := r.f.Session.FlinkUser.Get(); ok && len(starts) == 0 {
		starts = []start{{kind: "login", user: user, services: append([]string{"sshd"}, switching...), evidence: r.f.Session.FlinkUserFrom.Or("")}}
	}
	return starts
}

// nextLimit is what a start gets of one item, or why that is not known.
type nextLimit struct {
	pair   LimitPair
	known  bool
	why    string
	source string
	// at and softAt are the lines that decide the hard and the soft limit, ""
	// if none does.
	at, softAt string
	// item is the way to it through the files, where there is one.
	item conf.ItemLimits
	// refused says why no session is opened at all, and by which line.
	refused, refusedAt string
}

func unknownNext(why string) nextLimit { return nextLimit{why: cmp.Or(why, notCollected)} }

// value is the limit as it is shown.
func (n nextLimit) value() HorizonValue {
	if !n.known {
		return HorizonValue{Source: n.source, Unknown: n.why}
	}
	return HorizonValue{Value: n.pair.show(), Source: n.source}
}

// show is SOFT:HARD, or one number where both are the same.
func (p LimitPair) show() string {
	if p.Soft == p.Hard {
		return p.Hard.String()
	}
	return p.Soft.String() + ":" + p.Hard.String()
}

// live is what a start gets of an item now.
func (r *resolver) live(s *start, item string) nextLimit {
	switch s.kind {
	case "systemd":
		return r.liveUnit(s.unit, item)
	case "yarn":
		if s.unit != "" {
			return r.liveUnit(s.unit, item)
		}
		return unknownNext("it is what " + s.owner + " has, and what that was started by is not known")
	case "user_unit":
		return unknownNext("only the user's own systemd tells")
	case "container":
		return unknownNext(s.owner + " sets it for the container")
	case "unknown":
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
	case "systemd":
		return r.bootUnit(r.unit(s.unit), item, s.user)
	case "user_unit":
		return r.bootUnit(r.userUnit(s.unit, s.user), item, "")
	case "yarn":
		if s.unit != "" {
			n := r.bootUnit(r.unit(s.unit), item, "")
			n.source += " (" + s.owner + " hands it on)"
			return n
		}
		return unknownNext("it is what " + s.owner + " will have, and what starts that is not known")
	case "container":
		return unknownNext(s.owner + " sets it for the container")
	case "unknown":
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
	now := r.login(s.user, "sshd", Live)
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
	case u.PAMName != "" && user != "":
		s := r.rememberSession(user, u.PAMName, Boot, unitRlimits(u))
		if n = sessionLimit(s, item); s.why != "" {
			n.why = "PAMName=" + u.PAMName + " lets pam_limits have the last word: " + s.why
		}
	}
	if line := r.execUlimit(u, item); n.known && line != "" {
		return nextLimit{why: line + " may change it", source: n.source, item: l}
	}
	return n
}

// execUlimit is a line of the unit that calls ulimit for the item.
func (r *resolver) execUlimit(u conf.UnitResult, item string) string {
	for _, path := range append([]string{u.Fragment}, u.DropIns...) {
		n := 0
		for line := range strings.Lines(r.file(path).Content) {
			n++
			_, text, ok := strings.Cut(line, "ExecStart=ulimit")
			if !ok {
				continue
			}
			for _, ul := range conf.UlimitLine(conf.Place{File: path, Line: n}, "ulimit"+text) {
				if ul.Item == item {
					return ul.At.String() + " (ulimit" + strings.TrimRight(text, "\n ") + ")"
				}
			}
		}
	}
	return ""
}

// session is what a new session of the user gets by the files, where all
// services that may open it give the same.
func (r *resolver) session(s *start, item string, h Horizon) nextLimit {
	var first nextLimit
	asked := ""
	for _, service := range s.services {
		if !r.hasService(service) && len(s.services) > 1 {
			continue
		}
		n := r.throughService(s.user, service, item, h)
		switch {
		case !n.known:
			return n
		case asked == "":
			first, asked = n, service
		case n.pair != first.pair:
			return unknownNext(fmt.Sprintf("a session through %s gets %s, one through %s %s, and which it was is not known",
				asked, first.pair.show(), service, n.pair.show()))
		}
	}
	if asked == "" {
		return unknownNext("none of the PAM services " + strings.Join(s.services, ", ") + " is there")
	}
	if line, ok := r.shellDoubt(item, first.pair); ok {
		return nextLimit{why: line, source: first.source, item: first.item}
	}
	return first
}

// hasService reports whether the host has a PAM file of that service, or the
// program that would use it.
func (r *resolver) hasService(service string) bool {
	for _, dir := range []string{"/etc/pam.d/", "/usr/lib/pam.d/"} {
		if k := r.file(dir + service).Kind; k != "" && k != FileAbsent {
			return true
		}
	}
	return service == "sshd" && r.f.Login.SSHDPID.IsKnown()
}

// throughService is what a session through one service gets.
func (r *resolver) throughService(user, service, item string, h Horizon) nextLimit {
	return sessionLimit(r.login(user, service, h), item)
}

// sessionLimit is one item of a session.
func sessionLimit(l sessionLimits, item string) nextLimit {
	switch {
	case l.why != "":
		return unknownNext(l.why)
	case l.Refused != "":
		return nextLimit{why: "no session is opened: " + l.Refused, refused: l.Refused, refusedAt: l.RefusedAt.String()}
	}
	n := limitOf(l.Items[item])
	if n.known && l.noPAM != "" {
		n.source = l.noPAM
	}
	n.item.Ignored = slices.Clone(n.item.Ignored)
	for _, note := range l.Ignored {
		// A line with a field too few names the item in the wrong place.
		named := slices.ContainsFunc(strings.Fields(note.Text), func(w string) bool { return strings.EqualFold(w, item) })
		if named && !slices.ContainsFunc(n.item.Ignored, func(o conf.Note) bool { return o.At == note.At }) {
			n.item.Ignored = append(n.item.Ignored, note)
		}
	}
	return n
}

// shellDoubt is a line with ulimit in a start file of the shell that may take
// away from what a session gets. Nobody runs it to find out.
func (r *resolver) shellDoubt(item string, pair LimitPair) (why string, ok bool) {
	lines := r.f.NoFile.Shell
	list, known := lines.Get()
	if !known {
		return "whether a start file of the shell calls ulimit: " + lines.Why(), true
	}
	for _, line := range list {
		path, n, text, ok := cutPlace(line)
		if !ok {
			continue
		}
		for _, u := range conf.UlimitLine(conf.Place{File: path, Line: n}, text) {
			// HotSpot raises the soft limit of open files to the hard one.
			counts := u.Hard || u.Soft && item != "nofile"
			top := pair.Hard
			if !u.Hard {
				top = pair.Soft
			}
			if u.Item == item && counts && !(u.Known && limitFrom(u.Value) >= top) {
				return u.At.String() + " may change it: " + strings.TrimSpace(text), true
			}
		}
	}
	return "", false
}

// limitFrom is a resolved limit as the facts hold limits.
func limitFrom(v conf.Rlimit) Limit {
	if uint64(v) > uint64(Unlimited) {
		return Unlimited
	}
	return Limit(v)
}

func pairOf(l conf.ItemLimits) LimitPair {
	return LimitPair{Soft: limitFrom(l.Soft.Value), Hard: limitFrom(l.Hard.Value)}
}

// limitOf is a resolved item with the places that decided.
func limitOf(l conf.ItemLimits) nextLimit {
	n := nextLimit{item: l}
	for _, b := range []conf.Bound{l.Soft, l.Hard} {
		if !b.Known {
			n.why = cmp.Or(b.Why, "no file tells")
			n.source = b.At.String()
			return n
		}
	}
	n.pair, n.known = pairOf(l), true
	if l.Hard.At.File != "" {
		n.at = l.Hard.At.String()
	}
	if l.Soft.At.File != "" {
		n.softAt = l.Soft.At.String()
	}
	sources := []string{boundSource(l.Hard)}
	if soft := boundSource(l.Soft); soft != sources[0] {
		sources = slices.Insert(sources, 0, soft)
	}
	n.source = strings.Join(sources, ", ")
	return n
}

// boundSource is where a bound comes from: its line, or in words.
func boundSource(b conf.Bound) string {
	switch {
	case b.At.File != "":
		return b.At.String()
	case b.From == conf.FromStart:
		return "what the session begins with"
	}
	return b.From
}
