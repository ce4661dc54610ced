package probes

import (
	"fmt"
	"slices"
)

// openFiles: EMFILE is the process's own limit, ENFILE the whole system's.
// After the failure a process is below its limit again, so a limit that is
// low agrees with the text even where little is in use now.
func (d *diagnosis) openFiles(e LogEntry, id string) {
	c := d.candidateOf(causeOpenFiles, e)
	if id == textTooManySys {
		d.systemFiles(c, e)
		return
	}
	floor := d.threshold(&NoFile, "nofile/floor")
	limit, used, tm := d.fileLimit(e.Run)
	want := Limit(max(floor, 2*limit))
	switch {
	case limit == 0:
		c.Message = "open files: " + d.said(e)
	case used > 0:
		c.Message = fmt.Sprintf("open files: the JVM holds %s of %s; %s", group(used), group(limit), d.said(e))
	default:
		c.Message = fmt.Sprintf("open files: the JVM may hold %s; %s", group(limit), d.said(e))
	}
	if limit > 0 && (limit < floor || percent(used, limit) >= 70) {
		c.Confidence = Proven
	}
	if tm != nil {
		c.Evidence = append(c.Evidence, Evidence{Source: fmt.Sprintf("/proc/%d/limits", tm.PID), Text: fmt.Sprintf("Max open files %d", limit)})
		by := starterOf(d.in, *tm)
		c.Remedy = by.raise("nofile", want) + by.atOnce("nofile", want)
	} else {
		c.Remedy = d.starter(e.Run).raise("nofile", want)
		if limit > 0 {
			c.Evidence = append(c.Evidence, Evidence{Source: d.f.Logs.Runs[e.Run].File, Text: fmt.Sprintf("Maximum number of open file descriptors is %d.", limit)})
		}
	}
	if most := tm != nil && percent(used, limit) >= 85; most && d.leaks(tm, used) || limit >= 8192 && used > 0 {
		c.Remedy += fmt.Sprintf("; first look at what they are (ls -l /proc/%d/fd): a leak only takes longer with a greater limit", tm.PID)
	}
	if n, ok := d.rocksDBFiles(tm); ok && used > 0 {
		c.Evidence = append(c.Evidence, Evidence{Source: fmt.Sprintf("/proc/%d/fd", tm.PID), Text: fmt.Sprintf("%d descriptors, %d of them files of RocksDB", used, n)})
	}
	d.add(c)
}

// rocksDBFiles is how many files of RocksDB a TaskManager has open.
func (d *diagnosis) rocksDBFiles(tm *TaskManager) (n int, ok bool) {
	if tm == nil {
		return 0, false
	}
	open, ok := d.f.State.Open[tm.PID].Get()
	for _, o := range open {
		n += o.Files
	}
	return n, ok
}

// usualFiles is how many descriptors a TaskManager has beside RocksDB's: jars,
// sockets, logs; 60 to 500 were seen.
const usualFiles = 1000

// leaks reports whether most of the descriptors are neither RocksDB's nor what
// a TaskManager usually has.
func (d *diagnosis) leaks(tm *TaskManager, used int64) bool {
	n, ok := d.rocksDBFiles(tm)
	return ok && used > usualFiles && int64(n) < used/2
}

// fileLimit is the limit of open files of a run and how many it uses: of the
// living process, else what its start line says.
func (d *diagnosis) fileLimit(run int) (limit, used int64, tm *TaskManager) {
	if tm = d.taskManagerOf(run); tm != nil {
		if pair, ok := tm.limit("nofile"); ok {
			used, _ = d.f.NoFile.Descriptors[tm.PID].Get()
			return int64(pair.Soft), used, tm
		}
	}
	if run >= 0 && run < len(d.f.Logs.Runs) {
		limit = d.f.Logs.Runs[run].MaxFiles
	}
	return limit, 0, nil
}

func (d *diagnosis) systemFiles(c candidate, e LogEntry) {
	c.Message = "open files of the whole system are used up (fs.file-max); " + d.said(e)
	limit, ok1 := d.f.NoFile.FileMax.Get()
	used, ok2 := d.f.NoFile.FileUsed.Get()
	if ok1 && ok2 {
		c.Message = fmt.Sprintf("open files of the whole system: %s of fs.file-max %s in use; %s", group(used), group(limit), d.said(e))
		c.Evidence = append(c.Evidence, Evidence{Source: "/proc/sys/fs/file-nr", Text: fmt.Sprintf("%d of %d", used, limit)})
		if percent(used, limit) >= 90 {
			c.Confidence = Proven
		}
	}
	for _, k := range d.kernel(KernelFileMax) {
		c.Confidence = Proven
		c.Evidence = append(c.Evidence, k)
	}
	c.Remedy = fmt.Sprintf("sysctl -w fs.file-max=%d (at once), and for the next boot the line fs.file-max=%[1]d in /etc/sysctl.d/zz-tmdoctor.conf; find which process holds them (as root: ls /proc/*/fd). nofile of the TaskManager is not the limit that was hit; %s",
		max(twice(max(used, limit)), 262144), d.starter(e.Run).orStart())
	d.add(c)
}

// kernel are the newest kernel records of a kind, at most two.
func (d *diagnosis) kernel(kind string) []Evidence {
	var list []Evidence
	for _, k := range d.f.Memory.Kernel.Events {
		if k.Kind == kind {
			list = append(list, Evidence{Source: k.Source, Time: when(k.Time), Text: k.Text})
		}
	}
	return list[max(0, len(list)-2):]
}

func (d *diagnosis) threshold(p *Probe, name string) int64 {
	return Input{Facts: d.f, Policy: d.p, Probe: p}.Threshold(name)
}

// mount is the mount that a path lies on, as far as the disk facts know it.
func (d *diagnosis) mount(p string) (Mount, bool) {
	if dir := d.dirOf(p); dir != nil {
		return dir.Mount.Get()
	}
	return Mount{}, false
}

// dirOf are the facts of the directory that holds a path: the longest that
// is above it.
func (d *diagnosis) dirOf(p string) *DirFacts {
	var best *DirFacts
	for i := range d.f.Disk.Dirs {
		dir := &d.f.Disk.Dirs[i]
		if (within(p, dir.Path) || within(p, dir.Real)) && (best == nil || len(dir.Path) > len(best.Path)) {
			best = dir
		}
	}
	return best
}

// dirWith is the first directory with one of the roles, in their order.
func (d *diagnosis) dirWith(roles ...string) *DirFacts {
	for _, role := range roles {
		for i := range d.f.Disk.Dirs {
			if slices.Contains(d.f.Disk.Dirs[i].Roles, role) {
				return &d.f.Disk.Dirs[i]
			}
		}
	}
	return nil
}
