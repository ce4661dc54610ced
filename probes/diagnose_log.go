package probes

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// where is file and line of an entry.
func (e LogEntry) where() string {
	if e.Line == 0 {
		return e.File
	}
	return fmt.Sprintf("%s:%d", e.File, e.Line)
}

func (e LogEntry) evidence() Evidence {
	return Evidence{Source: e.where(), Time: when(e.Last), Text: clip(e.Innermost().text(), 400)}
}

// short is a text with its long paths cut to their last element, for a
// sentence.
func short(text string) string {
	return clip(longPath.ReplaceAllStringFunc(text, func(p string) string {
		if strings.Count(p, "/") < 3 {
			return p
		}
		return ".../" + path.Base(p)
	}), 160)
}

var longPath = regexp.MustCompile(`/[^\s:'"(),]+(?::[^\s:'"(),]+)*`)

// said is the sentence part that quotes a failure: `TEXT` 12 times since 02:41.
func (d *diagnosis) said(e LogEntry) string {
	in := e.Innermost()
	text := strings.TrimLeft(in.Message, "# ")
	if text == "" {
		text = in.Class
	}
	// The same failure may end in several texts: it is counted once for all.
	count, first, last := 0, e.First, e.Last
	id := e.text()
	for _, o := range d.entries {
		if o.Run == e.Run && (e.Run >= 0 || o.File == e.File) && (id == "" && o.kindOfFailure() == e.kindOfFailure() || id != "" && o.text() == id && o.byUser() == e.byUser() && o.trusted()) {
			count += o.Count
			first, last = earlier(first, o.First), max(last, o.Last)
		}
	}
	return "`" + short(text) + "` " + d.times(max(count, e.Count), first, last)
}

var jobInPath = regexp.MustCompile(`job_([0-9a-f]{32})`)

// job is the job that an entry's path names.
func (e LogEntry) job() string {
	if e.Job != "" {
		return e.Job
	}
	for _, p := range append(slices.Clone(e.Paths), e.Innermost().Message) {
		if m := jobInPath.FindStringSubmatch(p); m != nil {
			return m[1]
		}
	}
	return ""
}

// candidateOf starts a candidate from an entry.
func (d *diagnosis) candidateOf(name string, e LogEntry) candidate {
	c := candidate{
		Cause: Cause{Cause: name, Confidence: Likely, Subject: e.File, Evidence: []Evidence{e.evidence()}},
		run:   e.Run, at: e.Last, from: e.First, over: d.over(e.Run, e.Last, e.job()), unsure: e.planted(),
	}
	if tm := d.taskManagerOf(e.Run); tm != nil {
		c.Subject = fmt.Sprintf("pid %d", tm.PID)
	}
	if e.Kind == LogREST {
		d.ofREST(&c, e)
	}
	return c
}

// logs judges every entry of the logs.
func (d *diagnosis) logs() {
	for _, e := range d.entries {
		if d.skip(e) {
			continue
		}
		if e.byUser() {
			d.userCode(e, "thrown by "+e.thrownAt())
			continue
		}
		d.entry(e, e.text())
	}
}

// lastWords are what a JVM says in .out when it ends; printed by a job in a
// process that lives on they mean nothing.
var lastWords = []string{textNative, textSystemErr, textReserve}

// printed reports whether a line of .out can only be the job's own: the process
// lives, and Flink writes its failures to the log. The JVM's own words for an
// exception that nobody caught begin with Exception in thread.
func (d *diagnosis) printed(e LogEntry) bool {
	if e.Kind != LogOut || d.taskManagerOf(e.Run) == nil || d.shared(d.f.Logs.Runs[e.Run].File) {
		return false
	}
	if len(e.Chain) > 0 {
		return e.Head == ""
	}
	return slices.Contains(lastWords, e.text()) || slices.Contains([]string{textHeap, textMetaspace, textDirect}, e.text()) && !strings.HasPrefix(e.Head, "Exception in thread")
}

// shared reports whether several processes have written a log, and so the .out
// beside it.
func (d *diagnosis) shared(log string) bool {
	n := 0
	for _, r := range d.f.Logs.Runs {
		if r.File == log {
			n++
		}
	}
	for _, tm := range d.f.Flink.TaskManagers {
		if tm.LogFile == log {
			n++
		}
	}
	return n > 2
}

// skip leaves out what another logger wrote, what the job printed, what a
// process said while it was being stopped, and noise.
func (d *diagnosis) skip(e LogEntry) bool {
	if !e.trusted() || e.Kind == LogRocksDB || d.printed(e) {
		return true
	}
	if e.Run >= 0 && e.Run < len(d.f.Logs.Runs) {
		if stop := d.f.Logs.Runs[e.Run].Stopped; stop > 0 && e.First >= stop {
			return true
		}
	}
	return e.noise
}

// entry finds the rule for a text. Most causes are of the host that wrote the
// log: a JobManager also logs what TaskManagers elsewhere told it.
func (d *diagnosis) entry(e LogEntry, id string) {
	if e.Kind == LogJobManager && !slices.Contains([]string{textCorrupt, textBadMeta, textMissingFile}, id) && !d.ownCheckpointDir(e) {
		return
	}
	switch id {
	case textDenied, textNotPermit, textMissingFile, textIOError, textReadOnly:
		if p := pathIn(e.Innermost().Message); d.ofTheJob(e, p) {
			d.userCode(e, "of a file that is none of Flink's: "+p)
			return
		}
	}
	switch id {
	case textTooMany, textTooManySys:
		d.openFiles(e, id)
	case textNoSpace, textQuota:
		d.noSpace(e, id)
	case textReadOnly, textDenied, textNotPermit, textLocalDir, textMakeDir:
		d.directory(e, id)
	case textMapSegment, textLibMissing, textLibVersion, textLibCut, textLibOther:
		d.library(e, id)
	case textCorrupt, textBadMeta, textIOError:
		d.corrupted(e, id)
	case textMissingFile, textClosedEarly:
		d.missingFile(e, id)
	case textLock:
		c := d.candidateOf(causeLock, e)
		c.Message = "lock held: another process or instance uses the same RocksDB directory; " + d.said(e)
		c.Remedy = "find who holds it (" + lockHolder(e) + ") and stop the one too many; give each TaskManager of a host its own resource-id and directories; no restart of this one is needed"
		d.add(c)
	case textHeap, textMetaspace, textDirect:
		d.sizing(e, id)
	case textYarnMemory:
		c := d.candidateOf(causeMemory, e)
		c.Message = "out of memory: YARN killed the container for its memory limit; " + d.said(e)
		c.Remedy = "raise taskmanager.memory.process.size, or taskmanager.memory.jvm-overhead.max, in the Flink configuration; where the text says virtual, yarn.nodemanager.vmem-check-enabled=false; " + d.starter(e.Run).configured()
		d.add(c)
	}
}

// lockHolder is how to find who holds the lock of a directory.
func lockHolder(e LogEntry) string {
	if p := pathIn(e.Innermost().Message); strings.HasPrefix(p, "/") {
		return "fuser -v " + shellWord(p)
	}
	return "fuser -v on the LOCK file named"
}

// ownCheckpointDir: a JobManager that cannot write its checkpoint directory
// speaks of its own host.
func (d *diagnosis) ownCheckpointDir(e LogEntry) bool {
	for _, c := range e.Chain {
		if strings.Contains(c.Message, "Failed to create directory for shared state") || strings.Contains(c.Message, "Could not start the JobMaster") {
			return true
		}
	}
	return false
}

// userCode is what the job's own code throws, if a task failed of it.
func (d *diagnosis) userCode(e LogEntry, how string) {
	if !strings.Contains(e.Head, "FAILED") || e.Kind != LogTaskManager && e.Kind != LogREST {
		return
	}
	c := d.candidateOf(causeUserCode, e)
	in := e.Innermost()
	c.Message = "the job's own code: " + d.said(e) + ", " + how
	if textOf(in.Class, in.Message) != "" && e.byUser() {
		c.Message += "; it only looks like a failure of the host"
	}
	at := e.thrownAt()
	if !userFrame(at) {
		at = "" // where Java made it, not who asked
	}
	c.Remedy = "look at the job's code" + orNothing(" at ", at) + "; nothing is to be changed on this host, and no restart of the TaskManager is needed"
	d.add(c)
}
