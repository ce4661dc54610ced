package probes

import (
	"fmt"
	"path"
	"slices"
	"strings"
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
		c.Remedy = raiseNoFile(d.in, *tm, want)
	} else {
		c.Remedy = fmt.Sprintf("give it %s open files where it is started: soft and hard nofile of its user in /etc/security/limits.conf for a start by ssh or login, LimitNOFILE= for a systemd unit, --ulimit nofile for a container; then start it from a new session", want)
		if limit > 0 {
			c.Evidence = append(c.Evidence, Evidence{Source: d.f.Logs.Runs[e.Run].File, Text: fmt.Sprintf("Maximum number of open file descriptors is %d.", limit)})
		}
	}
	if limit >= 8192 && used > 0 {
		c.Remedy += fmt.Sprintf("; first look at what they are (ls -l /proc/%d/fd): a leak only takes longer with a greater limit", tm.PID)
	}
	d.add(c)
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
	c.Remedy = "find which process holds them (as root: ls /proc/*/fd) and stop it, or sysctl -w fs.file-max=N with a greater N; nofile of the TaskManager is not the limit that was hit"
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

// library: the native library of RocksDB could not be loaded. The loader's
// text tells what was missing; only the mount tells noexec from the rest.
func (d *diagnosis) library(e LogEntry, id string) {
	in := e.Innermost()
	lib := pathIn(in.Message)
	dir := path.Dir(lib)
	if id == textMapSegment {
		c := d.candidateOf(causeNoExec, e)
		c.Subject = dir
		c.Message = fmt.Sprintf("noexec: the native library cannot be mapped from %s; %s", dir, d.said(e))
		c.Remedy = "remount without noexec, in /etc/fstab too (mount -o remount,exec MOUNTPOINT works at once), or set io.tmp.dirs (Flink 1.15 and newer: process.taskmanager.working-dir) to a directory on a mount without noexec and restart the TaskManager"
		if m, ok := d.mount(dir); ok {
			c.Remedy = strings.Replace(c.Remedy, "MOUNTPOINT", shellWord(m.Point), 1)
			if m.NoExec() {
				c.Confidence, c.Subject = Proven, m.Point
				c.Message = fmt.Sprintf("noexec: the native library cannot be mapped from %s, which lies on the noexec mount %s; %s", dir, m.Point, d.said(e))
				c.Evidence = append(c.Evidence, Evidence{Source: "mountinfo", Text: m.Point + " " + strings.Join(m.Options, ",")})
			}
		}
		d.add(c)
		return
	}
	c := d.candidateOf(causeLibrary, e)
	c.Message = "native library: librocksdbjni cannot be loaded; " + d.said(e)
	c.Remedy = "install what the text names as missing, or run a Java and a C library for which librocksdbjni is built (glibc, or Flink's musl build)"
	if m := strings.Split(in.Message, ": "); id == textLibMissing && len(m) > 1 {
		for _, part := range m {
			if strings.HasPrefix(part, "lib") && strings.Contains(part, ".so") {
				c.Message = "native library: librocksdbjni needs " + clip(part, 60) + ", which is not on this host; " + d.said(e)
				c.Remedy = "install the package that holds " + shellWord(clip(part, 60)) + " (for libstdc++.so.6: libstdc++6 on Debian, libstdc++ on Red Hat); then restart the TaskManager"
			}
		}
	}
	if id == textLibOther {
		c.Remedy = "restart the TaskManager: the library was loaded by a class loader that is gone; keep flink-statebackend-rocksdb out of the job's jar"
	}
	d.add(c)
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
