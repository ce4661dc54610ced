package probes

import (
	"fmt"
	"slices"
)

// factsAlone are causes for which no text speaks: they are possible.
func (d *diagnosis) factsAlone() {
	if len(d.f.Flink.TaskManagers) > 0 || !d.f.Flink.Searched.IsKnown() {
		return
	}
	defer d.wouldFail()
	if l, source, ok := d.sessionAS(); ok && !d.has(causeAddressSpace) && !d.has(causeMemory) && int64(l) < 16<<30 {
		d.add(candidate{run: -1, Cause: Cause{Cause: causeAddressSpace, Confidence: Possible, Subject: source,
			Message:  fmt.Sprintf("address space: no TaskManager runs, and a new session of its user may use %s of virtual memory: with so little taskmanager.sh's own helper JVM fails, which leaves no log", gib(int64(l))),
			Evidence: []Evidence{{Source: source, Text: "address space " + l.String() + " bytes"}}, Remedy: d.starter(-1).unlimit()}})
	}
	kills, ok := d.f.Memory.OOMKills.Get()
	if ok && kills > 0 && !d.f.Memory.Kernel.Sources.IsKnown() && d.stopped() && !slices.ContainsFunc(d.found, func(c candidate) bool { return c.over == "" }) {
		d.add(candidate{run: -1, Cause: Cause{Cause: causeMemory, Confidence: Possible,
			Message:  fmt.Sprintf("out of memory: the log of the TaskManager simply stops, and the kernel has killed %s processes since its boot; its log, which would name them, may not be read", group(kills)),
			Evidence: []Evidence{{Source: "/proc/vmstat", Text: fmt.Sprintf("oom_kill %d", kills)}},
			Remedy:   "read the kernel log as root (dmesg, journalctl -k), or run with --sudo"}})
	}
}

func (d *diagnosis) has(name string) bool {
	return slices.ContainsFunc(d.found, func(c candidate) bool { return c.Cause.Cause == name && c.over == "" })
}

// stopped reports whether the newest TaskManager log ends without a signal or
// an error.
func (d *diagnosis) stopped() bool {
	i := d.newestRun()
	return i >= 0 && d.f.Logs.Runs[i].Stopped == 0 && d.f.Logs.Runs[i].Registered > 0
}

// wouldFail looks for what stops a TaskManager that is started now, where none
// runs, nobody stopped it and no text tells why.
func (d *diagnosis) wouldFail() {
	if slices.ContainsFunc(d.found, func(c candidate) bool { return c.over == "" }) || d.signalled() {
		return
	}
	for i := range d.f.Disk.Dirs {
		dir := &d.f.Disk.Dirs[i]
		if !dir.has(RoleLocalDir, RoleWork, RoleTmp, RoleLog) {
			continue
		}
		if m, ok := dir.Mount.Get(); ok && m.NoExec() && dir.has(RoleWork, RoleTmp) {
			d.add(candidate{run: -1, Cause: Cause{Cause: causeNoExec, Confidence: Possible, Subject: m.Point,
				Message:  "noexec: no TaskManager runs, and one that unpacks its native library below " + dir.Path + " could not map it",
				Evidence: []Evidence{{Source: "mountinfo", Text: m.Point + " noexec"}}, Remedy: d.starter(-1).remount("exec", "noexec", dir, m)}})
		}
		name, confidence, shown, evidence := d.whyNotWritable(*dir, textLocalDir, "")
		if name == "" || confidence != Proven {
			continue
		}
		d.add(candidate{run: -1, Cause: Cause{Cause: name, Confidence: Possible, Subject: dir.Path,
			Message:  fmt.Sprintf("%s: no TaskManager runs, and one that is started now could not write %s (%s)", causeWords[name], dir.Path, shown),
			Evidence: evidence, Remedy: d.directoryRemedy(name, dir.Path, dir, d.starter(-1))}})
	}
	d.wouldNotRegister()
}

// wouldNotRegister: the JobManager cannot be reached now.
func (d *diagnosis) wouldNotRegister() {
	for i := range d.f.JobManager.Targets {
		t := &d.f.JobManager.Targets[i]
		conn, ok := t.Connect.Get()
		if !ok || conn.Result == Connected || conn.Result == ConnectFail {
			continue
		}
		target := fmt.Sprintf("%s:%d", t.Host, t.Port)
		d.add(candidate{run: -1, Cause: Cause{Cause: causeJobManager, Confidence: Possible, Subject: target,
			Message:  fmt.Sprintf("JobManager unreachable: no TaskManager runs, and one that is started now could not register at %s: %s", target, conn.Result),
			Evidence: []Evidence{{Source: "connect from this host to " + target, Text: conn.Result + orNothing(" ", conn.Text)}},
			Remedy:   jobManagerRemedy(t, target, "") + "; then " + d.starter(-1).again()}})
	}
}

// signalled reports whether the newest TaskManager of the host was told to
// stop: then nothing has to explain why none runs.
func (d *diagnosis) signalled() bool {
	i := d.newestRun()
	return i >= 0 && d.f.Logs.Runs[i].Stopped > 0
}
