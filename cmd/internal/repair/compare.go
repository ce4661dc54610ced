package repair

import (
	"fmt"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/report"
)

// Held is whether a change of a run holds on a host now.
type Held struct {
	Expect fix.Expect
	Held   bool
	Known  bool
	Now    string // the value, or why it is not known
	Where  string // what decides it
}

// Compare says for each value that a run was to give a host for good if it
// holds; nil for a host without a plan in the run. What was raised for running
// processes only is not asked for: it ends with them.
func (s *SavedRun) Compare(h *report.Host) (all []Held) {
	if h == nil {
		return nil
	}
	p := s.plan(h.Name)
	if p == nil {
		return nil
	}
	for _, e := range p.Expect {
		if e.Horizon == probes.Running {
			continue
		}
		if u := h.Unreachable; u != nil {
			all = append(all, Held{Expect: e, Now: fmt.Sprintf("the host did not answer: %s: %s", u.Phase, u.Reason)})
			continue
		}
		all = append(all, held(e, h.Checks))
	}
	return all
}

// plan is the plan of a host, nil if it has none.
func (s *SavedRun) plan(host string) *fix.Plan {
	for _, p := range s.Plans.Hosts {
		if p.Host == host {
			return p
		}
	}
	return nil
}

// held is one value of a plan among the checks of its host. A TaskManager that
// was meant by its pid may be another process by now: then all that are there
// must have the value, or what would start one.
func held(e fix.Expect, checks []probes.Check) Held {
	subjects := []string{e.Subject}
	if strings.HasPrefix(e.Subject, "pid ") {
		now := subjectsOf(e.Setting, checks)
		gone := true
		for _, s := range now {
			gone = gone && s != e.Subject
		}
		if gone && len(now) > 0 {
			subjects = now
		}
	}
	first := Held{}
	for i, subject := range subjects {
		one := e
		one.Subject = subject
		ok, now, where := one.Holds(checks)
		if i == 0 || !ok && first.Held {
			first = Held{Expect: e, Held: ok, Known: now != fix.NotKnown, Now: now, Where: where}
		}
	}
	return first
}

// subjectsOf are whom the checks tell a setting of.
func subjectsOf(setting string, checks []probes.Check) (all []string) {
	for _, c := range checks {
		for _, s := range c.Horizons {
			if s.Setting == setting {
				all = append(all, s.Subject)
			}
		}
	}
	return all
}
