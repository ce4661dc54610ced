package probes

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// flush ends the entry that is being read: kept is what has an exception or a
// text of the table.
func (r *logReader) flush() {
	e := r.open
	r.open = LogEntry{}
	if e.File == "" {
		return
	}
	if r.more > 0 {
		e.Count += r.more
		e.First, r.more = earlier(e.First, r.since), 0
	}
	if strings.Contains(e.Head, "flink-metrics@") {
		return
	}
	if len(e.Chain) == 0 && textOf("", e.Head) == "" {
		return
	}
	for i := range e.Chain {
		e.Chain[i].Message = clip(e.Chain[i].Message, 500)
	}
	if n := len(e.Chain); n > 12 {
		e.Chain = append(e.Chain[:4:4], e.Chain[n-8:]...)
	}
	e.failed = strings.Contains(e.Head, " to FAILED")
	if p := pathIn(e.Innermost().Message); p != "" {
		e.Paths = []string{p}
	}
	key := fmt.Sprint(r.base, e.trusted(), e.kindOfFailure())
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

// instance is the directory of one RocksDB instance: of a job, an operator and
// its subtask, with an id that each restart makes anew
// (RocksDBKeyedStateBackendBuilder).
var instance = regexp.MustCompile(`/(job_[0-9a-f]{32}_op_[^/\s]*)_uuid_([0-9a-f-]{36})`)

// kindOfFailure is the same for entries that tell of the same kind of
// failure: the same innermost exception but for numbers and identifiers, of
// the same process, and as to the JobManager of the same address.
func (e LogEntry) kindOfFailure() string {
	in := e.Innermost()
	user := in.Frame != "" && userFrame(in.Frame)
	return fmt.Sprintf("%d %s %t %t %s %s", e.Run, in.Class, len(e.Chain) == 0, user,
		rpcAddress.FindString(in.Message), variable.ReplaceAllString(in.Message, "N"))
}

// repeat adds a repetition. Flink logs one failure several times within a
// moment, with more or less around it.
func (e *LogEntry) repeat(n LogEntry) {
	switch task := strings.Contains(n.Head, " to FAILED"); {
	case task && e.failed, !task && !e.failed && (n.First-e.Last > 2 || n.Last == 0):
		e.Count += n.Count
	case task || !e.failed:
		e.Count, e.failed = max(e.Count, n.Count), task
	}
	e.File, e.Line = n.File, n.Line
	if n.Last > 0 {
		e.Last = max(e.Last, n.Last)
		e.First = earlier(e.First, n.First)
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
		known := func(o string) bool {
			return o == p || instance.MatchString(p) && instance.FindString(o) == instance.FindString(p)
		}
		if len(e.Paths) < 4 && !slices.ContainsFunc(e.Paths, known) {
			e.Paths = append(e.Paths, p)
		}
	}
	for _, fr := range n.Frames {
		if len(e.Frames) < 4 && !slices.Contains(e.Frames, fr) {
			e.Frames = append(e.Frames, fr)
		}
	}
}
