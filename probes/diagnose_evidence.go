package probes

import (
	"fmt"
	"path"
)

// forksRefused: the kernel counts for each control group how often it refused
// a thread. The count of the process's own group is of this process and its
// children; the count of a group above it may be of others.
func (d *diagnosis) forksRefused(tm *TaskManager, c *candidate) (string, bool) {
	if tm == nil {
		return "", false
	}
	groups, _ := d.f.Threads.Groups[tm.PID].Get()
	for i, g := range groups {
		if g.Refused == 0 {
			continue
		}
		if i > 0 {
			c.Confidence = Likely
		}
		by := starterOf(d.in, *tm)
		c.Remedy = by.raiseTasks(path.Dir(g.Path), twice(g.Max)) + "; " + by.orStart()
		events := path.Dir(g.Path) + "/pids.events"
		c.Evidence = append(c.Evidence, Evidence{Source: events, Text: fmt.Sprintf("max %d", g.Refused)}, Evidence{Source: g.Path, Text: fmt.Sprintf("%d of %d", g.Current, g.Max)})
		return fmt.Sprintf("threads: the kernel refused %s to the control group %s, which may have %s (pids.max, TasksMax)", group(g.Refused), path.Base(path.Dir(g.Path)), group(g.Max)), true
	}
	return "", false
}

// unitKills: systemd says of a unit whose last run ended by the OOM killer
// that it did, to everybody, where the kernel log may not be read.
func (d *diagnosis) unitKills() {
	if d.has(causeMemory) || len(d.f.Flink.TaskManagers) > 0 || !d.f.Flink.Searched.IsKnown() {
		return
	}
	for _, name := range sortedKeys(d.f.NoFile.Units) {
		u, ok := d.f.NoFile.Units[name].Get()
		if !ok || u.Result != "oom-kill" {
			continue
		}
		c := candidate{run: d.newestRun(), dead: true}
		c.Cause = Cause{Cause: causeMemory, Confidence: Proven, Subject: name,
			Message:  "out of memory: the kernel's OOM killer ended " + name + ", as systemd says",
			Evidence: []Evidence{{Source: "systemctl show " + name, Text: "Result=oom-kill, ExecMainStatus=" + u.ExitStatus}},
		}
		size, _, _ := d.f.processSize("")
		c.Remedy = "see in the kernel log (journalctl -k, as root) whether the host or the unit's limit was short: more memory for the host, or "
		if limit, known := u.MemoryMax.Get(); known && limit != Unlimited {
			c.Message += fmt.Sprintf("; its MemoryMax is %s", gib(int64(limit)))
			c.Remedy = ""
		}
		by := starter{in: d.in, kind: LaunchSystemd, unit: name}
		c.Remedy += by.raiseMemory("/system.slice/"+name, size) + ", or make the TaskManager smaller (taskmanager.memory.process.size); then " + by.again()
		if c.run >= 0 {
			c.at, c.from = d.f.Logs.Runs[c.run].Last, d.f.Logs.Runs[c.run].Last
		}
		d.add(c)
	}
}

// newestRun is the TaskManager's run that was written last, -1 for none.
func (d *diagnosis) newestRun() int {
	newest := -1
	for i, r := range d.f.Logs.Runs {
		if r.Kind == LogTaskManager && (newest < 0 || r.Last > d.f.Logs.Runs[newest].Last) {
			newest = i
		}
	}
	return newest
}

// cgroupKills: the counter of a control group that outlives its processes (a
// pod's, a slice's) says that something in it was killed. With a log before
// this process's that simply stops it was likely the TaskManager.
func (d *diagnosis) cgroupKills() {
	if d.has(causeMemory) || d.f.Memory.Kernel.Sources.IsKnown() {
		return
	}
	for i := range d.f.Flink.TaskManagers {
		tm := &d.f.Flink.TaskManagers[i]
		g, ok := d.f.Memory.Cgroups[tm.PID].Get()
		if !ok {
			continue
		}
		for _, l := range g.Levels {
			run := d.cutOff(tm)
			if l.OOMKill <= 0 || l.Max == Unlimited || l.Path == "/" || run < 0 {
				continue
			}
			r := d.f.Logs.Runs[run]
			c := candidate{run: run, at: r.Last, from: r.Last, dead: true, over: d.over(run, r.Last, "")}
			c.Cause = Cause{Cause: causeMemory, Confidence: Likely, Subject: r.File,
				Message: fmt.Sprintf("out of memory: the log of the TaskManager before this one stops at %s, and the kernel has killed %s in its control group %s, which may use %s",
					d.clock(r.Last), group(l.OOMKill), l.Path, gib(int64(l.Max))),
				Evidence: []Evidence{{Source: "memory.events of " + l.Path, Text: fmt.Sprintf("oom_kill %d", l.OOMKill)}, {Source: r.File, Time: when(r.Last), Text: "the last entry before the next start"}},
				Remedy:   memoryJudge{Input: d.in}.oomRemedy(OOMKill{Constraint: "CONSTRAINT_MEMCG", OOMMemcg: l.Path, PID: tm.PID}),
			}
			d.add(c)
			break
		}
	}
}

// cutOff is the run before a TaskManager's own, of the same log, that ended
// without a signal or an exception: -1 if there is none.
func (d *diagnosis) cutOff(tm *TaskManager) int {
	own, before := -1, -1
	for i, r := range d.f.Logs.Runs {
		switch {
		case r.Kind != LogTaskManager || r.Last == 0:
		case d.taskManagerOf(i) == tm:
			own = i
		case d.taskManagerOf(i) == nil && (before < 0 || r.Last > d.f.Logs.Runs[before].Last):
			before = i
		}
	}
	if own < 0 || before < 0 || d.f.Logs.Runs[before].Stopped > 0 || d.f.Logs.Runs[before].Registered == 0 {
		return -1
	}
	for _, e := range d.entries {
		if e.Run == before && e.Last >= d.f.Logs.Runs[before].Last-1 && len(e.Chain) > 0 {
			return -1
		}
	}
	return before
}

// pressed is the share of the last five minutes in which the whole host waited
// for memory or for its disks, as evidence beside a timeout; nil where it did
// not.
func (d *diagnosis) pressed() []Evidence {
	var list []Evidence
	for _, of := range []struct {
		file  string
		value Value[Pressure]
	}{{"/proc/pressure/memory", d.f.Memory.Pressure}, {"/proc/pressure/io", d.f.Memory.IOPressure}} {
		if p, ok := of.value.Get(); ok && p.Full[2] >= float64(d.threshold(&Memory, "memory/pressure")) {
			list = append(list, Evidence{Source: of.file, Text: fmt.Sprintf("full avg300=%.0f", p.Full[2])})
		}
	}
	return list
}
