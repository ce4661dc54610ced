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
		if o.Run == e.Run && o.File == e.File && (id == "" && o.kindOfFailure() == e.kindOfFailure() || id != "" && o.text() == id && o.byUser() == e.byUser() && o.trusted()) {
			count += o.Count
			first, last = earlier(first, o.First), max(last, o.Last)
		}
	}
	return "`" + short(text) + "` " + d.times(max(count, e.Count), first, last)
}

// trustedLoggers are those of Flink and what it is made of. An exception that
// another logger wrote is the job's own business.
var trustedLoggers = []string{"org.apache.flink.", "org.apache.pekko.", "akka.", "org.rocksdb", "o.a.f.", "o.a.p.", "o.apache.flink.", "o.apache.pekko.", "org.apache.hadoop.yarn"}

func (e LogEntry) trusted() bool {
	if e.Kind == LogOut || e.Kind == LogRocksDB || e.Logger == "" {
		return true
	}
	if strings.HasPrefix(e.Logger, "org.apache.flink.connector") {
		return false
	}
	return slices.ContainsFunc(trustedLoggers, func(p string) bool { return strings.HasPrefix(e.Logger, p) })
}

// platform are the packages whose frames are not the job's own code.
var platform = []string{"java.", "javax.", "jdk.", "sun.", "com.sun.", "org.apache.flink.", "org.rocksdb.", "akka.", "org.apache.pekko.", "scala.", "io.netty.",
	"org.jboss.netty.", "org.apache.commons.", "com.esotericsoftware.", "org.apache.hadoop.", "org.forstdb.", "org.slf4j.", "org.apache.logging."}

// userFrame reports whether a frame is of the job's own classes, or of a
// library that the job brought along.
func userFrame(frame string) bool {
	return !slices.ContainsFunc(platform, func(p string) bool { return strings.HasPrefix(frame, p) })
}

// jvmTexts are messages that the JVM itself gives an OutOfMemoryError,
// wherever it was allocating, also in the job's own code.
var jvmTexts = []string{"Java heap space", "GC overhead limit exceeded", "Metaspace", "Compressed class space"}

// byUser reports whether the innermost exception was thrown by the job's own
// code, whatever its message says.
func (e LogEntry) byUser() bool {
	if len(e.Chain) == 0 {
		return false
	}
	in := e.Innermost()
	if strings.HasSuffix(in.Class, ".OutOfMemoryError") &&
		slices.ContainsFunc(jvmTexts, func(t string) bool { return strings.HasPrefix(in.Message, t) }) {
		return false
	}
	if strings.HasSuffix(in.Class, "RocksDBException") && in.Frame != "" {
		return !strings.HasPrefix(in.Frame, "org.rocksdb.") && !strings.HasPrefix(in.Frame, "org.forstdb.")
	}
	if in.Frame != "" {
		return userFrame(in.Frame)
	}
	return userFrame(in.Class)
}

// hostClasses are the classes of exceptions that carry what the operating
// system or the JVM said.
var hostClasses = []string{"java.io.", "java.nio.", "java.net.", "java.lang.UnsatisfiedLinkError", "java.lang.OutOfMemoryError", "java.lang.InternalError",
	"java.lang.NoClassDefFoundError", "java.lang.ExceptionInInitializerError", "java.lang.Error", "java.util.concurrent.CompletionException",
	"org.rocksdb.", "org.forstdb.", "org.apache.flink.", "sun.", "io.netty.", "org.apache.pekko.", "akka.", "org.apache.hadoop."}

// text is the id of the table's text that an entry means; "" where it has
// none or where its class does not speak for the host.
func (e LogEntry) text() string {
	if e.looked {
		return e.id
	}
	in := e.Innermost()
	if in.Class != "" && !slices.ContainsFunc(hostClasses, func(p string) bool { return strings.HasPrefix(in.Class, p) }) {
		return ""
	}
	id := textOf(in.Class, in.Message)
	if id == textCorrupt && !e.damage() {
		return ""
	}
	return id
}

// damage reports whether a text about corruption is RocksDB's: Kafka, Parquet
// and others say "checksum mismatch" too.
func (e LogEntry) damage() bool {
	in := e.Innermost()
	return strings.Contains(in.Class, "RocksDBException") || e.Kind == LogRocksDB ||
		e.Kind == LogJobManager && strings.HasSuffix(in.Class, "SerializedThrowable") && !strings.HasPrefix(in.Message, "checksum mismatch")
}

// noise are exceptions that only tell of a task that is being stopped.
var noise = newMatcher(`CancellationException|InterruptedException|CancelTaskException|FlinkExpectedException|TaskNotRunningException|ExecutionGraphException|RecipientUnreachable|RpcConnectionException|TaskExecutor is shutting down|JobMaster.*(gone|closed)|Disconnect from JobManager|JobManager responsible|was not found|PartitionNotFound|RemoteTransportException|LocalTransportException|ProducerFailedException|FencingTokenException|TimeoutException|registration.*declined|HeartbeatManager|EndpointNotStarted|ClosedChannel|Connection (reset|refused|unexpectedly)|AbortPolicy|Checkpoint (was declined|expired|Coordinator)|CheckpointException|TaskManager with id|JobLeaderIdActions|actor system|AskTimeout|ConnectException|UnknownHost|RegistrationTimeout|NotYetConnected`)

// taskManagerOf is the running process of a run, nil if it is dead or cannot
// be told: it writes the file, and the run is the file's last.
func (d *diagnosis) taskManagerOf(run int) *TaskManager {
	if run < 0 || run >= len(d.f.Logs.Runs) {
		return nil
	}
	r := d.f.Logs.Runs[run]
	for i, o := range d.f.Logs.Runs {
		if i > run && o.File == r.File {
			return nil
		}
	}
	for i := range d.f.Flink.TaskManagers {
		tm := &d.f.Flink.TaskManagers[i]
		if tm.LogFile != r.File {
			continue
		}
		if started, ok := tm.Started.Get(); ok && r.Last > 0 && r.Last < started-60 && d.f.Logs.Zone.IsKnown() {
			return nil
		}
		return tm
	}
	return nil
}

// settled is for how many seconds a task must have run again, in the process
// that failed, before that counts as overcome where no JobManager's log here
// tells of checkpoints: a task that is merely RUNNING may fail at its next
// flush, but one that met a limit meets it again within an hour.
const settled = 3600

// over tells whether a failure of a run at a time has been overcome, and how.
func (d *diagnosis) over(run int, at int64, job string) string {
	runs := d.f.Logs.Runs
	alive := d.taskManagerOf(run)
	if alive == nil {
		for i, r := range runs {
			if began := d.began(i); i != run && r.Kind == LogTaskManager && began >= at && at > 0 && r.works() {
				return "the TaskManager was started again at " + d.clock(began) + " and runs its job"
			}
		}
	} else if r := runs[run]; r.works() && r.Running > at && at > 0 && d.now-r.Running > settled {
		return "its tasks have run since " + d.clock(r.Running)
	}
	if alive == nil && run >= 0 && runs[run].Kind == LogTaskManager {
		return ""
	}
	for j, t := range d.f.Logs.Checkpoints {
		if t > at && at > 0 && (job == "" || job == j) {
			return "a checkpoint was completed at " + d.clock(t)
		}
	}
	return ""
}

// began is when a run began, 0 where neither its log nor its process tells.
func (d *diagnosis) began(run int) int64 {
	if t := d.f.Logs.Runs[run].Started; t > 0 {
		return t
	}
	if tm := d.taskManagerOf(run); tm != nil {
		return tm.Started.Or(0)
	}
	return 0
}

// works reports whether the process is registered and runs a job.
func (r LogRun) works() bool {
	return r.Running > 0 && r.Failed <= r.Running && (r.Stopped == 0 || r.Stopped < r.Started)
}

var jobInPath = regexp.MustCompile(`job_([0-9a-f]{32})`)

// job is the job that an entry's path names.
func (e LogEntry) job() string {
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
		run:   e.Run, at: e.Last, from: e.First, over: d.over(e.Run, e.Last, e.job()),
	}
	if tm := d.taskManagerOf(e.Run); tm != nil {
		c.Subject = fmt.Sprintf("pid %d", tm.PID)
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
			d.userCode(e)
			continue
		}
		d.entry(e, e.text())
	}
}

// skip leaves out what another logger wrote, what a process said while it was
// being stopped, and noise.
func (d *diagnosis) skip(e LogEntry) bool {
	if !e.trusted() || e.Kind == LogRocksDB {
		return true
	}
	if e.Run >= 0 && e.Run < len(d.f.Logs.Runs) {
		if stop := d.f.Logs.Runs[e.Run].Stopped; stop > 0 && e.First >= stop {
			return true
		}
	}
	in := e.Innermost()
	return len(e.Chain) > 0 && e.text() == "" && noise.match(in.text())
}

// entry finds the rule for a text. Most causes are of the host that wrote the
// log: a JobManager also logs what TaskManagers elsewhere told it.
func (d *diagnosis) entry(e LogEntry, id string) {
	if e.Kind == LogJobManager && !slices.Contains([]string{textCorrupt, textBadMeta, textMissingFile}, id) && !d.ownCheckpointDir(e) {
		return
	}
	switch id {
	case textTooMany, textTooManySys:
		d.openFiles(e, id)
	case textNoSpace, textQuota:
		d.noSpace(e, id)
	case textReadOnly, textDenied, textNotPermit, textLocalDir, textMakeDir:
		d.directory(e, id)
	case textMapSegment, textLibMissing, textLibVersion, textLibOther:
		d.library(e, id)
	case textCorrupt, textBadMeta, textIOError:
		d.corrupted(e, id)
	case textMissingFile, textClosedEarly:
		d.missingFile(e, id)
	case textLock:
		c := d.candidateOf(causeLock, e)
		c.Message = "lock held: another process or instance uses the same RocksDB directory; " + d.said(e)
		c.Remedy = "find who holds it (fuser or lsof on the LOCK file named) and stop the one too many; give each TaskManager of a host its own resource-id and directories"
		d.add(c)
	case textHeap, textMetaspace, textDirect:
		d.sizing(e, id)
	case textYarnMemory:
		c := d.candidateOf(causeMemory, e)
		c.Message = "out of memory: YARN killed the container for its memory limit; " + d.said(e)
		c.Remedy = "raise taskmanager.memory.process.size, or taskmanager.memory.jvm-overhead.max, in the Flink configuration; where the text says virtual, yarn.nodemanager.vmem-check-enabled=false"
		d.add(c)
	}
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
func (d *diagnosis) userCode(e LogEntry) {
	if !strings.Contains(e.Head, "FAILED") || e.Kind != LogTaskManager {
		return
	}
	c := d.candidateOf(causeUserCode, e)
	in := e.Innermost()
	c.Message = "the job's own code: " + d.said(e) + ", thrown by " + in.Frame
	if textOf(in.Class, in.Message) != "" {
		c.Message += "; it only looks like a failure of the host"
	}
	c.Remedy = "look at the job's code at " + in.Frame + "; nothing is to be changed on this host"
	d.add(c)
}

// unexplained are failures of tasks that are not over and that no rule knows.
func (d *diagnosis) unexplained() []LogEntry {
	var list []LogEntry
	for _, e := range d.entries {
		if e.Kind != LogTaskManager || len(e.Chain) == 0 || !strings.Contains(e.Head, "to FAILED") || d.skip(e) || e.byUser() || e.text() != "" {
			continue
		}
		if d.taskManagerOf(e.Run) == nil || d.over(e.Run, e.Last, e.job()) != "" || d.f.Logs.Runs[e.Run].Running > e.Last {
			continue
		}
		list = append(list, e)
	}
	return list[max(0, len(list)-3):]
}
