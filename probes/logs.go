package probes

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Logs is the probe of what Flink, RocksDB and the JVM wrote.
var Logs = Probe{
	Name: "logs",
	Doc: `what TaskManager logs, .out and hs_err files say of failures

A TaskManager names the reason of a failure in the innermost cause of an exception; the lines around it (Error while opening RocksDB instance, Could not restore
keyed state backend) are shared by all reasons. When the JVM itself dies, only its .out file and an hs_err file know; killed by the kernel, it says nothing.

Read are the ends of the newest logs, also rotated ones, of .out and .err, of relocated RocksDB LOG files (errors only), of JobManager logs on the
same host, and of hs_err files the limits and the number of maps. What leaves the host: heads of exceptions with their innermost frame, warnings and errors of Flink's own
loggers, and marks of starts, registrations, tasks and checkpoints. Lines of other loggers, and what
lies below them, stay there; repeats are counted there; passwords and keys are left out.`,
	Words: []string{"log", "exception", "stack trace", "hs_err", ".out", "IO error while opening RocksDB", "Error while opening RocksDB instance", "Corruption error",
		"checksum mismatch", "Could not restore keyed state backend", "Caused by"},
	Budget: 8,
	Script: logsScript,
	Codes:  logsCodes,
	Parse:  parseLogs,
	Judge:  judgeLogs,
}

//go:embed logs.sh
var logsScript string

// LogsFacts are what the logs of a host say, before any judgement: entries
// with their exceptions, what became of each process, crashes of the JVM.
// Times are seconds since the epoch, 0 where a log does not tell.
type LogsFacts struct {
	// Read is known if the logs were looked at to the end: only then does an
	// empty list mean that there is nothing.
	Read Value[bool] `json:"read" need:"needed"`
	// Zone is known if the host's clock and zone are: else local times are
	// taken for UTC.
	Zone    Value[bool] `json:"zone"`
	Files   []LogFile   `json:"files"`
	Runs    []LogRun    `json:"runs"`
	Entries []LogEntry  `json:"entries"`
	Crashes []HsErr     `json:"crashes"`
	// Checkpoints are by job when its newest checkpoint was completed, as a
	// JobManager on this host says.
	Checkpoints map[string]int64 `json:"checkpoints"`
}

// The kinds of a LogFile.
const (
	LogTaskManager = "taskmanager"
	LogJobManager  = "jobmanager"
	LogOut         = "out"     // standard output and error: the JVM's own words
	LogRocksDB     = "rocksdb" // RocksDB's info log
	logHsErr       = "hs_err"
)

// LogFile is a file that was read.
type LogFile struct {
	Path string `json:"path"`
	Kind string `json:"kind"`
	Size int64  `json:"size"`
	// From is the first byte that was read: 0 is the whole file.
	From int64 `json:"from"`
	// Ahead is how many seconds its clock, where its times have no zone, is
	// ahead of the host's; 0 also where that cannot be told.
	Ahead int64 `json:"ahead,omitempty"`
}

// LogRun is one process as its log shows it: from a start mark to the next.
type LogRun struct {
	File    string `json:"file"`
	Kind    string `json:"kind"`
	Started int64  `json:"started"` // 0 if the start is older than what was read
	// ResourceID is the name by which the JobManager knows it, "" if not seen.
	ResourceID string `json:"resource_id,omitempty"`
	Last       int64  `json:"last"` // the newest entry seen
	// MaxFiles is the limit of open files it was started with, 0 if not seen.
	MaxFiles   int64 `json:"max_files"`
	Registered int64 `json:"registered"` // newest registration at the ResourceManager
	// JobManager is the address it registered at, HOST:PORT.
	JobManager string `json:"jobmanager"`
	Running    int64  `json:"running"` // newest task that began to run
	Failed     int64  `json:"failed"`  // newest task that failed
	Stopped    int64  `json:"stopped"` // RECEIVED SIGNAL
	// LocalCopy is when a task was restored last from a local copy of its
	// checkpoint (local recovery).
	LocalCopy int64 `json:"local_copy,omitempty"`
}

// LogEntry is a failure as it was logged, the same ones taken together.
type LogEntry struct {
	File   string `json:"file"`
	Kind   string `json:"kind"`
	Line   int    `json:"line"` // of the newest, counted from LogFile.From
	Run    int    `json:"run"`  // index in Runs, -1 for none
	Count  int    `json:"count"`
	First  int64  `json:"first"`
	Last   int64  `json:"last"`
	Logger string `json:"logger,omitempty"`
	Head   string `json:"head,omitempty"` // message of the entry
	// Chain are the exceptions, the innermost last; empty for a line alone.
	Chain []LogCause `json:"chain,omitempty"`
	// Frames are frames that say what was being done.
	Frames []string `json:"frames,omitempty"`
	// Paths are different paths in repetitions of it, one of each RocksDB
	// instance, at most four.
	Paths []string `json:"paths,omitempty"`
	// Job is the id of the job, of an entry that a REST API told.
	Job string `json:"job,omitempty"`

	told   *ClusterFailure // by a REST API
	failed bool            // while reading: a task that failed of it was counted
	looked bool            // while judging: id is its text
	id     string          // see text
	noise  bool            // likewise, see noise
}

// LogCause is one exception of a chain.
type LogCause struct {
	Class   string `json:"class"`
	Message string `json:"message,omitempty"`
	Frame   string `json:"frame,omitempty"` // the innermost frame
}

// Innermost is the last exception of the chain; of an entry without one its
// message.
func (e LogEntry) Innermost() LogCause {
	if len(e.Chain) == 0 {
		return LogCause{Message: e.Head}
	}
	return e.Chain[len(e.Chain)-1]
}

// HsErr is what an hs_err file says. Sizes in bytes.
type HsErr struct {
	Path    string `json:"path"`
	PID     int    `json:"pid"`
	Time    int64  `json:"time"`
	LogFile string `json:"log_file"`
	Command string `json:"command"` // main class
	Error   string `json:"error"`   // what failed
	// Frame is the problematic frame of a crash: "C [librocksdbjni.so+0x1f]".
	Frame string `json:"frame,omitempty"`
	Maps  int64  `json:"maps"` // lines under "Dynamic libraries:"
	// Limits are the rlimit line: NOFILE, AS, NPROC, DATA, soft.
	Limits      map[string]Limit `json:"limits"`
	MaxMapCount Value[int64]     `json:"max_map_count"`
	Available   Value[int64]     `json:"available"`
	CommitLimit Value[int64]     `json:"commit_limit"`
	Committed   Value[int64]     `json:"committed"`
}

func parseLogs(r Records, f *Facts) {
	l := &f.Logs
	*l = LogsFacts{Files: []LogFile{}, Runs: []LogRun{}, Entries: []LogEntry{}, Crashes: []HsErr{}, Checkpoints: map[string]int64{}}
	l.Read = Unknown[bool](r.String("logs.read").Why())
	if r.String("logs.read").IsKnown() {
		l.Read = Known(true)
	}
	clock := parseClock(r.String("host.date"), Unknown[int64](""))
	l.Zone = Unknown[bool]("the host's clock and zone are not known")
	if !clock.now.IsZero() {
		l.Zone = Known(true)
	}
	var sources []logSource
	seen := map[string]bool{}
	for _, name := range logNames(r) {
		kind, size, path, ok := cutLogName(r.values[name])
		if !ok || seen[path] {
			continue
		}
		seen[path] = true
		if kind == logHsErr {
			l.Crashes = append(l.Crashes, parseHsErr(path, r.All(name+".line"), r.Int(name+".maps"), clock))
			continue
		}
		file := LogFile{Path: path, Kind: kind, Size: size, From: max(0, size-r.Int(name+".tail").Or(size))}
		sources = append(sources, logSource{LogFile: file, head: r.All(name + ".head"), lines: r.All(name + ".line"), last: strings.Join(r.All(name+".last"), "")})
	}
	reader := logReader{facts: l, clock: clock}
	reader.readAll(sources)
	reader.finish()
	l.future(clock)
	l.unread(r)
}

// future makes it unknown how times compare with the host's where a log has
// some that its clock has not reached: it is then in a zone of its own, or one
// of the clocks is wrong.
func (l *LogsFacts) future(clock hostClock) {
	for _, run := range l.Runs {
		if !clock.now.IsZero() && run.Last > clock.now.Unix()+120 {
			l.Zone = Unknown[bool](fmt.Sprintf("times in %s are after the host's clock", run.File))
		}
	}
}

// unread makes it unknown whether the logs say anything where one of them
// could be read by nobody.
func (l *LogsFacts) unread(r Records) {
	for name, paths := range r.values {
		if !strings.HasPrefix(name, "logs.") || !strings.HasSuffix(name, ".unread") || strings.Count(name, ".") != 2 {
			continue
		}
		for _, path := range paths {
			read := slices.ContainsFunc(l.Files, func(f LogFile) bool { return within(f.Path, path) })
			if why := path + " cannot be read"; !read && (l.Read.IsKnown() || why < l.Read.Why()) {
				l.Read = Unknown[bool](why)
			}
		}
	}
}

// logNames are the records of files, logs.WHO.N, in the order they were read.
func logNames(r Records) []string {
	var names []string
	for name := range r.values {
		if !strings.HasPrefix(name, "logs.") {
			continue
		}
		if p := strings.Split(name, "."); len(p) == 3 && atoi(p[2]) > 0 {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		x, y := strings.Split(a, "."), strings.Split(b, ".")
		if x[1] != y[1] {
			return -strings.Compare(x[1], y[1]) // "host" before pids
		}
		return atoi(x[2]) - atoi(y[2])
	})
	return names
}

func cutLogName(values []string) (kind string, size int64, path string, ok bool) {
	if len(values) == 0 {
		return
	}
	p := strings.SplitN(values[0], " ", 3)
	if len(p) != 3 || !strings.HasPrefix(p[2], "/") {
		return
	}
	size, err := strconv.ParseInt(p[1], 10, 64)
	return p[0], size, p[2], err == nil
}
