package probes

import (
	"reflect"
	"slices"
	"strings"
)

// Evaluator judges hosts against one policy, and remembers what it made of the
// configuration of those before: hosts of a fleet are alike. It may be used by
// several goroutines.
type Evaluator struct {
	policy *Policy
	memo   *memo
}

// NewEvaluator judges against p; nil is the default policy.
func NewEvaluator(p *Policy) *Evaluator { return &Evaluator{policy: p, memo: newMemo()} }

// Evaluate judges the facts of one host: a check for each probe, findings,
// causes, and the status of the host. It is pure.
func (e *Evaluator) Evaluate(f *Facts) Audit { return e.EvaluateWith(f, nil) }

// EvaluateWith judges the facts of one host and what Flink's REST API says of
// it; nil where that was not asked.
func (e *Evaluator) EvaluateWith(f *Facts, c *HostCluster) Audit {
	f = f.with(c)
	a := Audit{Status: OK, Findings: []Finding{}, Causes: []Cause{}}
	in := Input{Facts: f, Policy: e.policy, cluster: c, next: newResolver(f, e.memo)}
	in.diagnosis = newDiagnosis(in)
	for _, probe := range All {
		in.Probe = probe
		check, findings := judge(in)
		a.Checks = append(a.Checks, check)
		a.Findings = append(a.Findings, findings...)
	}
	a.Causes = in.diagnosis.causes()
	a.escalate(e.policy)
	a.Findings = append(a.Findings, causeFindings(a.Causes, e.policy)...)
	a.setAsideImplied()
	a.settle()
	return a
}

// Evaluate judges one host alone.
func Evaluate(f *Facts, p *Policy) Audit { return (&Evaluator{policy: p}).Evaluate(f) }

// settle derives the host's status from its checks and findings.
func (a *Audit) settle() {
	a.Status = OK
	for _, c := range a.Checks {
		a.Status = Worst(a.Status, c.Status)
	}
	for _, f := range a.Findings {
		if f.Waived == nil {
			a.Status = Worst(a.Status, f.Status)
		}
	}
}

// Only is the audit as if only the named probes had judged. Causes rest on all
// of them and stay, with their findings: a host with a cause is never ok. nil
// means all probes.
func (a Audit) Only(names []string) Audit {
	if names == nil {
		return a
	}
	keep := func(probe string) bool { return slices.Contains(names, probe) }
	a.Checks = slices.DeleteFunc(slices.Clone(a.Checks), func(c Check) bool { return !keep(c.Probe) })
	other := func(f Finding) bool { return !keep(f.Probe) && !strings.HasPrefix(f.Code, causePrefix) }
	a.Findings = slices.DeleteFunc(slices.Clone(a.Findings), other)
	a.implied = slices.DeleteFunc(slices.Clone(a.implied), other)
	a.settle()
	return a
}

// judge runs one probe's judge and derives the status of the check: the worst
// finding, or unknown where a needed fact is unknown and nothing failed.
func judge(in Input) (Check, []Finding) {
	probe := in.Probe
	j := probe.Judge(in)
	c := Check{Probe: probe.Name, Status: OK, Observed: j.Observed, Want: j.Want, NotSeen: []NotSeen{}, Horizons: j.Horizons}
	if c.Horizons == nil {
		c.Horizons = []Standing{}
	}
	if j.Skipped != "" {
		c.Status, c.Reason = Skipped, j.Skipped
		return c, nil
	}
	reasons := j.Unknown
	section := in.Facts.section(probe.Name)
	walk(section, "", "", false, func(parent, name string, need bool, v facter) {
		if v.IsKnown() {
			return
		}
		path := join(parent, name)
		if v.Why() == absentHere && slices.Contains(probe.Lacking, path) {
			return
		}
		if need {
			reasons = append(reasons, path+": "+v.Why())
		} else {
			c.NotSeen = append(c.NotSeen, NotSeen{Fact: path, Why: v.Why()})
		}
	})
	c.NotSeen = append(c.NotSeen, bootNotSeen(c.Horizons)...)
	if len(reasons) > 0 {
		c.Status, c.Reason = StatusUnknown, strings.Join(reasons, "; ")
	}
	for i := range j.Findings {
		if j.Findings[i].Waived == nil {
			c.Status = Worst(c.Status, j.Findings[i].Status)
		}
	}
	return c, j.Findings
}

// section is the field of Facts that belongs to a probe.
func (f *Facts) section(probe string) reflect.Value {
	i, ok := sectionFields[strings.ReplaceAll(probe, "-", "_")]
	if !ok {
		panic("Facts has no field for probe " + probe)
	}
	return reflect.ValueOf(f).Elem().Field(i)
}

// sectionFields are the fields of Facts by their names in JSON.
var sectionFields = func() map[string]int {
	fields := map[string]int{}
	for i := range reflect.TypeFor[Facts]().NumField() {
		fields[reflect.TypeFor[Facts]().Field(i).Tag.Get("json")] = i
	}
	return fields
}()
