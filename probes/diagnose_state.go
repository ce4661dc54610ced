package probes

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// corrupted: damage in RocksDB's local files heals with the job's restart,
// because they are made anew from the checkpoint; damage in the checkpoint
// comes back at every restore, with local paths of new directories, because
// its files are downloaded first.
func (d *diagnosis) corrupted(e LogEntry, id string) {
	c := d.candidateOf(causeCorrupted, e)
	p := pathIn(e.Innermost().Message)
	durable := id == textBadMeta || d.restoring(e) || d.inCheckpoint(p) || e.comesBack()
	copied := durable && d.fromLocalCopy(e)
	if e.Kind == LogJobManager && !durable {
		return // local files of a TaskManager, whose own log tells it, if it is here
	}
	at := p
	if copied {
		c.Message, c.Remedy = d.corruptedCopy(e)
		if dir := d.dirOf(p); dir != nil {
			c.Subject = dir.Path
		}
	} else if durable {
		c.Message, c.Remedy = d.corruptedDurable(e)
		if dir := d.durableDir(); dir != "" {
			c.Subject = dir
		}
		if !d.inCheckpoint(p) {
			at = d.durableDir()
		}
	} else {
		c.Message = "corrupted state: RocksDB's local files are damaged (scratch, made anew from the last checkpoint when the job restarts); " + d.said(e)
		if dir := d.dirOf(p); dir != nil {
			c.Subject = dir.Path
		}
		c.Remedy = d.corruptedLocal(p)
	}
	if id == textIOError {
		c.Message = "corrupted state: the disk or file system fails; " + d.said(e)
	}
	// The file that failed is a local one, whatever was damaged first.
	where := []string{at, p}
	if durable && !copied {
		where = where[:1] // the copy that met it first is not what is damaged
	}
	for _, on := range where {
		m, ok := d.mount(on)
		if !ok {
			continue
		}
		if errors, failing := d.f.diskErrors(m); failing {
			c.Evidence = append(c.Evidence, errors.evidence...)
			c.Message += "; " + d.failing(m, errors)
			if errors.last == 0 || c.from == 0 || errors.last >= c.from-86400 {
				c.Confidence = Proven
			}
			break
		}
	}
	if hardware := d.kernel(KernelHardware); len(hardware) > 0 {
		c.Evidence = append(c.Evidence, hardware...)
		c.Message += "; the kernel reports errors of the hardware, memory may be at fault"
	}
	d.add(c)
}

func (d *diagnosis) corruptedDurable(e LogEntry) (message, remedy string) {
	message = "corrupted state: a checkpoint or savepoint is damaged (it fails while it is restored"
	switch {
	case e.comesBack() && !d.restoring(e):
		message = "corrupted state: a checkpoint or savepoint is damaged (the same comes back after each restart, in new local files"
	case len(e.Paths) > 1:
		message += ", each time in new local files"
	}
	message += "); " + d.said(e)
	remedy = "deleting local state does not help. Delete no checkpoint and no savepoint: " + d.goBack(e.job()) + "; keep the damaged one until that works, and check the storage it lies on"
	if dir := d.durableDir(); dir != "" {
		remedy += " (" + dir + ")"
	}
	return message, remedy + "; no restart of the TaskManager is needed"
}

// comesBack reports whether a damage was met again in the files of another
// instance of the same subtask: they were made anew from the checkpoint, so it
// is the checkpoint that is damaged. The same file again, or a third time any.
func (e LogEntry) comesBack() bool {
	first := map[string]string{}
	times := map[string]int{}
	for _, p := range e.Paths {
		m := instance.FindStringSubmatch(p)
		if m == nil {
			continue
		}
		times[m[1]]++
		if file, ok := first[m[1]]; ok && file == path.Base(p) || times[m[1]] > 2 {
			return true
		}
		first[m[1]] = path.Base(p)
	}
	return false
}

// fromLocalCopy reports whether the task was restored from the copy that local
// recovery keeps on this host.
func (d *diagnosis) fromLocalCopy(e LogEntry) bool {
	return e.Run >= 0 && e.Run < len(d.f.Logs.Runs) && d.f.Logs.Runs[e.Run].LocalCopy > 0 && e.comesBack()
}

func (d *diagnosis) corruptedCopy(e LogEntry) (message, remedy string) {
	message = "corrupted state: the local copy of a checkpoint, kept for local recovery, is damaged (each restart of the job restores from it, and fails at the same place); " + d.said(e)
	remedy = d.starter(e.Run).again() + ": it then restores from the checkpoint itself. Where taskmanager.resource-id is set, its copies outlive it: remove localState in its working directory while it is stopped, which is scratch. If the same comes back after that, the checkpoint is damaged: " + d.goBack(e.job()) + ". Delete no checkpoint and no savepoint"
	return message, remedy
}

func (d *diagnosis) corruptedLocal(p string) string {
	remedy := "let the job restart from its last checkpoint: no restart of the TaskManager is needed, and deleting anything would not help. If the same file fails again after that, the checkpoint is damaged, and the job needs an earlier one or a savepoint (flink run -s PATH). "
	m, ok := d.mount(p)
	_, failing := d.f.diskErrors(m)
	switch {
	case ok && failing:
		remedy += "Then move state.backend.rocksdb.localdir to another disk, because this one fails (" + smartHint(m) + ")"
	case ok && d.f.Memory.Kernel.Sources.IsKnown():
		remedy += "If it comes again, check disk and memory of this host: " + smartHint(m) + "; the kernel log has no error of the disk"
	case ok:
		remedy += "Then check disk and memory of this host: " + smartHint(m) + "; dmesg as root, which may not be read here"
	default:
		remedy += "Then check disk and memory of this host (dmesg, smartctl)"
	}
	if dir := d.dirOf(p); dir != nil {
		remedy += orNothing("; ", d.in.leftBehind(dir.Path))
	}
	return remedy + ". Delete no checkpoint and no savepoint"
}

// restoring reports whether an entry is of a restore: its wrappers say so, or
// the task was not RUNNING yet.
func (d *diagnosis) restoring(e LogEntry) bool {
	if strings.Contains(e.Head, "from INITIALIZING to FAILED") || strings.Contains(e.Head, "from DEPLOYING to FAILED") {
		return true
	}
	if strings.Contains(e.Head, "from RUNNING to FAILED") && !strings.Contains(chainText(e), "Could not restore keyed state backend") {
		return false
	}
	text := e.Head + chainText(e)
	return strings.Contains(text, "Could not restore keyed state backend") || strings.Contains(text, "restoring keyed state backend") ||
		strings.Contains(text, "refilling store from iterator") || strings.Contains(text, "Error while opening RocksDB instance") || strings.Contains(text, "_metadata")
}

// inCheckpoint reports whether a path is of a checkpoint or savepoint.
func (d *diagnosis) inCheckpoint(p string) bool {
	if p == "" {
		return false
	}
	for _, part := range []string{"/chk-", "/shared/", "/taskowned/", "/savepoint-", "/_metadata"} {
		if strings.Contains(p, part) && !jobInPath.MatchString(p) {
			return true
		}
	}
	dir := d.dirOf(p)
	return dir != nil && slices.ContainsFunc(dir.Roles, func(r string) bool { return r == RoleCheckpoint || r == RoleSavepoint })
}

// missingFile: a file of a checkpoint that is gone needs another checkpoint;
// a local file that is gone was removed by somebody under the TaskManager.
func (d *diagnosis) missingFile(e LogEntry, id string) {
	p := pathIn(e.Innermost().Message)
	local := strings.Contains(p, "/db/") || jobInPath.MatchString(p)
	if id == textClosedEarly {
		if d.restoring(e) && !d.otherCause(e) {
			c := d.candidateOf(causeMissingFile, e)
			c.Message = "missing checkpoint file: the download of a checkpoint was given up, most likely because a file of it is gone or cannot be read; " + d.said(e)
			c.Remedy = d.restoreElsewhere(cmp.Or(e.job(), jobOfCheckpoint(p)))
			d.add(c)
		}
		return
	}
	switch {
	case d.inCheckpoint(p) || !local && strings.Contains(chainText(e), "Could not restore") && !d.isLocal(p):
		c := d.candidateOf(causeMissingFile, e)
		c.Subject = p
		c.Message = "missing checkpoint file: " + p + " is gone; " + d.times(e.Count, e.First, e.Last)
		c.Remedy = d.restoreElsewhere(cmp.Or(e.job(), jobOfCheckpoint(p)))
		d.add(c)
	case e.Kind != LogJobManager && (local || d.isLocal(p)):
		c := d.candidateOf(causeMissingDirectory, e)
		dir := d.dirOf(p)
		c.Subject = place(p, dir)
		c.Message = "missing directory: somebody removed RocksDB's local files below " + place(p, dir) + " under the running TaskManager; " + d.said(e)
		if dir != nil && dir.Kind.Or("") == "absent" {
			c.Confidence = Proven
			c.Evidence = append(c.Evidence, Evidence{Source: "ls -ld " + dir.Path, Text: "absent"})
		}
		c.Remedy = "let the job restart from its checkpoint (no restart of the TaskManager is needed); find what removed the files (systemd-tmpfiles, tmpreaper, a cron job) and exclude the directory, or move state.backend.rocksdb.localdir off /tmp"
		if by, ok := d.cleanerOf(dir); ok {
			c.Message += "; " + by.Source + " removes old files there"
			c.Evidence = append(c.Evidence, Evidence{Source: by.Source, Text: "below " + cmp.Or(by.Path, "/tmp") + orNothing(", older than ", by.Age)})
			c.Remedy = "let the job restart from its checkpoint (no restart of the TaskManager is needed); " + dir.exclude() + ", or move state.backend.rocksdb.localdir out of " + shellWord(dir.Path)
		}
		d.add(c)
	}
}

func (d *diagnosis) cleanerOf(dir *DirFacts) (Cleaner, bool) {
	if dir == nil {
		return Cleaner{}, false
	}
	return d.f.cleaner(*dir)
}

var jobInCheckpoint = regexp.MustCompile(`/([0-9a-f]{32})/(?:chk-|shared/|taskowned/)`)

// jobOfCheckpoint is the job whose checkpoint a path is of, "" where it does
// not tell.
func jobOfCheckpoint(p string) string {
	if m := jobInCheckpoint.FindStringSubmatch(p); m != nil {
		return m[1]
	}
	return ""
}

// restoreElsewhere is the way back where a file of a checkpoint is gone.
func (d *diagnosis) restoreElsewhere(job string) string {
	text := "bring the file back from a backup of the checkpoint storage, or " + d.goBack(job) + ". Delete nothing there; no restart of the TaskManager is needed"
	if dir := d.durableDir(); strings.HasPrefix(dir, "/") {
		text += "; " + dir + " must be storage that every host sees"
	}
	return text
}

// madeByFlink are names of directories that TaskManagers make in /tmp, where
// the job's own code may miss files of its own.
var madeByFlink = regexp.MustCompile(`/(tm_[^/]+|rocksdb-lib-[0-9a-f]+|flink-[a-z-]+-[0-9a-f-]{36}|blobStor[^/]*|localState[^/]*)(/|$)`)

// isLocal reports whether a path is of a TaskManager's local files.
func (d *diagnosis) isLocal(p string) bool {
	dir := d.dirOf(p)
	return madeByFlink.MatchString(p) || dir != nil && dir.has(RoleLocalDir, RoleLocalState)
}

// otherCause reports whether another entry of the run says why.
func (d *diagnosis) otherCause(e LogEntry) bool {
	return slices.ContainsFunc(d.entries, func(o LogEntry) bool {
		if o.Run != e.Run || o.byUser() || !o.trusted() {
			return false
		}
		id := o.text()
		return id != "" && id != textClosedEarly && id != textRegFailed && id != textRegTimeout
	})
}

// sizing: the memory that Flink gave the JVM was too small. The host is not
// at fault.
func (d *diagnosis) sizing(e LogEntry, id string) {
	type kind struct{ cause, what, option, fix string }
	k := map[string]kind{
		textHeap:      {causeHeap, "heap", "-Xmx", "raise taskmanager.memory.task.heap.size (or taskmanager.memory.process.size), or find what fills the heap; the host is not at fault"},
		textMetaspace: {causeMetaspace, "metaspace", "-XX:MaxMetaspaceSize=", "raise taskmanager.memory.jvm-metaspace.size, or find the class loader leak (it grows with each restart of the job); the host is not at fault"},
		textDirect:    {causeDirect, "direct memory", "-XX:MaxDirectMemorySize=", "raise taskmanager.memory.task.off-heap.size (or framework.off-heap.size), or find what allocates direct buffers; the host is not at fault"},
	}[id]
	c := d.candidateOf(k.cause, e)
	c.Message = k.what + ": the JVM has used all it was given"
	if tm := d.taskManagerOf(e.Run); tm != nil {
		if n, ok := tm.jvmSize(k.option); ok {
			c.Message += " (" + gib(n) + ")"
			c.Evidence = append(c.Evidence, Evidence{Source: fmt.Sprintf("/proc/%d/cmdline", tm.PID), Text: k.option + fmt.Sprint(n)})
		}
	}
	c.Message += "; " + d.said(e)
	c.Remedy = k.fix + "; " + d.starter(e.Run).configured()
	d.add(c)
}
