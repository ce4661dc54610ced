package probes

import (
	"slices"
	"strings"
)

// ClusterVersion is the version of ClusterFacts that this tmdoctor collects; a
// newer one reads older facts, an older one refuses newer ones.
const ClusterVersion = 1

// ClusterFacts are what Flink's REST API says of one cluster, bounded and
// without secrets, before any judgement. Times are seconds since the epoch.
//
// Flink knows what no host can tell: why a task failed on a TaskManager that
// is gone with its logs, which state backend a job really uses, and whether it
// has completed a checkpoint since.
type ClusterFacts struct {
	Version int `json:"facts_version"`
	// Asked is when, by the clock of whoever asked.
	Asked int64 `json:"asked"`
	// Flink is the version that the JobManager runs.
	Flink Value[string] `json:"flink"`
	// TaskManagers are those that are registered.
	TaskManagers Value[[]ClusterTaskManager] `json:"taskmanagers"`
	// Settings are the few settings of the JobManager that say where durable
	// state lies and in what backend; no other is kept.
	Settings Value[map[string]string] `json:"settings"`
	// Jobs are those the JobManager knows, failing ones first.
	Jobs Value[[]ClusterJob] `json:"jobs" need:"needed"`
	// Cut are what was left out because there was too much of it.
	Cut []string `json:"cut"`
}

// ClusterTaskManager is a TaskManager that is registered.
type ClusterTaskManager struct {
	ID string `json:"id"`
	// Host is the name or address that it registered by, "" where its path
	// does not tell.
	Host string `json:"host"`
	// DataPort is the port that endpoints of failures name.
	DataPort int `json:"data_port"`
}

// ClusterJob is one job.
type ClusterJob struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	State   string `json:"state"`
	Changed int64  `json:"changed"` // when it, or the last of its tasks, came into its state
	// Tasks are how many it has, Running how many of them run: a job that waits
	// for TaskManagers is RUNNING too.
	Tasks   int `json:"tasks"`
	Running int `json:"running"`
	// StateBackend and Storage are the classes really in use, "" where an older
	// Flink does not tell.
	StateBackend Value[string] `json:"state_backend"`
	Storage      Value[string] `json:"checkpoint_storage"`
	// Completed is when its newest checkpoint was completed, 0 for never, and
	// Checkpoint where that lies.
	Completed  Value[int64] `json:"completed"`
	Checkpoint string       `json:"checkpoint"`
	// Failures are the exceptions that tasks failed of.
	Failures Value[[]ClusterFailure] `json:"failures"`
	// More is true if there are more than are read.
	More bool `json:"more"`
}

// ClusterFailure is an exception of a task as the JobManager keeps it, the
// same ones of one TaskManager taken together.
type ClusterFailure struct {
	// Endpoint is HOST:PORT, "" for a failure of the job as a whole, and
	// TaskManager its resource id, "" where an older Flink does not tell.
	Endpoint    string `json:"endpoint"`
	TaskManager string `json:"taskmanager"`
	Task        string `json:"task"`
	// Entry is the exception in the form of an entry of a log.
	Entry LogEntry `json:"entry"`
}

// CheckpointDir is the directory that the job keeps its checkpoints in, as the
// path of the newest tells; "" where none does.
func (j *ClusterJob) CheckpointDir() string {
	dir, _, ok := strings.Cut(j.Checkpoint, "/"+j.ID+"/")
	if !ok {
		return ""
	}
	return dir
}

// Text is the innermost exception as Java prints it.
func (f *ClusterFailure) Text() string { return f.Entry.Innermost().text() }

// The states of a job that is over, of its own accord or by somebody's wish:
// nothing is asked about it.
var overStates = []string{"FINISHED", "CANCELED"}

// failingStates are states of a job that does not run because it failed.
var failingStates = []string{"FAILED", "FAILING", "RESTARTING"}

// Failing reports whether the job does not run because it failed: its state
// says so, or it has failed and some of its tasks do not run.
func (j *ClusterJob) Failing() bool {
	failures, _ := j.Failures.Get()
	return slices.Contains(failingStates, j.State) || !j.Over() && len(failures) > 0 && !j.Runs()
}

// Runs reports whether all tasks of the job run; those that are finished count.
func (j *ClusterJob) Runs() bool { return j.State == "RUNNING" && j.Running >= j.Tasks }

// Over reports whether the job is over, and not by a failure.
func (j *ClusterJob) Over() bool { return slices.Contains(overStates, j.State) }

// Unread are the reasons why something is not known that a failure could hide
// in: not which TaskManagers or settings there are.
func (c *ClusterFacts) Unread() []string {
	jobs, ok := c.Jobs.Get()
	if !ok {
		return []string{"jobs: " + c.Jobs.Why()}
	}
	var why []string
	for i := range jobs {
		if j := &jobs[i]; !j.Over() && !j.Failures.IsKnown() {
			why = append(why, "exceptions of job "+j.ID+": "+j.Failures.Why())
		}
	}
	return why
}

// Registered reports whether a TaskManager is registered; known is false where
// nobody can tell.
func (c *ClusterFacts) Registered(id string) (registered, known bool) {
	list, ok := c.TaskManagers.Get()
	if !ok || id == "" {
		return false, false
	}
	return slices.ContainsFunc(list, func(t ClusterTaskManager) bool { return t.ID == id }), true
}

// backendNames are Flink's names of its state backends, by what their classes
// and names contain, in lower case.
var backendNames = []struct{ class, name string }{
	{"rocksdb", "rocksdb"}, {"forst", "forst"}, {"hashmap", "hashmap"}, {"filesystem", "hashmap"}, {"jobmanager", "hashmap"},
	{"memorystatebackend", "hashmap"}, {"fsstatebackend", "hashmap"},
}

// BackendName is Flink's name of a state backend, by its class or by any of
// the names that it has had in configurations; "" where it is none of Flink's.
func BackendName(class string) string {
	class = strings.ToLower(class[1+strings.LastIndexByte(class, '.'):])
	for _, b := range backendNames {
		if strings.Contains(class, b.class) {
			return b.name
		}
	}
	return ""
}
