package probes

import (
	"fmt"
	"time"
)

var memoryThresholds = []Threshold{
	{Name: "memory/available", Default: 5, Unit: "%", Doc: "share of the memory that is to be available; below it warns", Source: "earlyoom(1) acts below 10 %; the kernel's estimate of what can be had without swapping"},
	{Name: "memory/commit", Default: 80, Unit: "%", Doc: "share of CommitLimit promised from which strict overcommit warns", Source: "Linux Documentation/mm/overcommit-accounting.rst"},
	{Name: "memory/commit-exhausted", Default: 90, Unit: "%", Doc: "share of CommitLimit promised from which it fails: admin_reserve_kbytes and 1/32 of the asking process stay out of reach", Source: "Linux mm/util.c, __vm_enough_memory"},
	{Name: "memory/pressure", Default: 10, Unit: "%", Doc: "share of the last minute in which all tasks waited for memory", Source: "Linux Documentation/accounting/psi.rst; systemd-oomd kills at 60 %"},
}

var memoryCodes = []Code{
	{
		Slug: "taskmanager-oom-killed", Default: Fail,
		Title:   "the kernel killed a TaskManager because the host was out of memory",
		Means:   "The process got signal 9: its log stops without a word, RocksDB's local files stay behind. A warning where a TaskManager was started since.",
		Measure: "kernel log (dmesg, journalctl -k, /var/log): the record that names the victim, by pid file, cgroup or user",
		Source:  "Linux mm/oom_kill.c",
		Fix:     "more memory, or smaller or fewer TaskManagers: the sum of taskmanager.memory.process.size must leave room for the rest of the host",
	},
	{
		Slug: "other-victim", Default: Warn,
		Title:   "the kernel killed another process for want of memory",
		Means:   "The host, or a cgroup on it, ran out of memory; the next victim may be a TaskManager. It explains no failure of RocksDB by itself.",
		Measure: "kernel log; vmstat's oom_kill where the log no longer names a victim",
		Source:  "Linux mm/oom_kill.c",
		Fix:     "find what uses the memory (top, free); leave room for the TaskManagers",
	},
	{
		Slug: "cgroup-kill", Default: Fail,
		Title:   "the kernel killed a TaskManager at the memory limit of its cgroup",
		Means:   "MemoryMax= of the unit, or the container's limit, is smaller than what the TaskManager needs; the host itself may have memory to spare.",
		Measure: "kernel log (CONSTRAINT_MEMCG), oom_kill of memory.events (cgroup v2) or memory.oom_control (v1) of the TaskManager's cgroup",
		Source:  "Linux Documentation/admin-guide/cgroup-v2.rst, memory.events",
		Fix:     "raise MemoryMax= of the unit or the container's limit above taskmanager.memory.process.size, or lower the latter",
	},
	{
		Slug: "overcommitted-sizing", Default: Warn,
		Title:   "the TaskManagers are configured for more memory than there is",
		Means:   "When they use what they were promised, the kernel has to kill one.",
		Measure: "-Xmx, MaxDirectMemorySize, MaxMetaspaceSize, managed memory and JVM overhead of each process (or taskmanager.memory.process.size) against MemTotal and the smallest limit of the cgroup and its parents",
		Source:  "Flink documentation, Set up TaskManager Memory",
		Fix:     "lower taskmanager.memory.process.size or run fewer TaskManagers on the host",
	},
	{
		Slug: "low-available", Default: Warn,
		Title:   "little memory is available",
		Means:   "New memory is had only by dropping caches that RocksDB's reads rest on, or by swapping.",
		Measure: "MemAvailable and MemTotal of /proc/meminfo",
		Source:  "Linux Documentation/filesystems/proc.rst, MemAvailable",
		Fix:     "find what uses the memory (top, free); make the job or the TaskManagers smaller, or add memory",
	},
	{
		Slug: "strict-overcommit", Default: Warn,
		Title:   "strict overcommit is near its limit",
		Means:   "With vm.overcommit_memory=2 the kernel refuses memory (errno 12) before it is used, although much of it may be free; a JVM aborts on that. It fails from memory/commit-exhausted on.",
		Measure: "Committed_AS and CommitLimit of /proc/meminfo, only in mode 2",
		Source:  "Linux Documentation/mm/overcommit-accounting.rst",
		Fix:     "raise vm.overcommit_ratio or add swap, or set vm.overcommit_memory=0",
	},
	{
		Slug: "pressure", Default: Warn,
		Title:   "all tasks of the host wait for memory much of the time",
		Means:   "Work stands still while the kernel reclaims memory: timeouts of checkpoints and heartbeats follow.",
		Measure: "full avg60 of /proc/pressure/memory",
		Source:  "Linux Documentation/accounting/psi.rst",
		Fix:     "find what uses the memory (top, free); make the job or the TaskManagers smaller, or add memory",
	},
}

// memoryJudge gathers the findings of one host.
type memoryJudge struct {
	Input
	j *Judgement
}

func (m memoryJudge) add(f Finding) { m.j.Findings = append(m.j.Findings, f) }

func judgeMemory(in Input) Judgement {
	j := Judgement{Want: fmt.Sprintf("%d%% available", in.Threshold("memory/available"))}
	m := memoryJudge{in, &j}
	mem := in.Facts.Memory
	total, okTotal := mem.Total.Get()
	available, okAvailable := mem.Available.Get()
	if okTotal && okAvailable && total > 0 {
		j.Observed = fmt.Sprintf("%d%%", percent(available, total))
		if percent(available, total) < in.Threshold("memory/available") {
			f := in.Find("low-available", Live, "little memory is available")
			f.Observed = fmt.Sprintf("%s of %s", gib(available), gib(total))
			f.Want, f.Source = j.Want, "/proc/meminfo"
			m.add(f)
		}
	}
	m.kills()
	m.unnamed()
	m.cgroups()
	m.sizing()
	m.overcommit()
	if p, ok := mem.Pressure.Get(); ok && p.Full[1] >= float64(in.Threshold("memory/pressure")) {
		f := in.Find("pressure", Live, "all tasks wait for memory much of the time")
		f.Observed = fmt.Sprintf("full avg60=%.0f%%", p.Full[1])
		f.Want, f.Source = fmt.Sprintf("below %d%%", in.Threshold("memory/pressure")), "/proc/pressure/memory"
		m.add(f)
	}
	return j
}

// unnamed judges kills that were counted but that no log names: where no log
// could be read that is unknown; where one could, it no longer reaches back.
func (m memoryJudge) unnamed() {
	mem := m.Facts.Memory
	count, counted := mem.OOMKills.Get()
	if counted && count == 0 {
		return
	}
	_, read := mem.Kernel.Sources.Get()
	switch {
	case !read && counted:
		m.j.Unknown = append(m.j.Unknown, fmt.Sprintf("%d OOM kills since the boot, and the kernel log that names the victims cannot be read: %s", count, mem.Kernel.Sources.Why()))
	case !read:
		m.j.Unknown = append(m.j.Unknown, fmt.Sprintf("OOM kills are not counted (%s), and the kernel log cannot be read: %s", mem.OOMKills.Why(), mem.Kernel.Sources.Why()))
	case counted && len(mem.Kernel.OOMKills) == 0:
		f := m.Find("other-victim", Live, "the kernel killed processes for want of memory, and its log no longer names them")
		f.Observed, f.Want, f.Source = fmt.Sprintf("%d killed since the boot", count), "no OOM kill", "/proc/vmstat oom_kill"
		m.add(f)
	}
}

// cgroups judges kills counted in a running TaskManager's own cgroup, where
// no record of the kernel log has told of them already.
func (m memoryJudge) cgroups() {
	for _, tm := range m.Facts.Flink.TaskManagers {
		c, ok := m.Facts.Memory.Cgroups[tm.PID].Get()
		if !ok || c.Path == "/" || c.Levels[0].OOMKill <= 0 || m.told("cgroup-kill") {
			continue
		}
		f := m.Find("cgroup-kill", Live, "the kernel killed processes in a TaskManager's cgroup at its memory limit")
		f.Status = m.Policy.Status(f.Code, Warn) // this TaskManager lives
		f.Subject = fmt.Sprintf("pid %d", tm.PID)
		f.Observed, f.Want = fmt.Sprintf("%d killed", c.Levels[0].OOMKill), "no OOM kill"
		f.Source = "memory.events of " + c.Path
		if b := c.Binding(); b != nil {
			f.Remedy = m.oomRemedy(OOMKill{Constraint: "CONSTRAINT_MEMCG", OOMMemcg: b.Path})
		}
		m.add(f)
	}
}

func (m memoryJudge) told(slug string) bool {
	for _, f := range m.j.Findings {
		if f.Code == "memory/"+slug {
			return true
		}
	}
	return false
}

// sizing compares what TaskManagers were promised with what there is: all of
// them with the host, each with its cgroup. A host without one is judged by
// the configuration: one TaskManager.
func (m memoryJudge) sizing() {
	total, ok := m.Facts.Memory.Total.Get()
	if !ok {
		return
	}
	var sum int64
	var source string
	for _, tm := range m.Facts.Flink.TaskManagers {
		n, from, ok := m.Facts.configuredSize(tm)
		if !ok {
			continue
		}
		sum, source = sum+n, from
		m.cgroupSizing(tm, n, from)
	}
	count := len(m.Facts.Flink.TaskManagers)
	if count == 0 {
		sum, source, _ = m.Facts.processSize("")
	}
	if sum <= total {
		return
	}
	f := m.Find("overcommitted-sizing", Live, "TaskManagers are configured for more memory than the host has")
	f.Observed = fmt.Sprintf("%s for %d TaskManagers", gib(sum), max(count, 1))
	f.Want, f.Source = "at most "+gib(total)+" (MemTotal)", source
	m.add(f)
}

func (m memoryJudge) cgroupSizing(tm TaskManager, size int64, source string) {
	c, ok := m.Facts.Memory.Cgroups[tm.PID].Get()
	if !ok {
		return
	}
	b := c.Binding()
	if b == nil || size <= int64(b.Max) {
		return
	}
	f := m.Find("overcommitted-sizing", Running, "a TaskManager is configured for more memory than its cgroup may have")
	f.Subject, f.Observed = fmt.Sprintf("pid %d", tm.PID), gib(size)
	f.Want, f.Source = "at most "+gib(int64(b.Max))+" (limit of "+b.Path+")", source
	f.Remedy = m.oomRemedy(OOMKill{Constraint: "CONSTRAINT_MEMCG", OOMMemcg: b.Path})
	m.add(f)
}

func (m memoryJudge) overcommit() {
	mem := m.Facts.Memory
	mode, ok1 := mem.Overcommit.Get()
	limit, ok2 := mem.CommitLimit.Get()
	used, ok3 := mem.Committed.Get()
	if !ok1 || !ok2 || !ok3 || mode != 2 || percent(used, limit) < m.Threshold("memory/commit") {
		return
	}
	f := m.Find("strict-overcommit", Live, "strict overcommit is near its limit")
	if percent(used, limit) >= m.Threshold("memory/commit-exhausted") {
		f.Message = "strict overcommit refuses new memory"
		f.Status = m.Policy.Status(f.Code, Fail)
	}
	f.Observed = fmt.Sprintf("%s of %s promised", gib(used), gib(limit))
	f.Want, f.Source = fmt.Sprintf("below %d%%", m.Threshold("memory/commit")), "/proc/meminfo, vm.overcommit_memory=2"
	m.add(f)
}

// when is a time for evidence, nil where it cannot be told.
func when(t int64) *time.Time {
	if t <= 0 {
		return nil
	}
	u := time.Unix(t, 0).UTC()
	return &u
}
