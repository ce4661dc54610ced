package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
)

// maxJobs is how many lines of jobs and of failures elsewhere are printed
// unless all are asked for.
const maxJobs = 10

// maxState is how long Flink's longest name of a state is: INITIALIZING.
const maxState = 12

// printCluster prints what the REST API said: the jobs that are not over, the
// failures that belong to no host that was judged, and notes.
func (t *table) printCluster() {
	c := t.cluster
	if c == nil {
		return
	}
	t.out.WriteString(t.o.bold("CLUSTER") + "\n")
	t.paragraph("  ", Escape(c.URL)+c.headline())
	t.out.WriteByte('\n')
	t.section("JOBS", t.jobItems(), maxJobs, "jobs")
	t.section("FAILURES ELSEWHERE", t.elsewhereItems(), maxJobs, "failures")
	for _, n := range c.Notes {
		t.paragraph("", "note: "+cutEnd(Escape(n), maxText, t.o.signs().ellipsis))
	}
	if len(c.Notes) > 0 {
		t.out.WriteByte('\n')
	}
}

// jobItems are the jobs that are not over.
func (t *table) jobItems() (items []item) {
	for _, j := range t.cluster.jobs() {
		if !j.Over() || t.o.All {
			items = append(items, t.cluster.jobItem(&j))
		}
	}
	return items
}

// elsewhereItems are the failures that belong to no host that was judged.
func (t *table) elsewhereItems() (items []item) {
	for _, same := range foldElsewhere(t.cluster.Elsewhere) {
		if same[0].Confidence != probes.History || t.o.All {
			items = append(items, elsewhereItem(same, t.o.signs()))
		}
	}
	return items
}

// headline is what there is to say of the cluster as a whole.
func (c *Cluster) headline() string {
	if c.Facts == nil {
		return ": unknown"
	}
	text := ""
	if v, ok := c.Facts.Flink.Get(); ok {
		text += ", Flink " + Escape(v)
	}
	if list, ok := c.Facts.TaskManagers.Get(); ok {
		text += ", " + plural(len(list), "TaskManager registered", "TaskManagers registered")
	} else {
		text += ", TaskManagers unknown: " + Escape(c.Facts.TaskManagers.Why())
	}
	if len(c.jobs()) == 0 && c.Facts.Jobs.IsKnown() {
		text += ", no job"
	}
	return text
}

// jobItem is a line of a job: how it is, what keeps its state, where its
// checkpoints are and how old the newest is.
func (c *Cluster) jobItem(j *probes.ClusterJob) item {
	it := item{label: cutEnd(Escape(j.State), maxState, ".."), hosts: Escape(jobName(j))}
	switch {
	case j.Failing():
		it.status = probes.Fail
	case j.Runs():
		it.status = probes.OK
	default:
		it.status = probes.Warn
	}
	var words []string
	if j.Running < j.Tasks {
		words = append(words, fmt.Sprintf("%d of %d tasks run", j.Running, j.Tasks))
	}
	if class, ok := j.StateBackend.Get(); ok && class != "" {
		words = append(words, strings.TrimSpace(probes.BackendName(class)+" ("+class+")"))
	} else {
		words = append(words, "state backend unknown")
	}
	where := "checkpoints in a directory that is not known"
	if dir := j.CheckpointDir(); dir != "" {
		where = "checkpoints " + dir
	} else if dir = c.checkpointDir(); dir != "" {
		where = "checkpoints " + dir + " (as configured)" // a job may have its own
	}
	if class, ok := j.Storage.Get(); ok && strings.HasPrefix(class, "JobManager") {
		where = "checkpoints in the JobManager's memory"
	}
	words = append(words, where)
	switch at, ok := j.Completed.Get(); {
	case ok && at > 0:
		words = append(words, "newest completed "+time.Unix(at, 0).UTC().Format("2006-01-02 15:04 UTC"))
	case ok:
		words = append(words, "none completed")
	case !j.Over(): // of one that is over nobody asks
		words = append(words, "newest checkpoint unknown: "+j.Completed.Why())
	}
	if list, ok := j.Failures.Get(); !ok && !j.Over() {
		words = append(words, "exceptions unknown: "+j.Failures.Why())
	} else if n := countOf(list); n > 0 {
		words = append(words, plural(n, "exception", "exceptions"))
	}
	it.text = Escape(strings.Join(words, ", "))
	return it
}

func countOf(list []probes.ClusterFailure) (n int) {
	for i := range list {
		n += list[i].Entry.Count
	}
	return n
}

// checkpointDir is the directory that the JobManager is configured with.
func (c *Cluster) checkpointDir() string {
	settings, _ := c.Facts.Settings.Get()
	return cmp.Or(settings["execution.checkpointing.dir"], settings["state.checkpoints.dir"], settings["state.backend.fs.checkpointdir"])
}
