package fix

import (
	"fmt"
	"slices"

	"github.com/tmdoctor/tmdoctor/probes"
)

// Recheck holds a plan that was kept in a file against its host as it is now, as
// Make would have seen it: the users, units and processes are those of
// TaskManagers, and with the planned files nothing gives less after the next
// boot than without. The file's own promises are not enough, since whoever edits
// a file edits those too. It gives what must hold afterwards besides them.
func Recheck(p *Plan, facts *probes.Facts, policy *probes.Policy, o Options) ([]Expect, error) {
	e := &edits{checker: new(checker), o: &o, q: &p.Query}
	for i := range p.Files {
		e.file(p.Files[i].Path, &p.Files[i])
	}
	r := &recheck{edits: e, plan: p, before: probes.Proposals(facts, policy), policy: policy}
	r.owners()
	r.values(planned(facts, p))
	return r.more, e.err
}

// planned is a host with the files and kernel values of a plan.
func planned(facts *probes.Facts, p *Plan) *probes.Facts {
	for i := range p.Files {
		facts = withFile(facts, new(Snapshot), p.Files[i].Path, string(p.Files[i].After))
	}
	for _, l := range p.Live {
		if n, err := probes.ParseLimit(l.After); err == nil && l.Kind == LiveSysctl {
			g := *facts
			g.Maps.MaxMapCount = probes.Known(int64(n))
			facts = &g
		}
	}
	return facts
}

// recheck is a plan that is held against its host.
type recheck struct {
	*edits
	plan   *Plan
	before []probes.Proposal
	policy *probes.Policy
	more   []Expect
}

// has reports whether a proposal for the host is as is says.
func (r *recheck) has(is func(*probes.Proposal) bool) bool {
	return slices.ContainsFunc(r.before, func(p probes.Proposal) bool { return is(&p) })
}

// owners checks that all that is changed belongs to TaskManagers.
func (r *recheck) owners() {
	for _, user := range r.users {
		if !r.has(func(p *probes.Proposal) bool { return p.Kind == probes.ProposeUser && p.User == user }) {
			r.refuse("user "+user, "no TaskManager of this host is started by a session of that user")
		}
	}
	for _, unit := range slices.Concat(r.units, r.plan.Restart) {
		if !r.has(func(p *probes.Proposal) bool { return p.Unit == unit }) {
			r.refuse(unit, "no TaskManager of this host is started by that unit")
		}
	}
	for _, l := range r.plan.Live {
		if l.Kind == LiveProcess && !r.has(func(p *probes.Proposal) bool { return slices.Contains(p.PIDs, l.PID) }) {
			r.refuse(fmt.Sprintf("pid %d", l.PID), "it is no TaskManager")
		}
	}
}

// values compares what the next boot gives with the planned files and without.
func (r *recheck) values(facts *probes.Facts) {
	for i := range r.before {
		was := &r.before[i]
		if was.Kind == probes.ProposeProcess {
			continue
		}
		f := facts
		if was.Kind == probes.ProposeUser {
			f = unmeasured(f, was.User)
		}
		now, ok := again(f, r.policy, was, i)
		if changed := r.changes(was); !ok || changed || was.Boot.Known {
			r.value(was, now, ok, changed)
		}
	}
}

// changes reports whether the plan changes what a proposal is about.
func (r *recheck) changes(p *probes.Proposal) bool {
	if !slices.Contains(r.raised, p.Setting) {
		return false
	}
	switch p.Kind {
	case probes.ProposeUser:
		return p.Setting == "as" || slices.Contains(r.users, p.User)
	case probes.ProposeUnit:
		return slices.Contains(r.units, p.Unit)
	}
	return true
}

func (r *recheck) value(was, now *probes.Proposal, ok, changed bool) {
	about := about(was.Setting, was.Subject)
	switch {
	case !ok:
		r.refuse(about, "with the planned files it cannot be judged")
	case !now.Boot.Known && was.Boot.Known:
		r.refuse(about, "with the planned files it is not known what the next boot gives: %s", now.Boot.Why)
	case !now.Boot.Known:
		r.refuse(about, "it is not known whether the plan lowers it: %s", now.Boot.Why)
	case was.Boot.Known && (now.Boot.Pair.Soft < was.Boot.Pair.Soft || now.Boot.Pair.Hard < was.Boot.Pair.Hard):
		r.refuse(about, "the plan would lower it for the next boot, from %s to %s", show(was.Boot.Pair), show(now.Boot.Pair))
	case changed && now.BootShort:
		r.refuse(about, "with the planned files the next boot gives %s, which is not enough", show(now.Boot.Pair))
	case changed:
		x := Expect{Setting: was.Setting, Subject: was.Subject, Horizon: probes.Boot, AtLeast: now.Boot.Pair.Hard}
		if was.Soft || was.Setting == "as" {
			x.AtLeast = now.Boot.Pair.Soft
		}
		if !slices.Contains(r.plan.Expect, x) {
			r.more = append(r.more, x)
		}
	}
}
