package probes

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxEntries bounds the entries of a host that are kept: the newest.
const maxEntries = 120

// logReader puts the lines of logs together to runs and entries.
type logReader struct {
	facts *LogsFacts
	clock hostClock

	file  LogFile
	run   int // index in facts.Runs, -1 for none
	now   int64
	head  logLine
	line  int
	open  LogEntry
	known map[string]int // index in facts.Entries by kind of failure
	inSub bool           // below Suppressed: not a cause
}

var checkpointMark = regexp.MustCompile(`Completed checkpoint \d+ for job ([0-9a-f]+)`)

// read takes one file: head are start marks before what line begins with.
func (r *logReader) read(file LogFile, head, lines []string) {
	r.file, r.run, r.now, r.head, r.inSub = file, -1, 0, logLine{}, false
	if len(head) > 0 {
		file.From = 1
	}
	r.facts.Files = append(r.facts.Files, file)
	for _, raw := range head {
		if _, text, ok := cutNumber(raw); ok {
			r.mark(text)
		}
	}
	for _, raw := range lines {
		n, text, ok := cutNumber(raw)
		if !ok {
			continue
		}
		if n > 0 {
			r.line = n
		}
		r.take(strings.TrimSuffix(text, "\r"))
	}
	r.flush()
	if r.run >= 0 {
		r.facts.Runs[r.run].Last = max(r.facts.Runs[r.run].Last, r.now)
	}
}

// cutNumber takes grep's NUMBER: or NUMBER- off a line.
func cutNumber(raw string) (n int, text string, ok bool) {
	i := strings.IndexFunc(raw, func(c rune) bool { return c < '0' || c > '9' })
	if i <= 0 || raw[i] != ':' && raw[i] != '-' {
		return 0, "", false
	}
	n, _ = strconv.Atoi(raw[:i])
	return n, raw[i+1:], true
}

// take reads one line.
func (r *logReader) take(text string) {
	if m := stackFrame.FindStringSubmatch(text); m != nil {
		r.frame(m[1], strings.TrimSpace(text))
		return
	}
	l, stack := r.clock.parseLine(text)
	if l.head {
		r.flush()
		r.inSub = false
		r.head = l
		if l.time > 0 {
			r.now = l.time
		}
		r.mark(text)
		r.openEntry()
		if m := inlineCause.FindStringSubmatch(l.message); m != nil {
			c := LogCause{Class: m[1], Message: strings.TrimSpace(m[2])}
			c.unwrap()
			r.open.Chain = append(r.open.Chain, c)
		}
		if c, _, ok := parseException(stack); ok {
			r.open.Chain = append(r.open.Chain, c)
		}
		return
	}
	c, relation, ok := parseException(text)
	switch {
	case !ok:
		r.plain(text)
	case relation == "Suppressed: ":
		r.inSub = true
	case relation == "" && len(r.open.Chain) > 0 && r.file.Kind == LogOut:
		r.flush()
		r.openEntry()
		r.open.Chain = []LogCause{c}
	case relation == "" && len(r.open.Chain) > 0:
		// The message of the exception above went on in another line.
	case !r.inSub:
		if r.open.File == "" {
			r.openEntry()
		}
		r.open.Chain = append(r.open.Chain, c)
	}
}

// plain is a line that is neither head, exception nor frame: of a .out file,
// or the second line of a message.
func (r *logReader) plain(text string) {
	if r.file.Kind != LogOut && r.file.Kind != LogRocksDB {
		if len(r.open.Chain) > 0 || r.open.File == "" {
			return
		}
		r.open.Head = clip(r.open.Head+" "+strings.TrimSpace(text), 500)
		return
	}
	r.flush()
	r.openEntry()
	r.open.Head = strings.TrimSpace(text)
	r.flush()
}

func (r *logReader) openEntry() {
	r.open = LogEntry{
		File: r.file.Path, Kind: r.file.Kind, Line: r.line, Run: r.run, Count: 1,
		First: r.now, Last: r.now, Logger: r.head.logger, Head: clip(r.head.message, 500),
	}
}

func (r *logReader) frame(method, text string) {
	if len(r.open.Chain) == 0 || r.inSub {
		return
	}
	last := &r.open.Chain[len(r.open.Chain)-1]
	if last.Frame == "" {
		last.Frame = method
	}
	if framePlace.MatchString(text) && len(r.open.Frames) < 4 && !slices.Contains(r.open.Frames, method) {
		r.open.Frames = append(r.open.Frames, method)
	}
}

var framePlace = regexp.MustCompile(frames)

// mark notes what a line says of its process.
func (r *logReader) mark(text string) {
	if r.file.Kind == LogRocksDB || r.file.Kind == LogOut {
		return
	}
	id := markOf(text)
	l := r.head
	if id == "start" || id == "limit" {
		l, _ = r.clock.parseLine(text)
	}
	if r.run < 0 || id == "start" && r.facts.Runs[r.run].Started > 0 {
		r.facts.Runs = append(r.facts.Runs, LogRun{File: r.file.Path, Kind: r.file.Kind})
		if r.run >= 0 {
			r.facts.Runs[r.run].Last = max(r.facts.Runs[r.run].Last, r.facts.Runs[r.run].Started)
		}
		r.run = len(r.facts.Runs) - 1
	}
	run := &r.facts.Runs[r.run]
	run.Last = max(run.Last, l.time)
	switch id {
	case "start":
		run.Started = l.time
	case "limit":
		if i := strings.LastIndex(text, " is "); i >= 0 {
			run.MaxFiles = int64(atoi(strings.Trim(text[i+4:], " .")))
		}
	case "registered":
		run.Registered = l.time
		if m := rpcAddress.FindStringSubmatch(text); m != nil {
			run.JobManager = m[1] + ":" + m[2]
		}
	case "signal":
		run.Stopped = l.time
	case "task":
		switch {
		case strings.Contains(text, " to RUNNING"):
			run.Running = l.time
		case strings.Contains(text, " to FAILED"):
			run.Failed = l.time
		}
	case "checkpoint":
		if m := checkpointMark.FindStringSubmatch(text); m != nil {
			r.facts.Checkpoints[m[1]] = max(r.facts.Checkpoints[m[1]], l.time)
		}
	}
}

// flush ends the entry that is being read: kept is what has an exception or a
// text of the table.
func (r *logReader) flush() {
	e := r.open
	r.open = LogEntry{}
	if e.File == "" || strings.Contains(e.Head, "flink-metrics@") {
		return
	}
	if len(e.Chain) == 0 && textOf("", e.Head) == "" {
		return
	}
	for i := range e.Chain {
		e.Chain[i].Message = clip(e.Chain[i].Message, 500)
	}
	e.Chain = e.Chain[:min(len(e.Chain), 12)]
	e.failed = strings.Contains(e.Head, " to FAILED")
	if p := pathIn(e.Innermost().Message); p != "" {
		e.Paths = []string{p}
	}
	key := e.kindOfFailure()
	if i, ok := r.known[key]; ok {
		r.facts.Entries[i].repeat(e)
		return
	}
	if r.known == nil {
		r.known = map[string]int{}
	}
	r.known[key] = len(r.facts.Entries)
	r.facts.Entries = append(r.facts.Entries, e)
}

// variable is what differs from one failure to the next of the same kind:
// identifiers, numbers, and the place below the directory of one instance.
var variable = regexp.MustCompile(`/job_[0-9a-f]{32}[^\s:'"]*|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{8,}|[0-9]+`)

// kindOfFailure is the same for entries that tell of the same kind of
// failure: the same innermost exception but for numbers and identifiers, of
// the same process, and as to the JobManager of the same address.
func (e LogEntry) kindOfFailure() string {
	in := e.Innermost()
	user := in.Frame != "" && userFrame(in.Frame)
	return fmt.Sprintf("%d %s %s %t %t %s %s", e.Run, e.File, in.Class, len(e.Chain) == 0, user,
		rpcAddress.FindString(in.Message), variable.ReplaceAllString(in.Message, "N"))
}

// repeat adds a repetition. Flink logs one failure several times within a
// moment, with more or less around it.
func (e *LogEntry) repeat(n LogEntry) {
	switch task := strings.Contains(n.Head, " to FAILED"); {
	case task && e.failed:
		e.Count++
	case task:
		e.failed = true
	case !e.failed && (n.Last-e.Last > 2 || n.Last == 0):
		e.Count++
	}
	e.Line = n.Line
	if n.Last > 0 {
		e.Last = max(e.Last, n.Last)
		if e.First == 0 {
			e.First = n.First
		}
	}
	better := len(n.Chain) > len(e.Chain) || strings.Contains(n.Head, "switched from")
	if better && !(strings.Contains(e.Head, "switched from") && !strings.Contains(n.Head, "switched from")) {
		frame := e.Innermost().Frame
		e.Head, e.Chain, e.Logger = n.Head, n.Chain, n.Logger
		if len(e.Chain) > 0 && e.Chain[len(e.Chain)-1].Frame == "" {
			e.Chain[len(e.Chain)-1].Frame = frame
		}
	}
	for _, p := range n.Paths {
		if len(e.Paths) < 4 && !slices.Contains(e.Paths, p) {
			e.Paths = append(e.Paths, p)
		}
	}
	for _, fr := range n.Frames {
		if len(e.Frames) < 4 && !slices.Contains(e.Frames, fr) {
			e.Frames = append(e.Frames, fr)
		}
	}
}

// finish relates .out files to the logs beside them and bounds the whole.
func (r *logReader) finish() {
	l := r.facts
	for i := range l.Entries {
		e := &l.Entries[i]
		if e.Run >= 0 || e.Kind != LogOut {
			continue
		}
		base, _, _ := strings.Cut(e.File, ".out")
		base, _, _ = strings.Cut(base, ".err")
		for j, run := range l.Runs {
			if strings.HasPrefix(run.File, base+".log") && (e.Run < 0 || run.Last > l.Runs[e.Run].Last) {
				e.Run = j
			}
		}
		if e.Run >= 0 && e.Last == 0 {
			// What the JVM says last, it says when its log ends.
			e.First, e.Last = l.Runs[e.Run].Last, l.Runs[e.Run].Last
		}
	}
	slices.SortStableFunc(l.Entries, func(a, b LogEntry) int { return int(a.Last - b.Last) })
	if n := len(l.Entries); n > maxEntries {
		l.Entries = l.Entries[n-maxEntries:]
	}
}

var paths = regexp.MustCompile(`(?:^|[ ':(=]|sstable|file:)(/[^\s'"()]+?)[:',;)]*(?:[\s'"()]|$)`)

// pathIn is the first absolute path of a message, "" if there is none.
func pathIn(message string) string {
	if m := paths.FindStringSubmatch(message); m != nil && m[1] != "/" {
		return m[1]
	}
	return ""
}
