package probes

import (
	"fmt"
	"strings"
)

// limitOfMaps is vm.max_map_count when the process died, else now.
func (d *diagnosis) limitOfMaps(s signs) (int64, bool) {
	if s.crash != nil {
		if n, ok := s.crash.MaxMapCount.Get(); ok {
			return n, true
		}
	}
	return d.f.Maps.MaxMapCount.Get()
}

// mapsReached: the process held as many maps as the kernel allows. The check
// is map_count > max_map_count, and [vsyscall] is listed but not counted.
func (d *diagnosis) mapsReached(s signs, c *candidate) (string, bool) {
	limit, ok := d.limitOfMaps(s)
	if !ok {
		return "", false
	}
	// A hundred less than the limit, or a twentieth where it is small: threads
	// and files of the dying process are gone when it is written down. A process
	// that went on has given some back since.
	have, enough := int64(-1), limit-max(10, min(100, limit/20))
	if s.crash != nil {
		have = s.crash.Maps
	}
	if tm := d.taskManagerOf(s.run); tm != nil {
		if n, ok := d.f.Maps.Counts[tm.PID].Get(); ok && n > have {
			have, enough = n, limit*d.threshold(&Maps, "maps/exhausted")/100
		}
	}
	if have < 0 || have < enough {
		return "", false
	}
	c.Cause.Cause, c.Confidence = causeMaps, Proven
	c.Remedy = d.raiseMaps(s.run, limit)
	return fmt.Sprintf("memory maps: the JVM holds %s of vm.max_map_count %s", group(have), group(limit)), true
}

// raiseMaps mends a limit that was too low when a run of a TaskManager reached it.
// It may have been raised since.
func (d *diagnosis) raiseMaps(run int, limit int64) string {
	floor := max(d.threshold(&Maps, "maps/floor"), 2*limit)
	by, again := d.starter(run), ""
	if by.pid == 0 {
		again = "; then " + by.again()
	} else if by.kind == LaunchContainer {
		again = "; on the host, not in the container"
	}
	if n, ok := d.f.Maps.MaxMapCount.Get(); ok && n >= floor && by.pid == 0 {
		return fmt.Sprintf("vm.max_map_count is %d by now: %s", n, by.again())
	}
	return raiseMaps(d.in, floor) + again + "; then look for what uses the maps (threads, mapped files, allow_mmap_reads of a RocksDBOptionsFactory)"
}

// usualSpace is an address space in which a JVM may well fail; with more than 64
// times as much only one that reserves terabytes (ZGC) does.
const usualSpace = 16 << 30

// addressSpace: RLIMIT_AS of the process was finite, and not far from what it
// reserves.
func (d *diagnosis) addressSpace(s signs, c *candidate) (string, bool) {
	tm := d.taskManagerOf(s.run)
	limit, confidence, near := Unlimited, Likely, int64(0)
	if s.crash != nil {
		if l, ok := s.crash.Limits["AS"]; ok && l != Unlimited {
			limit, confidence = l, Proven
		}
	}
	if tm != nil && limit == Unlimited {
		if pair, ok := tm.limit("as"); ok && pair.Soft != Unlimited {
			limit = pair.Soft
			if peak, ok := tm.VmPeak.Get(); ok {
				near = percent(peak, int64(limit))
			}
		}
	}
	switch {
	case limit == Unlimited, near < 80 && limit > 64*usualSpace && !s.has(textReserve):
		return "", false // far more than any JVM reserves
	case near >= 80:
		confidence = Proven
	case limit > usualSpace:
		confidence = Likely
	}
	c.Cause.Cause, c.Confidence = causeAddressSpace, confidence
	c.Remedy = d.starter(s.run).unlimit() + d.starter(s.run).atOnce("as", Unlimited)
	return fmt.Sprintf("address space: the JVM may use %s of virtual memory (RLIMIT_AS, ulimit -v)", gib(int64(limit))), true
}

// commitReached: strict overcommit. In other modes the two numbers of an
// hs_err file mean nothing.
func (d *diagnosis) commitReached(s signs, c *candidate) (string, bool) {
	if mode, ok := d.f.Memory.Overcommit.Get(); !ok || mode != 2 {
		return "", false
	}
	limit, ok1 := d.f.Memory.CommitLimit.Get()
	used, ok2 := d.f.Memory.Committed.Get()
	if s.crash != nil {
		if l, ok := s.crash.CommitLimit.Get(); ok {
			if u, ok := s.crash.Committed.Get(); ok {
				limit, used, ok1, ok2 = l, u, true, true
			}
		}
	}
	if !ok1 || !ok2 || percent(used, limit) < 80 {
		return "", false
	}
	c.Cause.Cause, c.Confidence = causeMemory, Likely
	if s.crash != nil {
		c.Confidence = Proven
	}
	c.Remedy = "vm.overcommit_memory=2 refuses what is not covered: sysctl -w vm.overcommit_memory=0 (the kernel's default, at once), and for the next boot the line vm.overcommit_memory=0 in /etc/sysctl.d/zz-tmdoctor.conf, or raise vm.overcommit_ratio or swap; adding memory is not needed while it is free; " + d.starter(s.run).orStart()
	return fmt.Sprintf("out of memory by strict overcommit: %s of CommitLimit %s are committed", gib(used), gib(limit)), true
}

// forkRejected: the kernel itself tells that a limit on threads was hit.
func (d *diagnosis) forkRejected(s signs, c *candidate) (string, bool) {
	if !s.has(textNoThread, textPthread, textSystemErr) {
		return "", false
	}
	c.Cause.Cause, c.Confidence = causeThreads, Proven
	for _, k := range d.f.Memory.Kernel.Events {
		if k.Kind == KernelForkRejected && d.f.ownCgroup(k.Device) && (k.Time == 0 || c.at == 0 || k.Time > c.from-86400) {
			c.Evidence = append(c.Evidence, Evidence{Source: k.Source, Time: when(k.Time), Text: k.Text})
			unit := k.Device[strings.LastIndexByte(k.Device, '/')+1:]
			by := d.starter(s.run)
			c.Remedy = by.raiseTasks(k.Device, 4096) + "; " + by.orStart()
			return "threads: the kernel refused one, because pids.max (TasksMax) of " + unit + " is reached", true
		}
	}
	return d.forksRefused(d.taskManagerOf(s.run), c)
}

// threadsReached: a limit on threads is hit, as a count shows.
func (d *diagnosis) threadsReached(s signs, c *candidate) (string, bool) {
	if !s.has(textNoThread, textPthread, textSystemErr) {
		return "", false
	}
	c.Cause.Cause, c.Confidence = causeThreads, Proven
	tm := d.taskManagerOf(s.run)
	uses, _ := threadUses(d.in)
	for _, u := range uses {
		if percent(u.used, u.limit) >= 85 && (tm == nil || u.horizon == Live || u.subject == fmt.Sprintf("pid %d", tm.PID)) {
			c.Remedy = u.remedy
			c.Evidence = append(c.Evidence, Evidence{Source: u.limitSource, Text: fmt.Sprintf("%d of %d", u.used, u.limit)})
			return fmt.Sprintf("threads: %s of %s by %s are there", group(u.used), group(u.limit), u.what), true
		}
	}
	return "", false
}

// mapsProbable: signs that only a limit on maps leaves, or a limit that any
// TaskManager reaches.
func (d *diagnosis) mapsProbable(s signs, c *candidate) (string, bool) {
	limit, known := d.limitOfMaps(s)
	low := known && limit < fewMaps
	if !low && !s.has(textGuard, textMapNoMem) && !(s.has(textMapFailed) && !s.has(textReserve)) {
		return "", false
	}
	c.Cause.Cause, c.Confidence = causeMaps, Likely
	c.Remedy = d.raiseMaps(s.run, limit)
	if !known {
		return "memory maps: a map was refused", true
	}
	c.Evidence = append(c.Evidence, Evidence{Source: "/proc/sys/vm/max_map_count", Text: fmt.Sprint(limit)})
	if low {
		if s.has(textMapNoMem) {
			c.Confidence = Proven
		}
		for _, file := range d.f.Files {
			for n, line := range strings.Split(file.Content, "\n") {
				if strings.Contains(line, "max_map_count") && strings.Contains(file.Path, "sysctl") && !strings.HasPrefix(strings.TrimSpace(line), "#") {
					c.Evidence = append(c.Evidence, Evidence{Source: fmt.Sprintf("%s:%d", file.Path, n+1), Text: strings.TrimSpace(line)})
				}
			}
		}
		return fmt.Sprintf("memory maps: vm.max_map_count is %s, and a TaskManager may need thousands", group(limit)), true
	}
	if c.over == "" && s.crash == nil {
		c.over = d.mapsRaised(c.at)
	}
	return fmt.Sprintf("memory maps: a map was refused, vm.max_map_count is %s", group(limit)), true
}

// sessionLimited: the process is gone, but a new one of its user would have
// a limited address space.
func (d *diagnosis) sessionLimited(s signs, c *candidate) (string, bool) {
	if d.taskManagerOf(s.run) != nil {
		return "", false
	}
	if l, _, ok := d.sessionAS(); ok {
		c.Cause.Cause, c.Confidence = causeAddressSpace, Likely
		c.Remedy = d.starter(s.run).unlimit()
		return fmt.Sprintf("address space: a new session of its user may use %s of virtual memory (RLIMIT_AS, ulimit -v)", gib(int64(l))), true
	}
	return "", false
}

// sessionAS is the limit of the address space that a new session gets.
func (d *diagnosis) sessionAS() (Limit, string, bool) {
	for _, user := range sortedKeys(d.f.AddressSpace.Sessions) {
		if pair, ok := d.f.AddressSpace.Sessions[user].Get(); ok && pair.Soft != Unlimited {
			return pair.Soft, "a new session of " + user, true
		}
	}
	if d.f.Session.FlinkUser.IsKnown() {
		user, _ := d.f.Session.FlinkUser.Get()
		for _, l := range limitsLines(d.f) {
			if n, ok := l.number(); l.Item == "as" && ok && l.appliesTo(user) {
				return Limit(n << 10), l.At, true
			}
		}
	}
	return 0, "", false
}

// noMemory: the host itself had none when the process died.
func (d *diagnosis) noMemory(s signs, c *candidate) (string, bool) {
	avail, ok := d.f.Memory.Available.Get()
	if s.crash != nil {
		if n, known := s.crash.Available.Get(); known {
			avail, ok = n, true
		}
	}
	total, known := d.f.Memory.Total.Get()
	if !ok || !known || percent(avail, total) > 3 {
		return "", false
	}
	c.Cause.Cause, c.Confidence = causeMemory, Likely
	c.Remedy = "give the host more memory, or run fewer or smaller TaskManagers on it (taskmanager.memory.process.size); then " + d.starter(s.run).again()
	return fmt.Sprintf("out of memory: %s of %s were available", gib(avail), gib(total)), true
}

func (d *diagnosis) threadsProbable(s signs, c *candidate) (string, bool) {
	if !s.has(textNoThread, textPthread, textSystemErr) {
		return "", false
	}
	c.Cause.Cause, c.Confidence = causeThreads, Likely
	c.Remedy = "raise the limit that was hit: ulimit -u (nproc) of its user, TasksMax= of its unit, pids.max of its container, kernel.threads-max; no memory is missing, whatever the text says. Where none of them is near, look at ulimit -v (RLIMIT_AS) of the process. Then " + d.starter(s.run).again()
	return "threads: a new thread was refused", true
}

func (d *diagnosis) undecided(s signs, c *candidate) (string, bool) {
	if len(s.entries) == 0 && s.crash == nil {
		return "", false
	}
	c.Confidence = Likely
	c.Cause.Cause = causeMemory
	c.Remedy = d.starter(s.run).orStart() + "; compare at the next failure: maps with vm.max_map_count, VmSize with ulimit -v, Committed_AS with CommitLimit, memory.current with memory.max of the cgroup"
	if s.crash != nil {
		if n, ok := s.crash.Available.Get(); ok {
			if total, known := d.f.Memory.Total.Get(); known && percent(n, total) >= 10 {
				c.Confidence = Possible
				return "out of memory: an allocation was refused while " + gib(n) + " were available", true
			}
		}
		if !strings.Contains(s.crash.Error, "emory") {
			return "", false
		}
	}
	if s.has(textMapFailed, textNoMemory, textReserve) && s.crash == nil {
		c.Confidence = Possible
	}
	return "out of memory: an allocation was refused", true
}
