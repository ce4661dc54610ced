package fix

import (
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
)

// advise lists what stays with a person: the findings of the host as it would
// be, but for those whose setting is refused, which says what to do itself, and
// of a process that only has to be started again but for that it has to.
func (m *maker) advise() {
	findings := probes.Evaluate(m.d.facts, m.policy).Findings
	for _, f := range findings {
		if f.Waived != nil || m.settled(&f) || restarts(findings, &f) {
			continue
		}
		a := Advice{Code: f.Code, Subject: f.Subject, Message: f.Message, Remedy: f.Remedy}
		if !slices.Contains(m.plan.Advice, a) {
			m.plan.Advice = append(m.plan.Advice, a)
		}
	}
}

// restarts reports whether another finding says of the same process that a
// start would give it enough.
func restarts(findings []probes.Finding, f *probes.Finding) bool {
	code := f.Probe + "/restart-needed"
	return f.Horizon == probes.Running && f.Code != code && slices.ContainsFunc(findings, func(o probes.Finding) bool {
		return o.Code == code && o.Subject == f.Subject
	})
}

// settled reports whether a finding needs no advice of its own.
func (m *maker) settled(f *probes.Finding) bool {
	probe := probes.ByName(f.Probe)
	if probe == nil || probe.Setting == nil {
		return false
	}
	setting := probe.Setting.Name
	if strings.HasPrefix(f.Code, "cause/") {
		// What was wrong is still in the log after it was mended.
		return slices.ContainsFunc(m.touched, func(t [2]string) bool { return t[0] == setting })
	}
	return slices.ContainsFunc(m.plan.Refused, func(r Refusal) bool {
		return r.Setting == setting && (r.Subject == f.Subject || r.Subject == "")
	})
}
