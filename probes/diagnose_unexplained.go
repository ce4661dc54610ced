package probes

import (
	"fmt"
	"slices"
	"strings"
)

// unexplained are failures that are not over and that no rule knows: of tasks
// of a running TaskManager, and those that ended one.
func (d *diagnosis) unexplained() []LogEntry {
	var list []LogEntry
	for _, e := range d.entries {
		if d.unexplainedREST(e) {
			list = append(list, e)
		}
		if e.Kind != LogTaskManager || e.Run < 0 || len(e.Chain) == 0 || d.skip(e) || e.byUser() {
			continue
		}
		if (d.unexplainedTask(e) || e.fatal() && d.gone(e.Run)) && !d.taken(e) {
			list = append(list, e)
		}
	}
	return list[max(0, len(list)-3):]
}

// taken reports whether a rule makes a cause of an entry.
func (d *diagnosis) taken(e LogEntry) bool {
	id := e.text()
	switch {
	case id == "":
		return false
	case id == textRegFailed || id == textRegTimeout || slices.Contains(memoryTexts, id):
		return true // with others of its kind, see jobManager and memory
	}
	alone := *d
	alone.found = nil
	alone.entry(e, id)
	return len(alone.found) > 0 || d.restoring(e) && id == textClosedEarly
}

func (d *diagnosis) unexplainedTask(e LogEntry) bool {
	return strings.Contains(e.Head, "to FAILED") && d.taskManagerOf(e.Run) != nil &&
		d.over(e.Run, e.Last, e.job()) == "" && d.f.Logs.Runs[e.Run].Running <= e.Last
}

// fatalHeads are what Flink logs when an exception ends the process
// (TaskManagerRunner, FatalExitExceptionHandler, TaskExecutor.onFatalError).
var fatalHeads = []string{"Fatal error occurred", "FATAL: Thread", "Terminating TaskManagerRunner with exit code", "Failed to start the TaskManagerRunner", "TaskManager initialization failed", "Could not start TaskManager"}

func (e LogEntry) fatal() bool {
	return slices.ContainsFunc(fatalHeads, func(h string) bool { return strings.Contains(e.Head, h) })
}

// gone reports whether the process of a run has ended and no other has taken
// its place.
func (d *diagnosis) gone(run int) bool {
	r := d.f.Logs.Runs[run]
	if d.taskManagerOf(run) != nil || r.Kind != LogTaskManager {
		return false
	}
	for i, o := range d.f.Logs.Runs {
		if i != run && o.Kind == LogTaskManager && d.follows(i, run) && (d.began(i) >= r.Last || o.Last > r.Last && d.taskManagerOf(i) != nil) {
			return false
		}
	}
	return true
}

// silent is the newest run of a TaskManager that ended without a word, where
// nothing on the host tells why: killed by somebody, or by something that
// leaves no trace here.
func (d *diagnosis) silent() (LogRun, bool) {
	if !d.f.Flink.Searched.IsKnown() || !d.f.Logs.Read.IsKnown() {
		return LogRun{}, false
	}
	for i, r := range d.f.Logs.Runs {
		if r.Kind != LogTaskManager || r.Stopped > 0 || r.Last == 0 || r.Registered == 0 || !d.gone(i) {
			continue
		}
		told := slices.ContainsFunc(d.entries, func(e LogEntry) bool { return e.Run == i && (e.fatal() || e.text() == textRegTimeout) }) ||
			slices.ContainsFunc(d.f.Logs.Crashes, func(h HsErr) bool { return h.taskManager() && (d.runOf(h) == i || near(h.Time, r.Last)) })
		if !told {
			return r, true
		}
	}
	return LogRun{}, false
}

// looked says what was looked at for the end of a process, and what of it
// could not be seen.
func (d *diagnosis) looked() []Evidence {
	k := d.f.Memory.Kernel
	text := "no record of its end"
	if why := k.Sources.Why(); !k.Sources.IsKnown() {
		text = "not read: " + why
	}
	list := []Evidence{{Source: "kernel log", Text: text}}
	if n, ok := d.f.Memory.OOMKills.Get(); ok {
		list = append(list, Evidence{Source: "/proc/vmstat", Text: fmt.Sprintf("oom_kill %d since the boot", n)})
	}
	return append(list, Evidence{Source: "hs_err files", Text: "none of a TaskManager"})
}
