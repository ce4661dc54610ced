package probes

import (
	"regexp"
	"strings"
)

var checkpointMark = regexp.MustCompile(`Completed checkpoint \d+ for job ([0-9a-f]+)`)

// mark notes what a line says of its process. Only Flink is believed: the job
// may log whatever it likes.
func (r *logReader) mark(text string) {
	l := r.head
	if r.file.Kind == LogRocksDB || r.file.Kind == LogOut || strings.Contains(l.logger, ".") && !trustedLogger(l.logger) {
		return
	}
	if strings.HasPrefix(text, "{") {
		text = l.message
	}
	id := markOf(text)
	if r.run < 0 || id == "start" && r.facts.Runs[r.run].Last > 0 {
		r.facts.Runs = append(r.facts.Runs, LogRun{File: r.file.Path, Kind: r.file.Kind})
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
	case "resource":
		// Where it has one, a description in parentheses follows.
		_, name, _ := strings.Cut(text, "ResourceID: ")
		name, _, _ = strings.Cut(name, "(")
		run.ResourceID = clip(strings.TrimSpace(name), 300)
	case "registered":
		run.Registered = l.time
		if m := rpcAddress.FindStringSubmatch(text); m != nil {
			run.JobManager = m[1] + ":" + m[2]
		}
	case "signal":
		run.Stopped = l.time
	case "local-copy":
		run.LocalCopy = l.time
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
