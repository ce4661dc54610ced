package probes

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var quotedDir = regexp.MustCompile(`(?:directory|at) '?(/[^'\s]+?)'?\.? (?:does not exist|$)|directory '?(/[^'\s]+)`)

// subjectDir is the directory that an entry is about, by its path, else by
// what was being done.
func (d *diagnosis) subjectDir(e LogEntry) (p string, dir *DirFacts) {
	in := e.Innermost()
	if m := quotedDir.FindStringSubmatch(in.Message); m != nil {
		p = m[1] + m[2]
	}
	if p == "" {
		p = pathIn(in.Message)
	}
	if p == "" {
		switch text := e.Head + chainText(e); {
		case len(e.Frames) > 0 || strings.Contains(text, "heckpoint"):
			dir = d.dirWith(RoleCheckpoint, RoleSavepoint)
		case strings.Contains(text, "RpcLoader") || strings.Contains(text, "RpcSystem") || strings.Contains(text, "native RocksDB library"):
			dir = d.dirWith(RoleTmp, RoleWork)
		default:
			dir = d.dirWith(RoleLocalDir, RoleWork, RoleTmp)
		}
		if dir != nil {
			p = dir.Path
		}
		return p, dir
	}
	return p, d.dirOf(p)
}

func chainText(e LogEntry) string {
	var b strings.Builder
	for _, c := range e.Chain {
		b.WriteString(" " + c.text())
	}
	return b.String()
}

// noSpace: ENOSPC means no block, no inode or, as EDQUOT, no quota. Writing to
// a file that is open needs a block; making a file needs an inode and seldom a
// block. Where the space is free again, the size of the file system decides.
func (d *diagnosis) noSpace(e LogEntry, id string) {
	p, dir := d.subjectDir(e)
	name, confidence, shown := causeDiskFull, Likely, ""
	if dir != nil {
		if s, ok := dir.Space.Get(); ok {
			name, confidence, shown = d.blocksOrInodes(e, s)
		}
		if q := quotaHit(*dir); q != "" || id == textQuota {
			name, shown = causeDiskFull, q
			if q != "" {
				confidence = Proven
			}
		}
	} else if !d.writing(e) && strings.Contains(e.Innermost().Message, "(No space left") {
		shown = "df -i tells whether inodes are free"
	}
	c := d.candidateOf(name, e)
	c.Confidence = confidence
	what := map[string]string{causeDiskFull: "disk full: ", causeInodes: "inodes: "}[name]
	c.Message = what + place(p, dir) + orNothing(" has ", shown) + "; " + d.said(e)
	c.Subject = place(p, dir)
	if name == causeInodes {
		c.Remedy = fmt.Sprintf("free inodes there (df -i %s; the directories with most files: du --inodes -x %s), or use a file system with more", shellWord(place(p, dir)), shellWord(place(p, dir)))
	} else {
		c.Remedy = fmt.Sprintf("free space there (df -h %s), of directories that no TaskManager uses first, or use a bigger file system; never delete a checkpoint or savepoint for it", shellWord(place(p, dir)))
	}
	if id == textQuota {
		c.Remedy = "raise the quota of the TaskManager's user on that file system (quota -u USER shows it), or free files of that user"
	}
	d.add(c)
}

func orNothing(before, s string) string {
	if s == "" {
		return ""
	}
	return before + s
}

// place names a directory for a sentence: the one that is configured, or the
// path of the text.
func place(p string, dir *DirFacts) string {
	if dir != nil {
		return dir.Path
	}
	if p == "" {
		return "the directory"
	}
	return p
}

// writing reports whether the text is of a write to a file that was open.
func (d *diagnosis) writing(e LogEntry) bool {
	m := e.Innermost().Message
	return strings.Contains(m, "While appending") || strings.Contains(m, "While fallocate") || strings.Contains(m, "fsync") || pathIn(m) == ""
}

// smallInodes is a number of inodes that a few RocksDB instances use up.
const smallInodes = 5000

func (d *diagnosis) blocksOrInodes(e LogEntry, s Space) (string, Confidence, string) {
	blocks := fmt.Sprintf("%s of %s free", gib(s.Avail), gib(s.Total))
	files := fmt.Sprintf("%s of %s inodes free", group(s.FilesFree), group(s.Files))
	switch {
	case s.Files > 0 && s.FilesUsed() >= 99 && s.Used() < 99:
		return causeInodes, Proven, files
	case s.Used() >= 95 || s.Avail < min(16<<20, s.Total/10):
		return causeDiskFull, Proven, blocks
	case d.anyWriting(e):
		return causeDiskFull, Likely, "now " + blocks
	case s.Files > 0 && (s.Files < smallInodes || s.FilesUsed() > s.Used()+20):
		return causeInodes, Likely, "now " + files
	}
	return causeDiskFull, Likely, "now " + blocks
}

// anyWriting reports whether any failure of the same kind in the run was of a
// write: then it was blocks that lacked.
func (d *diagnosis) anyWriting(e LogEntry) bool {
	return slices.ContainsFunc(d.entries, func(o LogEntry) bool {
		return o.Run == e.Run && o.text() == textNoSpace && !o.byUser() && d.writing(o)
	})
}

func quotaHit(dir DirFacts) string {
	for _, q := range dir.Quota {
		if q.Limit > 0 && q.Used >= q.Limit-1<<20 {
			return fmt.Sprintf("a quota of %s, %s of it used", gib(q.Limit), gib(q.Used))
		}
		if q.FilesLimit > 0 && q.Files >= q.FilesLimit-1 {
			return fmt.Sprintf("a quota of %s files, %s of it used", group(q.FilesLimit), group(q.Files))
		}
	}
	return ""
}

// directory: a directory that cannot be written. Flink gives one text for
// four causes (it only calls mkdirs and looks whether the directory exists):
// only the host tells them apart.
func (d *diagnosis) directory(e LogEntry, id string) {
	p, dir := d.subjectDir(e)
	name := map[string]string{textReadOnly: causeReadOnly}[id]
	if name == "" {
		name = causePermissions
	}
	confidence, shown, evidence := Likely, "", []Evidence(nil)
	if dir != nil {
		name, confidence, shown, evidence = d.whyNotWritable(*dir, id, name)
	}
	if (id == textLocalDir || id == textMakeDir) && len(e.Chain) == 0 && confidence == Likely {
		confidence = Possible
	}
	c := d.candidateOf(name, e)
	if len(e.Chain) == 0 && c.over == "" && d.worksOn(e) {
		// One of several directories: the job goes on with the others.
		confidence = Possible
	}
	c.Confidence, c.Subject = confidence, place(p, dir)
	c.Evidence = append(c.Evidence, evidence...)
	word := map[string]string{causePermissions: "permissions", causeReadOnly: "read-only", causeInodes: "inodes", causeDiskFull: "disk full", causeMissingDirectory: "missing directory"}[name]
	c.Message = word + ": " + place(p, dir) + " cannot be written by the TaskManager" + orNothing(" (", shown)
	if shown != "" {
		c.Message += ")"
	}
	c.Message += "; " + d.said(e)
	c.Remedy = d.directoryRemedy(name, place(p, dir), dir, e.Run)
	d.add(c)
}

// worksOn reports whether the run of an entry had a task running after it.
func (d *diagnosis) worksOn(e LogEntry) bool {
	if e.Run < 0 {
		return false
	}
	r := d.f.Logs.Runs[e.Run]
	return r.Running >= e.Last && r.Failed <= r.Running
}

// whyNotWritable asks the facts of a directory, what is surest first.
func (d *diagnosis) whyNotWritable(dir DirFacts, id, name string) (string, Confidence, string, []Evidence) {
	m, mounted := dir.Mount.Get()
	if mounted && m.ReadOnly() {
		return causeReadOnly, Proven, "mounted read-only", []Evidence{{Source: "mountinfo", Text: m.Point + " " + strings.Join(m.Options, ",")}}
	}
	if mounted {
		if k, ok := d.remounted(m); ok {
			return causeReadOnly, Proven, "the kernel made the file system read-only after an error", k
		}
	}
	if id == textReadOnly {
		return causeReadOnly, Likely, "", nil
	}
	if s, ok := dir.Space.Get(); ok && (id == textLocalDir || id == textMakeDir) {
		if s.Files > 0 && s.FilesFree == 0 {
			return causeInodes, Proven, "no inode is free", []Evidence{{Source: "df -i", Text: fmt.Sprintf("%d of %d inodes free", s.FilesFree, s.Files)}}
		}
		if s.Files > 0 && s.Files < smallInodes && s.FilesUsed() >= 50 {
			return causeInodes, Likely, fmt.Sprintf("%s of %s inodes are free", group(s.FilesFree), group(s.Files)), nil
		}
		if s.Avail == 0 && s.Total > 0 {
			return causeDiskFull, Proven, "no block is free", nil
		}
	}
	if dir.Kind.Or("directory") == "other" {
		return causePermissions, Likely, "it is not a directory", nil
	}
	for _, w := range dir.Writable {
		if ok, known := w.Get(); known && !ok {
			return causePermissions, Proven, owner(dir), []Evidence{{Source: "ls -ld " + dir.Path, Text: owner(dir)}}
		}
	}
	return name, Likely, owner(dir), nil
}

// owner is what ls -ld says of a directory, or of the nearest one above it
// that exists.
func owner(dir DirFacts) string {
	mode, ok1 := dir.Mode.Get()
	uid, ok2 := dir.UID.Get()
	if ok1 && ok2 && mode != "" && uid >= 0 {
		return fmt.Sprintf("it is %s of uid %d", mode, uid)
	}
	if dir.Kind.Or("") == "absent" && len(dir.Parents) > 0 {
		p := dir.Parents[len(dir.Parents)-1]
		if p.Mode == "" {
			return "it is absent"
		}
		return fmt.Sprintf("it is absent, and %s above it is %s of uid %d", p.Path, p.Mode, p.UID)
	}
	return ""
}

// remounted: a file system that the kernel made read-only after an error may
// still read rw in mountinfo; only the kernel log tells.
func (d *diagnosis) remounted(m Mount) ([]Evidence, bool) {
	var last *KernelEvent
	var list []Evidence
	for i := range d.f.Memory.Kernel.Events {
		k := &d.f.Memory.Kernel.Events[i]
		if !m.isDevice(k.Device) {
			continue
		}
		switch k.Kind {
		case KernelReadOnly:
			last = k
			list = append(list, Evidence{Source: k.Source, Time: when(k.Time), Text: k.Text})
		case KernelFSError, KernelIOError:
			list = append(list, Evidence{Source: k.Source, Time: when(k.Time), Text: k.Text})
		case KernelMounted:
			last, list = nil, nil
		}
	}
	return list[max(0, len(list)-3):], last != nil
}

func (d *diagnosis) directoryRemedy(name, p string, dir *DirFacts, run int) string {
	word := shellWord(p)
	switch name {
	case causeReadOnly:
		if dir != nil {
			if m, ok := dir.Mount.Get(); ok {
				if _, failed := d.remounted(m); failed {
					return fmt.Sprintf("the disk or its file system failed: stop the TaskManager, umount %s, check it (fsck %s) and the disk (smartctl, the storage behind it), mount it again", shellWord(m.Point), shellWord(m.Source))
				}
				return "mount " + shellWord(m.Point) + " read-write (mount -o remount,rw, and its line in /etc/fstab), or configure another directory"
			}
		}
		return "mount it read-write (mount -o remount,rw; see dmesg first for an error of the file system), or configure another directory"
	case causeInodes:
		return "free inodes there (df -i " + word + "), or use a file system with more"
	case causeDiskFull:
		return "free space there (df -h " + word + "), or use a bigger file system; never delete a checkpoint or savepoint for it"
	}
	user := "FLINKUSER"
	if tm := d.taskManagerOf(run); tm != nil {
		user = userKey(*tm)
	} else if u, ok := d.f.Session.FlinkUser.Get(); ok {
		user = u
	}
	if dir != nil && dir.Kind.Or("") == "absent" {
		return fmt.Sprintf("install -d -o %s -m 0755 %s; no restart is needed", shellWord(user), word)
	}
	return fmt.Sprintf("chown %s %s && chmod u+rwx %s, and x for it on every directory above; no restart is needed", shellWord(user), word, word)
}
