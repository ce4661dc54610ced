package probes

// This file tells what became of the processes that logs show.

import (
	"path"
	"strings"
)

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
			if began := d.began(i); i != run && r.Kind == LogTaskManager && began >= at && at > 0 && r.works() && d.follows(i, run) {
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
	return d.completedREST(at, job)
}

// follows reports whether one run may be the next of the TaskManager that
// another was: it logs to the same directory, or is a container of YARN as the
// other was. Its file may have another index.
func (d *diagnosis) follows(next, run int) bool {
	if run < 0 || run >= len(d.f.Logs.Runs) {
		return true
	}
	a, b := d.f.Logs.Runs[next].File, d.f.Logs.Runs[run].File
	return path.Dir(a) == path.Dir(b) || strings.Contains(a, "/container_") && strings.Contains(b, "/container_")
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
