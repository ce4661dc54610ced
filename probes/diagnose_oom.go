package probes

import (
	"fmt"
	"slices"
)

// oomKills: the kernel's record names the victim. The log of a process that
// is killed simply stops.
func (d *diagnosis) oomKills() {
	for _, k := range d.f.Memory.Kernel.OOMKills {
		kind, why := d.f.Victim(k)
		if kind != VictimTaskManager && kind != VictimLikely {
			continue
		}
		c := candidate{run: -1, at: k.Time, from: k.Time, dead: true}
		c.Cause = Cause{Cause: causeMemory, Confidence: Proven, Subject: fmt.Sprintf("pid %d", k.PID),
			Evidence: []Evidence{{Source: k.Source, Time: when(k.Time), Text: k.Text}}}
		if why != "" {
			c.Evidence = append(c.Evidence, Evidence{Source: "tmdoctor", Text: why})
		}
		for i, r := range d.f.Logs.Runs {
			if r.Kind == LogTaskManager && r.Last > 0 && k.Time > 0 && near(r.Last, k.Time) && d.taskManagerOf(i) == nil {
				c.run = i
			}
		}
		if kind == VictimLikely && c.run < 0 {
			if slices.ContainsFunc(d.f.Logs.Runs, func(r LogRun) bool { return r.Kind == LogTaskManager && r.Last > 0 }) {
				continue // no TaskManager's log stops then: it was another java process of that user
			}
			c.Confidence = Likely
		}
		what := "the host had none left"
		if k.Constraint == "CONSTRAINT_MEMCG" {
			what = "the limit of its cgroup " + k.OOMMemcg + " is reached, the host has memory"
		}
		at := ""
		if k.Time > 0 {
			at = " at " + d.clock(k.Time)
		}
		c.Message = fmt.Sprintf("out of memory: the kernel killed the TaskManager, pid %d%s: %s", k.PID, at, what)
		if k.AnonRSS > 0 {
			c.Message += fmt.Sprintf("; it used %s", gib(k.AnonRSS))
		}
		c.over = d.overKill(k, c.run)
		c.Remedy = memoryJudge{Input: d.in}.oomRemedy(k)
		d.add(c)
	}
}

// overKill tells whether a TaskManager was started after a kill and works.
func (d *diagnosis) overKill(k OOMKill, run int) string {
	for i, r := range d.f.Logs.Runs {
		if began := d.began(i); r.Kind == LogTaskManager && began >= k.Time && k.Time > 0 && (run < 0 || d.follows(i, run)) {
			switch {
			case r.works():
				return "the TaskManager was started again at " + d.clock(began) + " and runs its job"
			case r.Registered > k.Time && d.taskManagerOf(i) != nil:
				return "the TaskManager was started again at " + d.clock(began) + " and is registered"
			}
		}
	}
	return ""
}
