package probes

import (
	"cmp"
	"slices"
	"strings"
)

// LogREST is the kind of a LogEntry that Flink's REST API told.
const LogREST = "rest"

// taskFailed heads an exception that one task failed of, in the words of a
// log: judges look for them.
const taskFailed = "a task switched to FAILED"

// exceptionInfo is an exception in any of the shapes there were: of the
// history (since 1.13), and of the task that failed last (all versions).
type exceptionInfo struct {
	Name        string `json:"exceptionName"`
	Stack       string `json:"stacktrace"`
	Task        string `json:"taskName"`
	Location    string `json:"location"`
	Endpoint    string `json:"endpoint"` // since 1.18, and then location is the same
	TaskManager string `json:"taskManagerId"`
	Time        int64  `json:"timestamp"`

	OldStack string `json:"exception"`
	OldTask  string `json:"task"`

	Concurrent []exceptionInfo `json:"concurrentExceptions"`
}

// failureFold takes the same failures of one TaskManager together.
type failureFold struct {
	job  string
	list []ClusterFailure
	more bool // than were read

	at          map[string]int
	read, bytes int
}

// decodeExceptions reads /jobs/ID/exceptions: the history where there is one,
// else what the tasks failed of, else the exception of the job as a whole.
func decodeExceptions(body []byte, job string) (failureFold, error) {
	f := failureFold{job: job, list: []ClusterFailure{}, at: map[string]int{}}
	var a struct {
		Root    *string         `json:"root-exception"`
		Time    *int64          `json:"timestamp"`
		Tasks   []exceptionInfo `json:"all-exceptions"`
		History *struct {
			Entries   []exceptionInfo `json:"entries"`
			Truncated bool            `json:"truncated"`
		} `json:"exceptionHistory"`
	}
	if err := decodeJSON(body, &a); err != nil {
		return f, err
	}
	if a.History == nil && a.Tasks == nil && a.Root == nil {
		return f, errShape // a JobManager that knows of no exception says so
	}
	var list []exceptionInfo
	if a.History != nil {
		list, f.more = a.History.Entries, a.History.Truncated
	}
	if len(list) == 0 {
		list = a.Tasks
	}
	if len(list) == 0 && a.Root != nil && *a.Root != "" {
		root := exceptionInfo{Stack: *a.Root}
		if a.Time != nil {
			root.Time = *a.Time
		}
		list = []exceptionInfo{root}
	}
	for _, e := range list {
		f.add(e)
		for _, c := range e.Concurrent {
			f.add(c)
		}
	}
	// Oldest first, as in a log.
	slices.SortStableFunc(f.list, func(a, b ClusterFailure) int { return cmp.Compare(a.Entry.Last, b.Entry.Last) })
	return f, nil
}

// Bounds of what is read of one job's exceptions, of which the newest come
// first.
const (
	maxFailures     = 200
	maxFailureBytes = 512 << 10
)

func (f *failureFold) add(e exceptionInfo) {
	f.read++
	f.bytes += min(len(e.Stack)+len(e.OldStack), maxStack)
	if f.read > maxFailures || f.bytes > maxFailureBytes {
		f.more = true
		return
	}
	one := e.failure(f.job)
	key := one.Endpoint + " " + one.TaskManager + " " + one.Entry.kindOfFailure()
	if i, ok := f.at[key]; ok {
		f.list[i].Entry.repeat(one.Entry)
		f.list[i].Entry.First = earlier(f.list[i].Entry.First, one.Entry.First)
		return
	}
	f.at[key] = len(f.list)
	f.list = append(f.list, one)
}

// failure is the exception in the form that logs are judged in.
func (e exceptionInfo) failure(job string) ClusterFailure {
	f := ClusterFailure{
		Endpoint: assigned(cmp.Or(e.Endpoint, e.Location)), TaskManager: assigned(e.TaskManager),
		Task: redactTo(cmp.Or(e.Task, e.OldTask), 200),
	}
	at := seconds(e.Time)
	entry := LogEntry{
		File: "REST /jobs/" + job + "/exceptions", Kind: LogREST, Run: -1, Count: 1, First: at, Last: at, Job: job,
		Head: "the job failed as a whole",
	}
	if f.Endpoint != "" || f.TaskManager != "" || f.Task != "" {
		entry.Head = taskFailed
	}
	f.Entry = readStack(entry, e.Name, cmp.Or(e.Stack, e.OldStack))
	return f
}

// assigned is the name of a TaskManager, "" for what stands in place of one.
func assigned(name string) string {
	if name == "(unassigned)" {
		return ""
	}
	return redactTo(name, maxName)
}

// A stack is bounded: of one that is too long the beginning and the end, where
// the innermost cause is. Lines may be longer than those of logs, which are cut
// on the host: a message that names two paths has its reason behind them.
const (
	maxStack     = 96 << 10
	maxStackHead = 16 << 10
	maxStackLine = 2048
	maxMessage   = 1500
)

// cutStack cuts at the ends of lines: half a line may hold half a secret, that
// nobody knows for one.
func cutStack(stack string) string {
	n := len(stack)
	if n <= maxStack {
		return stack
	}
	head, tail := stack[:maxStackHead], stack[n-(maxStack-maxStackHead):]
	head = head[:1+strings.LastIndexByte(head, '\n')]
	_, tail, _ = strings.Cut(tail, "\n")
	return head + tail
}

// readStack reads the text of an exception, as the reader of logs does.
func readStack(entry LogEntry, name, stack string) LogEntry {
	stack = cutStack(stack)
	r := logReader{facts: &LogsFacts{}, run: -1, file: LogFile{Path: entry.File, Kind: LogREST}, open: entry}
	for line := range strings.Lines(stack) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "\tat ") { // most lines, of which a method's name is kept
			r.take(clip(line, maxStackLine))
			continue
		}
		line = redactTo(line, maxStackLine)
		// What looks like the head of another entry is of a message.
		if l, _ := r.clock.parseLine(line); !l.head {
			r.take(line)
		}
	}
	e := r.open
	e.Head, e.failed = entry.Head, entry.Head == taskFailed
	if len(e.Chain) == 0 {
		first, _, _ := strings.Cut(strings.TrimSpace(stack), "\n")
		e.Chain = []LogCause{{Class: redactTo(name, 200), Message: redactTo(first, maxMessage)}}
	}
	e.Chain = e.Chain[max(0, len(e.Chain)-12):]
	for i := range e.Chain {
		e.Chain[i].Message = clip(e.Chain[i].Message, maxMessage)
	}
	if p := pathIn(e.Innermost().Message); p != "" {
		e.Paths = []string{p}
	}
	return e
}
