package probes

import (
	"fmt"
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
	durable := id == textBadMeta || d.restoring(e) || d.inCheckpoint(p)
	if durable {
		c.Message = "corrupted state: a checkpoint or savepoint is damaged (it fails while it is restored"
		if n := len(e.Paths); n > 1 {
			c.Message += ", each time in new local files"
		}
		c.Message += "); " + d.said(e)
		c.Remedy = "deleting local state does not help. Delete no checkpoint and no savepoint: start the job from an earlier checkpoint or savepoint (flink run -s PATH), keep the damaged one until that works, and check the storage it lies on"
		if dir := d.dirWith(RoleCheckpoint); dir != nil {
			c.Subject = dir.Path
		}
	} else {
		c.Message = "corrupted state: RocksDB's local files are damaged (scratch, made anew from the last checkpoint when the job restarts); " + d.said(e)
		c.Remedy = "let the job restart from its last checkpoint, which is untouched; then check the disk and memory of this host (dmesg, smartctl). Delete no checkpoint and no savepoint"
		if dir := d.dirOf(p); dir != nil {
			c.Subject = dir.Path
			c.Remedy += d.abandoned(dir.Path)
		}
	}
	if evidence := d.badDisk(p); len(evidence) > 0 {
		c.Evidence = append(c.Evidence, evidence...)
		c.Message += "; the kernel reports errors of the disk"
		if !durable {
			c.Confidence = Proven
		}
	}
	if id == textIOError && len(c.Evidence) < 2 {
		c.Message = "corrupted state: the disk or file system fails; " + d.said(e)
	}
	d.add(c)
}

func (d *diagnosis) abandoned(dir string) string {
	n := 0
	for _, s := range d.f.State.Scratch {
		if within(s.Path, dir) && s.Kind == "rocksdb" {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	directories := "1 directory of RocksDB lies"
	if n > 1 {
		directories = fmt.Sprintf("%d directories of RocksDB lie", n)
	}
	return fmt.Sprintf("; %s below %s (state/abandoned-directories says which no process holds)", directories, dir)
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

// badDisk are kernel records of errors of the disk that a path lies on.
func (d *diagnosis) badDisk(p string) []Evidence {
	m, ok := d.mount(p)
	if !ok {
		return nil
	}
	var list []Evidence
	for _, k := range d.f.Memory.Kernel.Events {
		if (k.Kind == KernelIOError || k.Kind == KernelFSError) && m.isDevice(k.Device) {
			list = append(list, Evidence{Source: k.Source, Time: when(k.Time), Text: k.Text})
		}
	}
	return list[max(0, len(list)-2):]
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
			c.Remedy = restoreElsewhere
			d.add(c)
		}
		return
	}
	switch {
	case d.inCheckpoint(p) || !local && strings.Contains(chainText(e), "Could not restore") && !d.isLocal(p):
		c := d.candidateOf(causeMissingFile, e)
		c.Subject = p
		c.Message = "missing checkpoint file: " + p + " is gone; " + d.times(e.Count, e.First, e.Last)
		c.Remedy = restoreElsewhere
		d.add(c)
	case local || d.isLocal(p):
		c := d.candidateOf(causeMissingDirectory, e)
		dir := d.dirOf(p)
		c.Subject = place(p, dir)
		c.Message = "missing directory: somebody removed RocksDB's local files below " + place(p, dir) + " under the running TaskManager; " + d.said(e)
		if dir != nil && dir.Kind.Or("") == "absent" {
			c.Confidence = Proven
			c.Evidence = append(c.Evidence, Evidence{Source: "ls -ld " + dir.Path, Text: "absent"})
		}
		c.Remedy = "let the job restart from its checkpoint; find what removed the files (systemd-tmpfiles, tmpreaper, a cron job) and exclude the directory, or move state.backend.rocksdb.localdir off /tmp"
		d.add(c)
	}
}

const restoreElsewhere = "bring the file back from a backup of the checkpoint storage, or start the job from an earlier checkpoint or a savepoint (flink run -s PATH); if the directory is file: on one host only, use storage that every host sees. Delete nothing there"

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
	c.Remedy = k.fix + "; then restart the TaskManager"
	d.add(c)
}
