package probes

import (
	"cmp"
	"fmt"
	"path"
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
		case strings.Contains(text, "AppenderLoggingException") || strings.Contains(text, "for appender "):
			dir = d.dirWith(RoleLog)
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
			name, confidence, shown = causeDiskFull, Likely, q
			if q != "" {
				confidence = Proven
			}
		}
	} else if !d.writing(e) && strings.Contains(e.Innermost().Message, "(No space left") {
		shown = "df -i tells whether inodes are free"
	}
	c := d.candidateOf(name, e)
	c.Confidence = confidence
	c.Message = causeWords[name] + ": " + place(p, dir) + orNothing(" has ", shown) + "; " + d.said(e)
	if strings.HasPrefix(shown, "now ") && c.over == "" && d.worksOn(e) {
		// Space was freed, and its task runs again: no longer a full disk, and not
		// for long enough to be history.
		c.Confidence = Possible
		c.Message += "; its task runs again"
	}
	c.Subject = place(p, dir)
	if name == causeInodes {
		c.Remedy = fmt.Sprintf("free inodes there (df -i %s; the directories with most files: du --inodes -x %[1]s), or use a file system with more", shellWord(place(p, dir)))
	} else {
		c.Remedy = fmt.Sprintf("free space there (df -h %s), or use a bigger file system; never delete a checkpoint or savepoint for it", shellWord(place(p, dir)))
	}
	if id == textQuota {
		c.Remedy = fmt.Sprintf("raise the quota of %s on that file system (quota -u %[1]s shows it, setquota sets it), or free files of that user", shellWord(cmp.Or(d.starter(e.Run).user, "USER")))
	}
	c.Remedy += d.leftOn(dir) + "; " + d.starter(e.Run).orStart()
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
	case s.Used() >= 95 && s.Avail < 1<<30 || s.Avail < min(16<<20, s.Total/10):
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
		return o.Run == e.Run && o.text() == textNoSpace && o.trusted() && !o.byUser() && d.writing(o)
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
	at, ours := place(p, dir), dir != nil || p == "" || flinkFile.MatchString(p) || madeByFlink.MatchString(p) || id == textLocalDir || id == textMakeDir
	if dir != nil && confidence != Proven && id != textLocalDir && id != textMakeDir && within(p, dir.Path) && p != dir.Path {
		// Nothing is wrong with the directory that is configured: the text names
		// a file below it.
		at, dir, shown = path.Dir(p), nil, ""
	}
	c.Confidence, c.Subject = confidence, at
	c.Evidence = append(c.Evidence, evidence...)
	c.Message = causeWords[name] + ": " + at + " cannot be written by the TaskManager" + orNothing(" (", shown)
	if shown != "" {
		c.Message += ")"
	}
	c.Message += "; " + d.said(e)
	c.Remedy = d.directoryRemedy(name, at, dir, d.starter(e.Run))
	if name == causePermissions && !ours {
		// Whose file that is nobody here knows.
		c.Remedy = "see who may write there (namei -l " + shellWord(at) + ") and what of the job or of Flink wants to; give that user the right, or the job another path"
	}
	d.add(c)
}

// causeWords begin the message of a cause of a directory.
var causeWords = map[string]string{causePermissions: "permissions", causeReadOnly: "read-only", causeInodes: "inodes", causeDiskFull: "disk full"}

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
