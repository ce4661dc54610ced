package repair

import (
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/report"
)

// statuses: nothing that was well before is worse because of the plan. What it
// cannot have to do with is left alone: usage that grew, the log of a
// TaskManager, other probes. A TaskManager that was there and is gone counts.
//
// A plan from a file has no report of before; then there is nothing to compare.
func (v *verification) statuses() {
	if v.Before == nil || v.Before.Unreachable != nil {
		return
	}
	mine := map[string]bool{}
	for _, e := range v.Plan.Expect {
		for _, p := range probes.All {
			if p.Setting != nil && (p.Setting.Name == e.Setting || tells(v.after, p.Name, e.Setting)) {
				mine[p.Name] = true
			}
		}
	}
	before := map[string]bool{}
	for _, f := range v.Before.Findings {
		before[f.Code+"\x00"+f.Subject] = true
	}
	for _, f := range v.after.Findings {
		// A finding at Running is about a process that began before: that it
		// has less than a new one would get is news of a plan that worked.
		if mine[f.Probe] && f.Horizon != probes.Running && f.Waived == nil && !strings.HasPrefix(f.Code, "cause/") && !before[f.Code+"\x00"+f.Subject] {
			v.fail("it was not so before: %s %s", f.Code, f.Message)
		}
	}
	for _, c := range v.after.Checks {
		if was := statusOf(v.Before, c.Probe); mine[c.Probe] && c.Status == probes.StatusUnknown && was != probes.StatusUnknown {
			v.fail("check %s was %s and is unknown: %s", c.Probe, was, c.Reason)
		}
	}
	if len(v.Before.TaskManagers) > 0 && len(v.after.TaskManagers) == 0 {
		v.fail("a TaskManager ran before, and none does now")
	}
}

// tells reports whether a probe's check shows a setting.
func tells(h *report.Host, probe, setting string) bool {
	for _, c := range h.Checks {
		for _, s := range c.Horizons {
			if c.Probe == probe && s.Setting == setting {
				return true
			}
		}
	}
	return false
}

func statusOf(h *report.Host, probe string) probes.Status {
	for _, c := range h.Checks {
		if c.Probe == probe {
			return c.Status
		}
	}
	return probes.StatusUnknown
}
