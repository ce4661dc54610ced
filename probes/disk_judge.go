package probes

import (
	"fmt"
	"slices"
	"strings"
)

// diskJudge gathers the findings of one host. What is wrong with a mount is
// one finding, however many directories lie there.
type diskJudge struct {
	Input
	findings []Finding
	byMount  map[string]int // code and mount point -> index of findings
}

func judgeDisk(in Input) Judgement {
	d := &diskJudge{Input: in, byMount: map[string]int{}}
	j := Judgement{Want: fmt.Sprintf("below %d%%", in.Threshold("disk/near"))}
	disk := in.Facts.Disk
	for _, point := range disk.Hanging {
		f := in.Find("hanging", Live, "a file system does not answer")
		f.Subject, f.Observed, f.Want, f.Source = point, "no answer in time", "an answer", "statfs"
		d.findings = append(d.findings, f)
	}
	worst := int64(-1)
	for _, dir := range disk.Dirs {
		if s, ok := dir.Space.Get(); ok {
			worst = max(worst, s.Used(), s.FilesUsed())
		}
		d.space(dir)
		d.quota(dir)
		d.mount(dir)
		d.errors(dir)
		d.cleaned(dir)
		d.access(dir)
	}
	if worst >= 0 {
		j.Observed = fmt.Sprintf("%d%%", worst)
	}
	if _, ok := disk.Listed.Get(); ok && len(disk.Dirs) == 0 {
		j.Unknown = append(j.Unknown, "no directory of a TaskManager is known")
	}
	j.Findings = d.findings
	return j
}

// scratch are the roles of directories that RocksDB and the TaskManager fill.
func (d DirFacts) scratch() bool {
	return d.has(RoleLocalDir, RoleWork, RoleLocalState, RoleTmp, RoleInventory)
}

// onMount adds a finding about a mount, or the directory to the one that is
// there already.
func (d *diskJudge) onMount(dir DirFacts, f Finding) {
	m, ok := dir.Mount.Get()
	if !ok {
		return
	}
	f.Subject = m.Point
	why := Evidence{Source: strings.Join(dir.Roles, ", "), Text: dir.Path}
	key := f.Code + " " + f.Message + " " + m.Point
	if i, ok := d.byMount[key]; ok {
		d.findings[i].Evidence = append(d.findings[i].Evidence, why)
		d.findings[i].Status = Worst(d.findings[i].Status, f.Status)
		return
	}
	f.Evidence = append(f.Evidence, why)
	d.byMount[key] = len(d.findings)
	d.findings = append(d.findings, f)
}

func (d *diskJudge) space(dir DirFacts) {
	s, ok := dir.Space.Get()
	if !ok {
		return
	}
	near, full := d.Threshold("disk/near"), d.Threshold("disk/full")
	if s.Used() >= near {
		f := d.Find("full", Live, "a file system of a TaskManager is nearly full")
		if s.Used() >= full && s.Avail < 10<<30 || s.Avail < d.Threshold("disk/floor") {
			f.Message = "a file system of a TaskManager is full"
		} else {
			f.Status = d.Policy.Status(f.Code, Warn)
		}
		f.Observed = fmt.Sprintf("%d%% used, %s free", s.Used(), gib(s.Avail))
		f.Want, f.Source = fmt.Sprintf("below %d%%", near), "statfs"
		f.Remedy = d.spaceRemedy(dir)
		d.onMount(dir, f)
	}
	if s.Files > 0 && (s.FilesUsed() >= near || s.FilesFree < d.Threshold("disk/inodes-floor")) {
		f := d.Find("inodes", Live, "a file system of a TaskManager has few inodes left")
		if s.FilesUsed() >= full || s.FilesFree < d.Threshold("disk/inodes-floor") {
			f.Message = "a file system of a TaskManager has no inodes left"
		} else {
			f.Status = d.Policy.Status(f.Code, Warn)
		}
		f.Observed = fmt.Sprintf("%d of %d inodes free", s.FilesFree, s.Files)
		f.Want, f.Source = fmt.Sprintf("below %d%% used", near), "statfs (df -i)"
		d.onMount(dir, f)
	}
}

// spaceRemedy names what the TaskManagers themselves left behind, if that is
// on the full file system.
func (d *diskJudge) spaceRemedy(dir DirFacts) string {
	m, _ := dir.Mount.Get()
	text := "free space on " + shellWord(m.Point) + " or enlarge it"
	var bytes int64
	for _, s := range d.Facts.abandoned() {
		if within(s.Path, m.Point) {
			bytes += s.Size.Or(0)
		}
	}
	if bytes > 0 {
		text += fmt.Sprintf("; %s are in directories that TaskManagers left behind (see state/abandoned-directories)", gib(bytes))
	}
	return text
}

func (d *diskJudge) quota(dir DirFacts) {
	for _, pid := range pidsOf(dir.Quota) {
		q := dir.Quota[pid]
		bytes := q.Limit > 0 && percent(q.Used, q.Limit) >= d.Threshold("disk/full")
		files := q.FilesLimit > 0 && percent(q.Files, q.FilesLimit) >= d.Threshold("disk/full")
		if !bytes && !files {
			continue
		}
		f := d.Find("full", Live, "the quota of the TaskManager's user is used up")
		f.Observed = fmt.Sprintf("%s of %s", gib(q.Used), gib(q.Limit))
		if !bytes {
			f.Code, f.Observed = "disk/inodes", fmt.Sprintf("%d of %d files", q.Files, q.FilesLimit)
		}
		f.Want, f.Source = fmt.Sprintf("below %d%%", d.Threshold("disk/full")), "quota"
		f.Remedy = "raise the quota of the TaskManager's user on " + q.Device + " (setquota), or free space"
		d.onMount(dir, f)
	}
}

func (d *diskJudge) mount(dir DirFacts) {
	m, ok := dir.Mount.Get()
	if !ok {
		return
	}
	source := "mountinfo: " + m.Source + " on " + m.Point
	options := strings.Join(m.Options, ",")
	if m.ReadOnly() {
		f := d.Find("read-only", Live, "a directory of a TaskManager is on a read-only file system")
		f.Observed, f.Want, f.Source = options, "rw", source
		f.Remedy = "find out why it is read-only (kernel log, /etc/fstab), then " + d.starter(dir).remount("rw", "ro", &dir, m)
		d.onMount(dir, f)
	}
	work := d.workDir(dir)
	if work && m.NoExec() {
		f := d.Find("noexec", Live, "the native library of RocksDB is unpacked on a noexec file system")
		f.Observed, f.Want, f.Source = options, "exec", source
		f.Remedy = d.starter(dir).remount("exec", "noexec", &dir, m)
		d.onMount(dir, f)
	}
	// RocksDB's files lie in the working directory unless localdir is set.
	if !dir.has(RoleLocalDir, RoleWork, RoleLocalState, RoleInventory) && !(work && !d.hasRole(RoleLocalDir)) {
		return
	}
	if m.Network() {
		f := d.Find("network-file-system", Live, "RocksDB's local files are on a network file system")
		f.Observed, f.Want, f.Source = m.Type, "a local disk", source
		d.onMount(dir, f)
	}
	if m.Temporary() {
		f := d.Find("temporary-file-system", Live, "RocksDB's local files are in memory (tmpfs)")
		f.Observed, f.Want, f.Source = m.Type, "a local disk", source
		d.onMount(dir, f)
	}
}

// workDir reports whether TaskManagers make their working directory there:
// where process.taskmanager.working-dir says, else in io.tmp.dirs, else in
// java.io.tmpdir. /tmp is always looked at, but is one of these only where
// nothing else is configured or it is named.
func (d *diskJudge) workDir(dir DirFacts) bool {
	if dir.has(RoleWork) || d.hasRole(RoleWork) || !dir.has(RoleTmp) {
		return dir.has(RoleWork)
	}
	others := slices.ContainsFunc(d.Facts.Disk.Dirs, func(o DirFacts) bool { return o.has(RoleTmp) && o.Path != dir.Path })
	if dir.Path != "/tmp" || !others {
		return true
	}
	return slices.ContainsFunc(d.Facts.Flink.TaskManagers, func(tm TaskManager) bool { return d.Facts.names(tm, dir.Path) })
}

// starter is how the first TaskManager that uses a directory was started.
func (d *diskJudge) starter(dir DirFacts) starter {
	for _, pid := range pidsOf(dir.Writable) {
		return starterOfPID(d.Input, pid)
	}
	return starterOfNone(d.Input, "")
}

func (d *diskJudge) hasRole(role string) bool {
	return slices.ContainsFunc(d.Facts.Disk.Dirs, func(o DirFacts) bool { return o.has(role) })
}

// errors judges what the kernel log says of the device below a directory. A
// file system that the kernel made read-only still reads rw in mountinfo.
func (d *diskJudge) errors(dir DirFacts) {
	m, ok := dir.Mount.Get()
	if !ok {
		return
	}
	var readOnly *KernelEvent
	for i := range d.Facts.Memory.Kernel.Events {
		e := &d.Facts.Memory.Kernel.Events[i]
		if !m.isDevice(e.Device) {
			continue
		}
		switch e.Kind {
		case KernelReadOnly:
			readOnly = e
		case KernelMounted:
			readOnly = nil
		}
	}
	if readOnly != nil {
		f := d.Find("read-only", Live, "the kernel made a file system of a TaskManager read-only after an error")
		f.Observed, f.Want, f.Source = readOnly.Device+" remounted read-only", "rw", readOnly.Source
		f.Evidence = append(f.Evidence, Evidence{Source: readOnly.Source, Time: when(readOnly.Time), Text: readOnly.Text})
		f.Remedy = d.starter(dir).stop() + "; check the disk (" + smartHint(m) + "), umount " + shellWord(m.Point) + " && fsck " + shellWord(m.Source) + ", mount it again; then " + d.starter(dir).again()
		d.onMount(dir, f)
	}
	if e, failed := d.Facts.diskErrors(m); failed {
		f := d.Find("io-errors", Live, "the disk of a TaskManager has errors in the kernel log")
		f.Observed, f.Want, f.Source = fmt.Sprintf("%s, %d records", e.device, e.count), "no error", e.evidence[0].Source
		f.Evidence = append(f.Evidence, e.evidence...)
		f.Remedy = "check the disk (" + smartHint(m) + "), move the TaskManager's directories to another one; then " + d.starter(dir).again() + "; what is on " + shellWord(m.Point) + " may be damaged"
		d.onMount(dir, f)
	}
}

// access judges whether each TaskManager can write its directories.
func (d *diskJudge) access(dir DirFacts) {
	m, ok := dir.Mount.Get()
	if ok && m.ReadOnly() || dir.has(RoleSavepoint) && len(dir.Roles) == 1 {
		return // said by read-only
	}
	if dir.Kind.Or("") == "other" {
		f := d.Find("not-writable", Live, "a directory of a TaskManager is not a directory")
		f.Subject, f.Observed, f.Want, f.Source = dir.Path, dir.Mode.Or("not a directory"), "a directory", "ls -ldn"
		d.findings = append(d.findings, f)
		return
	}
	for _, pid := range pidsOf(dir.Writable) {
		if can, ok := dir.Writable[pid].Get(); !ok || can {
			continue
		}
		absent := dir.Kind.Or("") == "absent"
		f := d.Find("not-writable", Live, "a TaskManager cannot write a directory that it uses")
		if absent {
			f = d.Find("missing", Live, "a directory of a TaskManager is missing and it cannot create it")
		}
		f.Subject, f.Source = dir.Path, "ls -ldn"
		owner := d.userOf(pid)
		f.Want = "writable by " + owner
		f.Observed = "absent"
		if mode := dir.Mode.Or(""); mode != "" {
			f.Observed = fmt.Sprintf("%s, owner %d:%d", mode, dir.UID.Or(-1), dir.GID.Or(-1))
		}
		for _, p := range dir.Parents {
			f.Evidence = append(f.Evidence, Evidence{Source: "ls -ldn", Text: fmt.Sprintf("%s %d %d %s", p.Mode, p.UID, p.GID, p.Path)})
		}
		f.Remedy = "chown " + shellWord(owner) + " " + shellWord(dir.Real)
		if absent {
			f.Remedy = "install -d -o " + shellWord(owner) + " " + shellWord(dir.Real)
		}
		f.Remedy += " as root (each directory above it needs x for that user); the TaskManager finds it at the job's next restart"
		d.findings = append(d.findings, f)
		return
	}
}

// userOf names the user of a TaskManager: its number where the host has no
// name for it.
func (d *diskJudge) userOf(pid int) string {
	for _, tm := range d.Facts.Flink.TaskManagers {
		if tm.PID == pid {
			return userKey(tm)
		}
	}
	return d.Facts.Session.FlinkUser.Or("the user of TaskManagers")
}

// pidsOf are the keys of a map by pid, ascending.
func pidsOf[T any](m map[int]T) []int {
	pids := make([]int, 0, len(m))
	for pid := range m {
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	return pids
}
