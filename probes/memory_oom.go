package probes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// VictimKind says whose process the OOM killer killed.
type VictimKind string

// The victims, the surest first.
const (
	// VictimTaskManager is a TaskManager of this host: its pid is in a pid
	// file of one, or its cgroup is that of a TaskManager's unit or container.
	VictimTaskManager VictimKind = "taskmanager"
	// VictimLikely is a java process of the user that TaskManagers run as.
	VictimLikely VictimKind = "likely"
	// VictimJava is another java process, or one whose user is not known.
	VictimJava VictimKind = "java"
	// VictimOther is any other process: the host was short of memory.
	VictimOther VictimKind = "other"
)

// Victim tells whose process an OOM record names, and why it is thought so.
// The pid of a TaskManager that runs proves nothing: that one lives.
func (f *Facts) Victim(k OOMKill) (VictimKind, string) {
	lives := slices.ContainsFunc(f.Flink.TaskManagers, func(tm TaskManager) bool { return tm.PID == k.PID })
	java := k.Comm == "java" || k.Comm == ""
	for _, p := range f.Flink.PidFiles {
		// Another program may have got the pid since.
		if !lives && java && strings.Contains(p.Path, "taskexecutor") && slices.Contains(p.PIDs, k.PID) {
			return VictimTaskManager, fmt.Sprintf("pid %d is in %s", k.PID, p.Path)
		}
	}
	for _, tm := range f.Flink.TaskManagers {
		c, ok := f.Memory.Cgroups[tm.PID].Get()
		own := ok && len(c.Path) > 1 && c.Path == k.TaskMemcg && !strings.Contains(c.Path, "/session-")
		if own && java {
			return VictimTaskManager, "its cgroup is a TaskManager's: " + k.TaskMemcg
		}
	}
	if java && flinkUnit(k.TaskMemcg) {
		return VictimTaskManager, "its cgroup is a TaskManager's: " + k.TaskMemcg
	}
	if !java {
		return VictimOther, ""
	}
	if k.UID >= 0 {
		if uid, why, ok := f.flinkUID(); ok && uid == k.UID {
			return VictimLikely, why
		}
	}
	return VictimJava, ""
}

// flinkUnit reports whether a cgroup is that of a unit or pod named after
// TaskManagers. YARN's containers also hold JobManagers and other jobs.
func flinkUnit(cgroup string) bool {
	last := strings.ToLower(cgroup[strings.LastIndexByte(cgroup, '/')+1:])
	return strings.Contains(last, "taskmanager") || strings.Contains(last, "taskexecutor")
}

// flinkUID is the user that TaskManagers run as, by number: of a running one,
// else the owner of the directories that they write.
func (f *Facts) flinkUID() (uid int64, why string, ok bool) {
	for _, tm := range f.Flink.TaskManagers {
		if uid, ok := tm.UID.Get(); ok {
			return uid, "a java process of the user that runs TaskManagers here", true
		}
	}
	if name, ok := f.Session.FlinkUser.Get(); ok && f.Session.FlinkUserFrom.Or("") != loginUser {
		if me, known := f.Session.User.Get(); known && me == name {
			uid, ok := f.Session.UID.Get()
			return uid, "a java process of " + name, ok
		}
		if passwd, ok := f.File("/etc/passwd").Get(); ok {
			for line := range strings.Lines(passwd.Content) {
				if w := strings.Split(line, ":"); len(w) > 2 && w[0] == name {
					return int64(atoi(w[2])), "a java process of " + name, true
				}
			}
		}
	}
	for _, d := range f.Disk.Dirs {
		if uid, ok := d.UID.Get(); ok && uid > 0 && d.Kind.Or("") == "directory" && d.has(RoleLog, RoleLocalDir, RoleWork) {
			return uid, "a java process of the owner of " + d.Path, true
		}
	}
	if uid, ok := f.Session.UID.Get(); ok && f.Session.FlinkUserFrom.Or("") == loginUser {
		return uid, "a java process of the login user", true
	}
	return 0, "", false
}

// judgeKills makes the findings about OOM kills: those of a TaskManager one
// by one, the others together.
func (m memoryJudge) kills() {
	var others []OOMKill
	for _, k := range m.Facts.Memory.Kernel.OOMKills {
		kind, why := m.Facts.Victim(k)
		if kind != VictimTaskManager && kind != VictimLikely {
			others = append(others, k)
			continue
		}
		m.killed(k, why)
	}
	if len(others) > 0 {
		last := others[len(others)-1]
		f := m.Find("other-victim", Live, "the kernel killed processes for want of memory")
		f.Observed, f.Source = fmt.Sprintf("%d killed, last %s", len(others), last.Comm), last.Source
		f.Want = "no OOM kill"
		for _, k := range others[max(0, len(others)-5):] {
			f.Evidence = append(f.Evidence, Evidence{Source: k.Source, Time: when(k.Time), Text: k.Text})
		}
		m.add(f)
	}
}

// killed is the finding for a TaskManager that was a victim. Where one was
// started since, the kill is no longer why nothing runs: it warns.
func (m memoryJudge) killed(k OOMKill, why string) {
	slug, message := "taskmanager-oom-killed", "the kernel killed a TaskManager: the host is out of memory"
	if k.Constraint == "CONSTRAINT_MEMCG" {
		slug, message = "cgroup-kill", "the kernel killed a TaskManager: the memory limit of its cgroup is reached"
	}
	f := m.Find(slug, Live, message)
	f.Subject = fmt.Sprintf("pid %d", k.PID)
	f.Observed = "killed"
	if k.AnonRSS > 0 {
		f.Observed += " at " + gib(k.AnonRSS)
	}
	f.Want, f.Source = "no OOM kill", k.Source
	f.Evidence = append(f.Evidence, Evidence{Source: k.Source, Time: when(k.Time), Text: k.Text})
	if why != "" {
		f.Evidence = append(f.Evidence, Evidence{Source: "tmdoctor", Text: why})
	}
	if m.Facts.startedSince(k.Time) {
		f.Status = m.Policy.Status(f.Code, Warn)
		f.Message += "; one was started since"
	}
	f.Remedy = m.oomRemedy(k)
	m.add(f)
}

// startedSince reports whether a TaskManager runs that began after t.
func (f *Facts) startedSince(t int64) bool {
	return t > 0 && slices.ContainsFunc(f.Flink.TaskManagers, func(tm TaskManager) bool {
		s, ok := tm.Started.Get()
		return ok && s >= t
	})
}

// oomRemedy is what gives the victim of a kill room, and starts it again
// unless one runs that was started since.
func (m memoryJudge) oomRemedy(k OOMKill) string {
	smaller := "make the TaskManager smaller: taskmanager.memory.process.size in the Flink configuration"
	size, source, known := m.Facts.processSize("")
	if known {
		smaller += fmt.Sprintf(" (%s in %s)", gib(size), source)
	}
	by := starterOfNone(m.Input, "")
	again := "; then " + by.again()
	if m.Facts.startedSince(k.Time) || slices.ContainsFunc(m.Facts.Flink.TaskManagers, func(tm TaskManager) bool { return k.PID == 0 || tm.PID == k.PID }) {
		again = ""
	}
	if k.Constraint == "CONSTRAINT_MEMCG" {
		return by.raiseMemory(cmp.Or(k.OOMMemcg, k.TaskMemcg), size) + ", or " + smaller + again
	}
	return "give the host more memory, run fewer TaskManagers or other processes on it, or " + smaller + again
}

// ownCgroup reports whether a limit of a cgroup bounds TaskManagers of this
// host: the cgroup of one that runs or one above it, a unit that starts them,
// the slice of their user.
func (f *Facts) ownCgroup(cgroup string) bool {
	last := cgroup[strings.LastIndexByte(cgroup, '/')+1:]
	if _, known := f.NoFile.Units[last]; known || flinkUnit(cgroup) {
		return true
	}
	for _, tm := range f.Flink.TaskManagers {
		c, ok := f.Memory.Cgroups[tm.PID].Get()
		if tm.Launch.Unit != "" && tm.Launch.Unit == last || ok && len(cgroup) > 1 && within(c.Path, cgroup) {
			return true
		}
	}
	uid, _, ok := f.flinkUID()
	return ok && uid > 0 && strings.Contains(cgroup+"/", fmt.Sprintf("/user-%d.slice/", uid))
}
