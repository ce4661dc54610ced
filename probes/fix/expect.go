package fix

import (
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
)

// NotKnown is what [Expect.Holds] has for a value that is not known; the reason
// is where it would have been read.
const NotKnown = "not known"

// Holds reports whether the value holds by what was judged of a host, with the
// value and where it was read: the lowest of all that the subject stands for,
// or why it is not known. What is not known does not hold.
func (e Expect) Holds(checks []probes.Check) (ok bool, observed, where string) {
	lowest := probes.Unlimited
	found := false
	for i := range checks {
		for j := range checks[i].Horizons {
			row := &checks[i].Horizons[j]
			if row.Setting != e.Setting || row.Subject != e.Subject && (e.Subject == "" || row.Start != e.Subject) {
				continue
			}
			v := row.At(e.Horizon)
			limit, known := e.counts(v.Value)
			switch {
			case v.Unknown != "":
				return false, NotKnown, v.Unknown
			case !known:
				return false, v.Value, v.Source
			case !found || limit < lowest:
				found, lowest, observed, where = true, limit, v.Value, v.Source
			}
		}
	}
	if !found {
		return false, NotKnown, strings.TrimSuffix("nothing on the host tells it of "+e.Subject, " of ")
	}
	return lowest >= e.AtLeast, observed, where
}

// counts is the limit that is compared, of a value that may be SOFT:HARD.
func (e Expect) counts(value string) (probes.Limit, bool) {
	soft, hard, pair := strings.Cut(value, ":")
	if !pair {
		hard = soft
	}
	if e.Setting != "nofile" || e.Soft {
		hard = soft
	}
	l, err := probes.ParseLimit(hard)
	return l, err == nil
}

// expect writes down what must hold afterwards: for each setting that is
// changed the values that the planned host has, now and after the next boot.
func (m *maker) expect() {
	if len(m.touched)+len(m.kept) == 0 {
		return
	}
	checks := probes.Evaluate(m.d.facts, m.policy).Checks
	for _, p := range probes.Proposals(m.d.facts, m.policy) {
		key := [2]string{p.Setting, p.Subject}
		if !slices.Contains(m.touched, key) && !slices.Contains(m.kept, key) {
			continue
		}
		if p.Kind == probes.ProposeProcess {
			m.expectAt(checks, &p, probes.Running, p.Live)
			continue
		}
		m.expectAt(checks, &p, probes.Live, p.Live)
		m.expectAt(checks, &p, probes.Boot, p.Boot)
		if slices.Contains(m.plan.Restart, p.Unit) && p.Setting != "TasksMax" {
			m.add(Expect{Setting: p.Setting, Subject: p.Subject, Horizon: probes.Running, AtLeast: p.Counts(p.Boot.Pair)})
		}
	}
}

// expectAt expects of a horizon what the planned host has there.
func (m *maker) expectAt(checks []probes.Check, p *probes.Proposal, h probes.Horizon, w probes.Worth) {
	if !w.Known {
		if !slices.Contains(m.touched, [2]string{p.Setting, p.Subject}) {
			return
		}
		m.note(strings.TrimPrefix(p.Subject+": what "+p.Setting+" is then ("+string(h)+") cannot be verified: "+w.Why, ": "))
		return
	}
	e := Expect{Setting: p.Setting, Subject: p.Subject, Horizon: h, AtLeast: w.Pair.Hard}
	if p.Soft || p.Setting == "as" {
		e.AtLeast = w.Pair.Soft
	}
	if p.Setting == "nofile" && w.Pair.Soft >= p.AtLeast {
		e.Soft, e.AtLeast = true, min(w.Pair.Soft, w.Pair.Hard)
	}
	if ok, _, _ := e.Holds(checks); ok {
		m.add(e)
	}
}

func (m *maker) add(e Expect) {
	if !slices.Contains(m.plan.Expect, e) {
		m.plan.Expect = append(m.plan.Expect, e)
	}
}
