package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
)

// Tally counts hosts as they arrive, ranks their causes, and compares those
// that have one with the others. The zero Tally is ready. It keeps names of
// hosts with a cause, and what is different among all hosts once.
type Tally struct {
	s      Summary
	causes map[string]*causeTally
	why    reasons
	shared sharing
}

// Add counts one host. A status that is none counts as unknown.
func (t *Tally) Add(h *Host) {
	t.s.Hosts++
	switch h.Status {
	case probes.OK, probes.Skipped:
		t.s.OK++
	case probes.Warn:
		t.s.Warn++
	case probes.Fail:
		t.s.Fail++
	default:
		t.s.Unknown++
	}
	t.shared.add(h)
	t.why.add(h)
	t.addCauses(h)
}

// Summary is the count so far. finished is nil if the run was cut short.
func (t *Tally) Summary(finished *time.Time) Summary {
	s := t.s
	s.Finished = finished
	s.Causes = make([]CauseSummary, 0, len(t.causes))
	for name, c := range t.causes {
		s.Causes = append(s.Causes, t.cause(name, c))
	}
	slices.SortFunc(s.Causes, func(a, b CauseSummary) int {
		return cmp.Or(
			cmp.Compare(strength(b.Confidence), strength(a.Confidence)),
			cmp.Compare(b.Shown.Hosts, a.Shown.Hosts),
			cmp.Compare(b.Hosts, a.Hosts),
			cmp.Compare(a.Cause, b.Cause))
	})
	return s
}

// strength orders confidences: proven is the strongest, what is history or
// not known is weaker than any that holds now.
func strength(c probes.Confidence) int { return 1 + slices.Index(confidences, c) }

// confidences are all there are, the weakest first.
var confidences = []probes.Confidence{probes.History, probes.Possible, probes.Likely, probes.Proven}

// appendHost adds a name to a list that is filled host by host, once a host.
func appendHost(names []string, name string) []string {
	if n := len(names); n > 0 && names[n-1] == name {
		return names
	}
	return append(names, name)
}

// FailOn is the lowest status that makes the exit status other than 0. The
// empty FailOn is FailOnWarn.
type FailOn string

// The values of --fail-on, the strictest first.
const (
	FailOnWarn    FailOn = "warn"
	FailOnUnknown FailOn = "unknown"
	FailOnFail    FailOn = "fail"
	FailOnNever   FailOn = "never"
)

// failOnRank is the lowest [probes.Status.Rank] that counts.
var failOnRank = map[FailOn]int{
	"": 1, FailOnWarn: 1, FailOnUnknown: 2, FailOnFail: 3, FailOnNever: 4,
}

// ParseFailOn reads the value of --fail-on.
func ParseFailOn(s string) (FailOn, error) {
	if _, ok := failOnRank[FailOn(s)]; ok && s != "" {
		return FailOn(s), nil
	}
	return "", fmt.Errorf("%q is not one of warn, unknown, fail, never", s)
}

// ExitStatus is 2 if anything failed, else 3 if anything is unknown or the
// run was cut short, else 1 if anything warned, else 0. What is below failOn
// gives 0, but for a run that was cut short: that is never 0 or 1, whatever
// failOn says, since nobody knows what it would have found.
func ExitStatus(s Summary, fleet Fleet, cutShort bool, failOn FailOn) int {
	worst := worstOf(s, fleet)
	if cutShort {
		worst = max(worst, probes.StatusUnknown.Rank())
	}
	if worst < failOnRank[failOn] && !cutShort {
		return 0
	}
	return []int{0, 1, 3, 2}[worst]
}

// worstOf is the rank of the worst status of a report.
func worstOf(s Summary, fleet Fleet) int {
	worst := 0
	switch {
	case s.Fail > 0:
		worst = probes.Fail.Rank()
	case s.Unknown > 0:
		worst = probes.StatusUnknown.Rank()
	case s.Warn > 0:
		worst = probes.Warn.Rank()
	}
	for i := range fleet.Findings {
		if f := &fleet.Findings[i]; f.Waived == nil {
			worst = max(worst, f.Status.Rank())
		}
	}
	return worst
}
