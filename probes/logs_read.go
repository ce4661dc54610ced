package probes

import (
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
	base  string // the file before it was rotated
	run   int    // index in facts.Runs, -1 for none
	now   int64
	head  logLine
	line  int
	open  LogEntry
	ended bool           // what was read last was kept to its end
	more  int            // entries like the next one that the host left out
	since int64          // when the first of them was
	json  string         // pieces of a line in a JSON layout
	known map[string]int // index in facts.Entries by kind of failure
	inSub bool           // below Suppressed: not a cause
}

// logSource is a file as the script told of it.
type logSource struct {
	LogFile
	head  []string // start marks before what lines begin with
	lines []string
	last  string // when it was written last, and its own last time
}

// logBase is the name of a log without what rotation adds to it.
func logBase(path string) string {
	for _, ext := range []string{".log", ".out", ".err"} {
		if i := strings.LastIndex(path, ext); i >= 0 {
			return path[:i+len(ext)]
		}
	}
	return path
}

// readAll takes all files, as the script told of them: of one directory the
// newest first. Files of one log are read in the order in which they were
// written, as if they were one: a stack may go on in the next.
func (r *logReader) readAll(sources []logSource) {
	done := map[string]bool{}
	for _, s := range sources {
		base := logBase(s.Path)
		if done[base] {
			continue
		}
		done[base] = true
		r.run, r.now, r.base, r.ended = -1, 0, base, false
		r.clock.ahead = r.aheadOf(base, sources)
		for _, o := range slices.Backward(sources) {
			if logBase(o.Path) == base {
				r.read(o)
			}
		}
		r.flush()
	}
}

// aheadOf tells how far the clock of a log is ahead of the host's. Only the file
// that is still written tells: a copy (copytruncate) may be made at any time
// after its last line, also one that looks like another zone.
func (r *logReader) aheadOf(base string, sources []logSource) int64 {
	r.clock.ahead = 0
	for _, s := range sources {
		if s.Path == base {
			return r.clock.skew(s.last)
		}
	}
	return 0
}

// read takes one file.
func (r *logReader) read(s logSource) {
	if !r.ended || s.From > 0 || s.Kind != r.file.Kind {
		r.flush()
		r.head, r.inSub = logLine{}, false
	}
	r.file, r.line, r.ended = s.LogFile, 0, false
	r.file.Ahead = r.clock.ahead
	r.facts.Files = append(r.facts.Files, r.file)
	for _, raw := range s.head {
		if _, text, ok := cutNumber(raw); ok {
			if l, _ := r.clock.parseLine(text); l.head {
				r.head = l
			}
			r.mark(text)
		}
	}
	for _, raw := range s.lines {
		r.raw(raw)
	}
	r.endJSON()
	if r.run >= 0 {
		run := &r.facts.Runs[r.run]
		run.File, run.Last = r.file.Path, max(run.Last, r.now)
	}
}

// raw takes a line as logs.awk prints it: NUMBER:TEXT; pieces of a line in a
// JSON layout, each behind a brace; 0*N STAMP for N entries that were left out
// before the next; 0& at the end.
func (r *logReader) raw(raw string) {
	n, text, ok := cutNumber(raw)
	if !ok {
		r.endJSON()
		if rest, ok := strings.CutPrefix(raw, "0*"); ok {
			r.flush()
			more, stamp, _ := strings.Cut(rest, " ")
			l, _ := r.clock.parseLine(stamp)
			r.more, r.since = min(max(atoi(more), 0), 1<<20), l.time
		}
		r.ended = raw == "0&"
		return
	}
	if piece, ok := strings.CutPrefix(text, "{"); ok && (strings.HasPrefix(piece, "{") || r.json != "" && n == r.line) {
		if n != r.line || r.json == "" {
			r.endJSON()
			r.line = n
		}
		r.json += piece
		return
	}
	r.endJSON()
	if n > 0 {
		r.line = n
	}
	r.take(redact(plainText(text)))
}

// endJSON takes the line that was in pieces.
func (r *logReader) endJSON() {
	if line := r.json; line != "" {
		r.json = ""
		r.take(line)
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
	if m := findStackFrame(text); m != nil {
		r.frame(m[1], strings.TrimSpace(text))
		return
	}
	l, below := r.clock.parseLine(text)
	if !l.head {
		r.below(text)
		return
	}
	r.flush()
	r.inSub = false
	r.head = l
	if l.time > 0 {
		r.now = l.time
	}
	r.mark(text)
	r.openEntry()
	if m := findInlineCause(l.message); m != nil {
		c := LogCause{Class: m[1], Message: strings.TrimSpace(m[2])}
		c.unwrap()
		r.open.Chain = append(r.open.Chain, c)
	}
	for line := range strings.Lines(below) {
		line = strings.TrimRight(line, "\r\n")
		if m := findStackFrame(line); m != nil {
			r.frame(m[1], strings.TrimSpace(line))
		} else if !strings.HasPrefix(line, "\t") {
			r.below(line)
		}
	}
}

// below is a line of an entry below its head.
func (r *logReader) below(text string) {
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
		if relation == "Wrapped by: " {
			r.open.Chain = slices.Insert(r.open.Chain, 0, c)
		} else {
			r.open.Chain = append(r.open.Chain, c)
		}
	}
}

// plain is a line that is neither head, exception nor frame: of a .out file,
// or the second line of a message.
func (r *logReader) plain(text string) {
	if strings.Contains(text, "[CIRCULAR REFERENCE") {
		return
	}
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
	if r.file.From > 0 {
		r.open.Line = 0 // counted from somewhere in the middle
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
