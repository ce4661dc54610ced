package probes

import (
	"reflect"
	"slices"
	"sort"
	"strconv"
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
func (e *Evaluator) Evaluate(f *Facts) Audit {
	a := Audit{Status: OK, Findings: []Finding{}, Causes: []Cause{}}
	next := newResolver(f, e.memo)
	for _, probe := range All {
		check, findings := judge(Input{Facts: f, Policy: e.policy, Probe: probe, next: next})
		a.Checks = append(a.Checks, check)
		a.Findings = append(a.Findings, findings...)
	}
	a.Causes = newDiagnosis(Input{Facts: f, Policy: e.policy, next: next}).causes()
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
	name := strings.ReplaceAll(probe, "-", "_")
	v := reflect.ValueOf(f).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("json") == name {
			return v.Field(i)
		}
	}
	panic("Facts has no field for probe " + probe)
}

// walk calls visit for every Value below v, in a stable order, with its JSON
// path in two parts (see join) and whether it is needed (struct tag
// need:"needed"). Most facts are known and their paths never looked at: that
// is why the parts are joined by the visitor.
func walk(v reflect.Value, parent, name string, need bool, visit func(parent, name string, need bool, v facter)) {
	if f, ok := asFacter(v); ok {
		visit(parent, name, need, f)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		path := join(parent, name)
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if !field.IsExported() {
				continue
			}
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			walk(v.Field(i), path, name, field.Tag.Get("need") == "needed", visit)
		}
	case reflect.Slice:
		if !holdsFacts(v.Type().Elem()) {
			return
		}
		path := join(parent, name)
		for i := range v.Len() {
			walk(v.Index(i), path, element(v.Index(i), i), need, visit)
		}
	case reflect.Map:
		if !holdsFacts(v.Type().Elem()) {
			return
		}
		path := join(parent, name)
		for _, k := range keysInOrder(v) {
			walk(v.MapIndex(k), path, keyText(k), need, visit)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			walk(v.Elem(), parent, name, need, visit)
		}
	}
}

// asFacter is v as a fact, if it is one; without a copy where it can be.
func asFacter(v reflect.Value) (facter, bool) {
	if v.Kind() != reflect.Struct || !v.CanInterface() {
		return nil, false
	}
	if v.CanAddr() {
		v = v.Addr()
	}
	f, ok := v.Interface().(facter)
	return f, ok
}

// holdsFacts reports whether values of that type may have facts in them.
func holdsFacts(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct, reflect.Slice, reflect.Map, reflect.Pointer:
		return true
	}
	return false
}

func keysInOrder(m reflect.Value) []reflect.Value {
	keys := m.MapKeys()
	sort.Slice(keys, func(i, j int) bool { return less(keys[i], keys[j]) })
	return keys
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	if name == "" {
		return path
	}
	return path + "." + name
}

// element names an element of a slice: by its pid where it has one, so that
// paths agree between reports.
func element(v reflect.Value, i int) string {
	if v.Kind() == reflect.Struct {
		if pid := v.FieldByName("PID"); pid.IsValid() && pid.CanInt() {
			return strconv.FormatInt(pid.Int(), 10)
		}
	}
	return strconv.Itoa(i)
}

func less(a, b reflect.Value) bool {
	if a.CanInt() {
		return a.Int() < b.Int()
	}
	return a.String() < b.String()
}

func keyText(k reflect.Value) string {
	if k.CanInt() {
		return strconv.FormatInt(k.Int(), 10)
	}
	return k.String()
}
