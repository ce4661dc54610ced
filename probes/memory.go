package probes

import (
	_ "embed"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Memory is the probe of the host's memory.
var Memory = Probe{
	Name: "memory",
	Doc: `memory of the host, of each TaskManager's cgroup, and OOM kills

RocksDB keeps its caches and write buffers outside the Java heap, so a TaskManager that is too big for its host is not told so by the JVM: the kernel
kills it with signal 9, its log simply stops, and the job restarts until it fails. The kernel log names the victim; the counter oom_kill of /proc/vmstat,
which everybody may read, only says that there was one since the boot, on the host or in any cgroup.
A log that may not be read is unknown, not "no OOM kill".`,
	Words: []string{"OOM", "OOM killer", "out of memory", "oom-kill", "free", "top", "invoked oom-killer", "Killed process", "MemAvailable", "/var/log/syslog",
		"/var/log/messages", "dmesg", "vm.overcommit_memory", "CommitLimit", "MemoryMax", "memory.max", "taskmanager.memory.process.size", "exit code 137"},
	Budget:     5,
	Script:     memoryScript,
	Codes:      memoryCodes,
	Thresholds: memoryThresholds,
	Lacking:    []string{"pressure", "io_pressure"}, // a kernel without PSI
	Parse:      parseMemory,
	Judge:      judgeMemory,
}

//go:embed memory.sh
var memoryScript string

// MemoryFacts are the memory of a host and what happened for want of it. All
// sizes are bytes.
type MemoryFacts struct {
	Total     Value[int64] `json:"total" need:"needed"`
	Available Value[int64] `json:"available" need:"needed"`
	Free      Value[int64] `json:"free"`
	SwapTotal Value[int64] `json:"swap_total"`
	SwapFree  Value[int64] `json:"swap_free"`
	// CommitLimit binds in overcommit mode 2 only; Committed is what has been
	// promised to processes.
	CommitLimit Value[int64] `json:"commit_limit" need:"needed"`
	Committed   Value[int64] `json:"committed" need:"needed"`
	// Overcommit is vm.overcommit_memory: 0 heuristic, 1 always, 2 strict.
	Overcommit Value[int64] `json:"overcommit" need:"needed"`
	Swappiness Value[int64] `json:"swappiness"`
	// OOMKills counts kills since the boot, of the host and of every cgroup;
	// unknown before Linux 4.13, which does not count them.
	OOMKills Value[int64] `json:"oom_kill"`
	// Pressure is PSI; unknown, which is no want of sight, where the kernel has none or was started with
	// psi=0.
	Pressure Value[Pressure] `json:"pressure"`
	// IOPressure is the same for disks.
	IOPressure Value[Pressure] `json:"io_pressure"`
	// Cgroups are by the pid of each TaskManager.
	Cgroups map[int]Value[CgroupMemory] `json:"cgroups"`
	Kernel  KernelFacts                 `json:"kernel"`
	// BootTime is when the kernel was started and Now the host's clock, both
	// seconds since the epoch; Offset is its zone's, in seconds.
	BootTime Value[int64] `json:"boot_time"`
	Now      Value[int64] `json:"now"`
	Offset   Value[int64] `json:"utc_offset"`
}

// Pressure is the share of time, in percent, in which some or all tasks
// waited for memory or a disk, averaged over 10, 60 and 300 seconds.
type Pressure struct {
	Some [3]float64 `json:"some"`
	Full [3]float64 `json:"full"`
}

// CgroupMemory is the memory side of a process's cgroup and of its parents.
type CgroupMemory struct {
	Path   string        `json:"path"`
	Levels []CgroupLevel `json:"levels"` // the process's own first
}

// CgroupLevel is one cgroup. Limits that bind nothing are Unlimited; -1 stands
// for a counter that the kernel does not keep.
type CgroupLevel struct {
	Path    string `json:"path"`
	Max     Limit  `json:"max"`
	High    Limit  `json:"high"`
	Current int64  `json:"current"`
	OOMKill int64  `json:"oom_kill"`
	// FailCnt is how often the limit was hit: max of memory.events, or
	// memory.failcnt of cgroup v1.
	FailCnt int64 `json:"failcnt"`
}

// Binding is the level with the smallest limit, nil if none has one.
func (c CgroupMemory) Binding() *CgroupLevel {
	var b *CgroupLevel
	for i := range c.Levels {
		if l := &c.Levels[i]; l.Max != Unlimited && (b == nil || l.Max < b.Max) {
			b = l
		}
	}
	return b
}

func parseMemory(r Records, f *Facts) {
	m := &f.Memory
	info := map[string]Value[int64]{}
	for _, line := range r.All("memory.meminfo") {
		key, kib, _ := strings.Cut(line, " ")
		if n, err := strconv.ParseInt(kib, 10, 64); err == nil && n >= 0 && n <= math.MaxInt64>>10 {
			info[key] = Known(n << 10)
		}
	}
	get := func(key string) Value[int64] {
		if v, ok := info[key]; ok {
			return v
		}
		if len(info) > 0 {
			return Unknown[int64]("/proc/meminfo has no " + key)
		}
		return Unknown[int64](r.why("memory.meminfo"))
	}
	m.Total, m.Available, m.Free = get("MemTotal"), get("MemAvailable"), get("MemFree")
	m.SwapTotal, m.SwapFree = get("SwapTotal"), get("SwapFree")
	m.CommitLimit, m.Committed = get("CommitLimit"), get("Committed_AS")
	sys := func(name string) Value[int64] {
		for _, line := range r.All("memory.sys") {
			if v, ok := strings.CutPrefix(line, name+":"); ok {
				if n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64); err == nil {
					return Known(n)
				}
			}
		}
		return Unknown[int64](r.why("memory.sys"))
	}
	m.Overcommit, m.Swappiness = sys("vm/overcommit_memory"), sys("vm/swappiness")
	m.OOMKills = r.Int("memory.oom_kill")
	m.Pressure, m.IOPressure = parsePressure(r, "memory.psi"), parsePressure(r, "memory.psi_io")
	m.Cgroups = map[int]Value[CgroupMemory]{}
	for _, tm := range f.Flink.TaskManagers {
		m.Cgroups[tm.PID] = parseCgroup(r, tm.PID)
	}
	m.BootTime = r.Int("memory.btime")
	date := r.String("host.date")
	clock := parseClock(date, m.BootTime)
	m.Now, m.Offset = Unknown[int64](date.Why()), Unknown[int64](date.Why())
	if !clock.now.IsZero() {
		_, offset := clock.now.Zone()
		m.Now, m.Offset = Known(clock.now.Unix()), Known(int64(offset))
	}
	m.Kernel = parseKernel(r, clock)
}

// parsePressure reads lines like
// "some avg10=0.00 avg60=0.00 avg300=0.00 total=0".
func parsePressure(r Records, name string) Value[Pressure] {
	var p Pressure
	seen := false
	for _, line := range r.All(name) {
		w := strings.Fields(line)
		if len(w) < 4 {
			continue
		}
		to := &p.Some
		if w[0] == "full" {
			to = &p.Full
		}
		for i, key := range []string{"avg10=", "avg60=", "avg300="} {
			v, err := strconv.ParseFloat(strings.TrimPrefix(w[i+1], key), 64)
			if err != nil || v < 0 || v > 100 {
				return Unknown[Pressure](fmt.Sprintf("/proc/pressure: %q", clip(line, 60)))
			}
			to[i] = v
		}
		seen = true
	}
	if !seen {
		return Unknown[Pressure](r.why(name))
	}
	return Known(p)
}

// parseCgroup reads "sys/fs/cgroup/PATH/FILE:LINE", the process's own cgroup
// first, then its parents.
func parseCgroup(r Records, pid int) Value[CgroupMemory] {
	name := fmt.Sprintf("memory.%d.cgroup", pid)
	lines := r.All(name)
	if len(lines) == 0 {
		if r.Absent(name) {
			return Unknown[CgroupMemory]("no memory controller is seen for its cgroup")
		}
		return Unknown[CgroupMemory](r.why(name))
	}
	var c CgroupMemory
	for _, line := range lines {
		path, file, value, ok := cutCgroup(line)
		if !ok {
			continue
		}
		if n := len(c.Levels); n == 0 || c.Levels[n-1].Path != path {
			c.Levels = append(c.Levels, CgroupLevel{Path: path, Max: Unlimited, High: Unlimited, Current: -1, OOMKill: -1, FailCnt: -1})
		}
		c.Levels[len(c.Levels)-1].set(file, value)
	}
	if len(c.Levels) == 0 {
		return Unknown[CgroupMemory]("files of its cgroup cannot be read")
	}
	c.Path = c.Levels[0].Path
	return Known(c)
}

func cutCgroup(line string) (path, file, value string, ok bool) {
	i := strings.LastIndex(line, "/memory.") // version 1 has the word twice
	if i < 0 {
		return "", "", "", false
	}
	file, value, ok = strings.Cut(line[i+1:], ":")
	name := line[:i]
	for _, mount := range []string{"sys/fs/cgroup/memory", "sys/fs/cgroup/unified", "sys/fs/cgroup"} {
		if rest, found := strings.CutPrefix(name, mount); found {
			return "/" + strings.Trim(rest, "/"), file, value, ok
		}
	}
	return "", "", "", false
}

// set takes one line of one file of the cgroup.
func (l *CgroupLevel) set(file, value string) {
	key, rest, pair := strings.Cut(value, " ")
	if pair {
		value = rest
	}
	n, err := strconv.ParseInt(value, 10, 64)
	limit := Unlimited
	// Version 1 calls the largest multiple of a page unlimited.
	if err == nil && n >= 0 && n < math.MaxInt64-1<<20 {
		limit = Limit(n)
	}
	switch {
	case file == "memory.max" || file == "memory.limit_in_bytes":
		l.Max = limit
	case file == "memory.high":
		l.High = limit
	case err != nil:
	case file == "memory.current" || file == "memory.usage_in_bytes":
		l.Current = n
	case key == "oom_kill" && (file == "memory.events" || file == "memory.oom_control"):
		l.OOMKill = n
	case file == "memory.failcnt" || file == "memory.events" && key == "max":
		l.FailCnt = n
	}
}
