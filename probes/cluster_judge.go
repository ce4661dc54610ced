package probes

import (
	"slices"
	"strings"
)

// sameMoment is how far apart the clocks of a TaskManager and its JobManager
// may be, and one failure still be the same on both, in seconds.
const sameMoment = 120

// with are the facts of a host with what the REST API says about it: its
// failures as entries of logs, and the checkpoint directory that is in use.
// The facts themselves stay as the host told them.
func (f *Facts) with(c *HostCluster) *Facts {
	if c == nil {
		return f
	}
	all := *f
	all.Logs.Entries = slices.Clone(f.Logs.Entries)
	for i := range c.failures {
		e := c.failures[i].Entry
		e.told = c.failures[i].ClusterFailure
		e.Run = f.runOfTaskManager(c.failures[i].TaskManager)
		if !f.Logs.tells(e) {
			all.Logs.Entries = append(all.Logs.Entries, e)
		}
	}
	all.State.Durable = slices.Clone(f.State.Durable)
	for _, d := range c.durable {
		known := func(o DurableDir) bool {
			return o.Role == d.Role && (o.Value == d.Value || d.Path != "" && o.Path == d.Path)
		}
		if !slices.ContainsFunc(all.State.Durable, known) {
			all.State.Durable = append(all.State.Durable, d)
		}
	}
	return &all
}

// durableDirs are the directories of durable state that the JobManager is
// configured with, and those that jobs really use.
func (c *ClusterFacts) durableDirs() (dirs []DurableDir) {
	seen := map[string]bool{}
	add := func(role, setting, value, source string) {
		if key := role + " " + value; value != "" && !seen[key] {
			seen[key] = true
			dirs = append(dirs, DurableDir{Role: role, Setting: setting, Value: value, Path: localPath(value), Source: source})
		}
	}
	settings, _ := c.Settings.Get()
	for _, k := range durableSettings {
		add(k.role, k.setting, settings[k.setting], "REST /jobmanager/config")
	}
	jobs, _ := c.Jobs.Get()
	for i := range jobs {
		add(RoleCheckpoint, "external_path", jobs[i].CheckpointDir(), "REST /jobs/"+jobs[i].ID+"/checkpoints")
	}
	return dirs
}

// runOfTaskManager is the newest run of a TaskManager by its resource id, -1
// where the logs show none.
func (f *Facts) runOfTaskManager(id string) int {
	run := -1
	if id == "" {
		return run
	}
	for i, r := range f.Logs.Runs {
		if r.ResourceID == id && r.Kind == LogTaskManager {
			run = i
		}
	}
	if run >= 0 {
		return run
	}
	for _, tm := range f.Flink.TaskManagers {
		for i, r := range f.Logs.Runs {
			if tm.ResourceID == id && r.File == tm.LogFile {
				run = i
			}
		}
	}
	return run
}

// tells reports whether the host's own logs tell of the same failure, then or
// since: it is not counted twice. Times of a log whose zone is not known do
// not compare.
func (l *LogsFacts) tells(e LogEntry) bool {
	in := e.Innermost()
	for _, o := range l.Entries {
		own := o.Innermost()
		same := own.Class == in.Class || strings.HasSuffix(in.Class, "SerializedThrowable")
		if !same || variable.ReplaceAllString(own.Message, "N") != variable.ReplaceAllString(in.Message, "N") {
			continue
		}
		if !l.Zone.IsKnown() || o.Last == 0 || e.Last == 0 || e.Last <= o.Last+sameMoment {
			return true
		}
	}
	return false
}

// diagnoseWith is Diagnose with what a REST API says.
func diagnoseWith(f *Facts, p *Policy, c *HostCluster) []Cause {
	f = f.with(c)
	return newDiagnosis(Input{Facts: f, Policy: p, cluster: c, next: newResolver(f, nil)}).causes()
}

// ofREST completes a candidate that begins with an entry of the REST API: whose
// failure it is, and whether that is over.
func (d *diagnosis) ofREST(c *candidate, e LogEntry) {
	if f := e.told; f != nil && d.taskManagerOf(e.Run) == nil {
		switch {
		case f.TaskManager != "":
			c.Subject = "TaskManager " + f.TaskManager
		case f.Endpoint != "":
			c.Subject = "TaskManager at " + f.Endpoint
		}
	}
	if c.over == "" {
		c.over = d.overREST(e)
	}
}

// overREST tells whether the job of an entry has got over a failure, and how.
func (d *diagnosis) overREST(e LogEntry) string {
	if over := d.completedREST(e.Last, e.job()); over != "" {
		return over
	}
	j := d.in.cluster.job(e.job())
	if j != nil && !d.noneRuns() && j.Runs() && j.Changed > e.Last && e.Last > 0 && d.in.cluster.asked-j.Changed > settled {
		return "its job has run since " + d.clock(j.Changed)
	}
	return ""
}

// unexplainedREST reports whether an entry is a failure that only the REST API
// tells of, that is not over and that no rule knows.
func (d *diagnosis) unexplainedREST(e LogEntry) bool {
	return e.Kind == LogREST && e.Head == taskFailed && e.text() == "" && !d.skip(e) && !e.byUser() && d.overREST(e) == ""
}

// completedREST tells of a checkpoint of a job that was completed after a
// time. Which job must be known: another one's says nothing.
func (d *diagnosis) completedREST(at int64, job string) string {
	j := d.in.cluster.job(job)
	if j == nil || at == 0 || d.noneRuns() {
		return ""
	}
	if t, _ := j.Completed.Get(); t > at {
		return "a checkpoint was completed at " + d.clock(t)
	}
	return ""
}

// noneRuns reports whether no TaskManager runs on the host: what ended the last
// one is not over then, however well the job does on other hosts.
func (d *diagnosis) noneRuns() bool {
	return d.f.Flink.Searched.IsKnown() && len(d.f.Flink.TaskManagers) == 0
}

// job is a job by its id, nil for none.
func (c *HostCluster) job(id string) *ClusterJob {
	if c == nil || id == "" {
		return nil
	}
	jobs, _ := c.facts.Jobs.Get()
	for i := range jobs {
		if jobs[i].ID == id {
			return &jobs[i]
		}
	}
	return nil
}
