package fix

import (
	"slices"

	"github.com/tmdoctor/tmdoctor/probes"
)

// Ask is what must be read of a host before a plan for it can be made. Where
// nothing can be raised nothing is asked.
func Ask(facts *probes.Facts, policy *probes.Policy, o Options) Query {
	q := newQuery()
	for _, p := range probes.Proposals(facts, policy) {
		q.add(facts, &p, o)
	}
	if o.VmemToAs {
		for _, path := range vmemPaths(facts) {
			q.path(path)
		}
	}
	if q.limits(facts) {
		q.usersOf(facts)
	}
	return q.sorted()
}

// Make plans what a host gets. It never lowers a value, and what it cannot
// know it refuses.
func Make(host string, facts *probes.Facts, s *Snapshot, policy *probes.Policy, o Options) *Plan {
	m := newMaker(host, facts, s, policy, o)
	m.plan.Query = Ask(facts, policy, o)
	m.settings()
	m.restarts()
	m.processes()
	m.finish()
	return m.checked()
}

// checked is the plan, or one of nothing where the plan is not one that could be
// read back: a host with an odd name of a file keeps no other host from its fix.
func (m *maker) checked() *Plan {
	c := new(checker)
	c.plan(m.host, m.plan.complete(), &m.o)
	if c.err == nil {
		return m.plan
	}
	refused := &Plan{Host: m.host, Refused: []Refusal{{
		Setting: "plan", Subject: m.host, Reason: "its plan does not pass its own checks: " + c.err.Error(), Instead: "mend the host by hand: tmdoctor explain CODE has the steps",
	}}}
	words := new(checker)
	if words.words(m.host, m.plan); words.err == nil {
		refused.Advice = m.plan.Advice
	}
	return refused.complete()
}

// maker makes the plan of one host.
type maker struct {
	host   string
	s      *Snapshot
	policy *probes.Policy
	o      Options
	plan   *Plan
	// d is the host as it would be by what is planned so far.
	d *draft
	// stop is why nothing may be planned at all, "" if it may.
	stop string
	// touched are the settings that are changed, by setting and subject; kept
	// those that must only not get worse.
	touched, kept [][2]string
}

func newMaker(host string, facts *probes.Facts, s *Snapshot, policy *probes.Policy, o Options) *maker {
	m := &maker{host: host, s: s, policy: policy, o: o, d: &draft{facts: facts}}
	m.plan = &Plan{
		Host: host, Files: []FileChange{}, Live: []LiveChange{}, Restart: []string{}, Expect: []Expect{},
		Refused: []Refusal{}, Advice: []Advice{}, Notes: []string{},
	}
	if s == nil {
		m.s = &Snapshot{Obstacle: "its files were not read"}
	}
	m.stop = stopped(facts, m.s, o)
	return m
}

// settings plans the settings of the kernel, of sessions and of units. Each
// is looked at on the host as the one before leaves it.
func (m *maker) settings() {
	n := len(probes.Proposals(m.d.facts, m.policy))
	for i := range n {
		all := probes.Proposals(m.d.facts, m.policy)
		if i >= len(all) || all[i].Kind == probes.ProposeProcess {
			continue
		}
		m.setting(all[i], i)
	}
	if m.o.VmemToAs {
		m.vmem()
	}
}

// setting plans one setting; i is its place among the proposals of the host,
// which planning does not change.
func (m *maker) setting(p probes.Proposal, i int) {
	switch p.Kind {
	case probes.ProposeHost:
		m.sysctl(p, i)
	case probes.ProposeUser:
		m.user(p, i)
	case probes.ProposeUnit:
		m.unit(p, i)
	}
}

// touch remembers that a setting is changed.
func (m *maker) touch(p *probes.Proposal) {
	key := [2]string{p.Setting, p.Subject}
	if !slices.Contains(m.touched, key) {
		m.touched = append(m.touched, key)
	}
}

// note adds a note, once.
func (m *maker) note(text string) {
	if !slices.Contains(m.plan.Notes, text) {
		m.plan.Notes = append(m.plan.Notes, text)
	}
}

// refuse says that a setting is not raised, and why.
func (m *maker) refuse(p *probes.Proposal, reason, instead string) {
	r := Refusal{Setting: p.Setting, Subject: p.Subject, Reason: reason, Instead: instead}
	if !slices.Contains(m.plan.Refused, r) {
		m.plan.Refused = append(m.plan.Refused, r)
	}
}

// finish writes down what was planned.
func (m *maker) finish() {
	m.plan.Files = append(m.plan.Files, m.d.changes()...)
	for _, f := range m.plan.Files {
		if f.Managed != "" {
			m.note(f.Path + " is changed although " + f.Managed + " says that it writes it: the next run of it may take the change back")
		}
	}
	m.expect()
	m.advise()
	if m.s.Unfinished != nil && m.plan.IsEmpty() {
		m.note(m.s.Unfinished.Open())
	}
}
