package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
)

// Codes of findings of the fleet that rest on Flink's REST API; see
// [VersionDiffers].
const (
	RESTUnread = "flink/rest-unread"
	JobFailed  = "flink/job-failed"
	JobFailing = "flink/job-failing"
)

// Cluster is what Flink's REST API said, beside the hosts: what concerned one
// of them was judged with it.
type Cluster struct {
	URL   string    `json:"url"`
	Asked time.Time `json:"asked"`
	// Unreachable is why nothing is known, null if the API answered.
	Unreachable *Unreachable `json:"unreachable"`
	// Elsewhere are the failures that belong to no host that was judged, the
	// newest first.
	Elsewhere []Elsewhere `json:"elsewhere"`
	// Notes are what is worth knowing and wrong with no host.
	Notes []string `json:"notes"`
	// Registration compares the inventory with what is registered, nil where
	// there was none to compare.
	Registration *probes.Registration `json:"registration,omitempty"`
	Facts        *probes.ClusterFacts `json:"facts"` // null if unreachable
}

// Elsewhere is a failure of a TaskManager that belongs to no host that was
// judged: of a host that is not in the inventory, was not selected or could
// not be reached, or of nobody knows which.
type Elsewhere struct {
	Job         string `json:"job"`      // its id
	Endpoint    string `json:"endpoint"` // HOST:PORT, "" for the job as a whole
	TaskManager string `json:"taskmanager"`
	// Host is the host of the report that it belongs to and that has no facts;
	// "" for none.
	Host string `json:"host"`
	// Gone is true if the TaskManager is not registered any more.
	Gone  bool       `json:"gone"`
	Count int        `json:"count"`
	First *time.Time `json:"first"`
	Last  *time.Time `json:"last"`
	Text  string     `json:"text"` // the innermost exception
	// Cause is what the text alone points to, "" for nothing that is known.
	Cause      string            `json:"cause"`
	Confidence probes.Confidence `json:"confidence"`
	Message    string            `json:"message"`
}

// NewCluster is the piece of a report for what an API answered; lost is why it
// did not.
func NewCluster(url string, asked time.Time, facts *probes.ClusterFacts, left []probes.Unplaced, lost *Unreachable) *Cluster {
	c := &Cluster{URL: url, Asked: asked, Unreachable: lost, Facts: facts, Elsewhere: []Elsewhere{}, Notes: []string{}}
	if facts == nil {
		return c
	}
	for _, u := range left {
		c.Elsewhere = append(c.Elsewhere, elsewhere(facts, u))
	}
	c.Notes = append(c.Notes, backendNotes(facts)...)
	for _, j := range c.jobs() {
		if j.More {
			c.Notes = append(c.Notes, "job "+jobName(&j)+" has more exceptions than were read: what only older ones tell is not here")
		}
	}
	for _, cut := range facts.Cut {
		c.Notes = append(c.Notes, cut+": there are too many")
	}
	return c
}

func elsewhere(facts *probes.ClusterFacts, u probes.Unplaced) Elsewhere {
	e := Elsewhere{
		Job: u.Job.ID, Endpoint: u.Endpoint, TaskManager: u.TaskManager, Host: u.Host, Count: u.Entry.Count,
		First: moment(u.Entry.First), Last: moment(u.Entry.Last), Text: u.Text(),
	}
	if registered, known := facts.Registered(u.TaskManager); known {
		e.Gone = !registered
	}
	if u.Cause != nil {
		e.Cause, e.Confidence, e.Message = u.Cause.Cause, u.Cause.Confidence, u.Cause.Message
	}
	if u.Why != "" {
		e.Message = strings.TrimPrefix(e.Message+"; "+u.Why, "; ")
	}
	return e
}

func moment(epoch int64) *time.Time {
	if epoch == 0 {
		return nil
	}
	t := time.Unix(epoch, 0).UTC()
	return &t
}

// backendNotes tell of jobs that use another state backend than the JobManager
// is configured for: the configuration of the cluster does not tell then where
// their state lies.
func backendNotes(facts *probes.ClusterFacts) (notes []string) {
	settings, _ := facts.Settings.Get()
	key := "state.backend.type"
	if settings[key] == "" {
		key = "state.backend"
	}
	configured := probes.BackendName(settings[key])
	jobs, _ := facts.Jobs.Get()
	for i := range jobs {
		class, _ := jobs[i].StateBackend.Get()
		if used := probes.BackendName(class); used != "" && configured != "" && used != configured {
			notes = append(notes, fmt.Sprintf("job %s uses %s (%s), and the JobManager's configuration says %s: %s; the job's own code or configuration chose it", jobName(&jobs[i]), used, class, key, settings[key]))
		}
	}
	return notes
}

func jobName(j *probes.ClusterJob) string {
	return strings.TrimSpace(j.Name + " " + shortID(j.ID))
}

// shortID is enough of a job's id to find it.
func shortID(id string) string { return id[:min(8, len(id))] }

// Findings are what is wrong with the cluster as a whole: that it could not
// be read, jobs that fail, and hosts and TaskManagers that do not belong
// together.
func (c *Cluster) Findings(policy *probes.Policy) []probes.Finding {
	if c == nil {
		return nil
	}
	if why := c.unread(); why != "" { // probes.Code.Unknown
		f := c.finding(policy, RESTUnread, probes.Warn, "Flink's REST API could not be read: "+why)
		f.Status = probes.Worst(probes.StatusUnknown, f.Status)
		f.Observed, f.Want = why, "an answer"
		f.Remedy = "ask again; if it stays so, the JobManager's log says why it does not answer"
		if c.Unreachable != nil {
			f.Remedy = c.Unreachable.Hint
		} else if c.Facts == nil {
			f.Remedy = "ask again with --flink-url " + c.URL
		}
		return append([]probes.Finding{f}, c.others(policy)...)
	}
	return c.others(policy)
}

// others are the findings that rest on what the API did say.
func (c *Cluster) others(policy *probes.Policy) []probes.Finding {
	return append(c.failingJobs(policy), c.registrationFindings(policy)...)
}

func (c *Cluster) failingJobs(policy *probes.Policy) (findings []probes.Finding) {
	for _, j := range c.jobs() {
		if !j.Failing() {
			continue
		}
		code, status := JobFailing, probes.Warn // it may restart by itself
		if j.State == "FAILED" {
			code, status = JobFailed, probes.Fail
		}
		f := c.finding(policy, code, status, "job "+jobName(&j)+" is "+j.State)
		if j.State == "RUNNING" {
			f.Message = fmt.Sprintf("job %s failed, and %d of its %d tasks do not run", jobName(&j), j.Tasks-j.Running, j.Tasks)
		}
		f.Subject, f.Observed, f.Want = j.ID, j.State, "RUNNING"
		f.Remedy = "the causes name the hosts that it fails on; failures of other hosts stand below CLUSTER"
		if code == JobFailed {
			f.Remedy += "; mend them, then submit the job again from its newest checkpoint"
		}
		if list, _ := j.Failures.Get(); len(list) > 0 {
			newest := &list[len(list)-1]
			f.Evidence = []probes.Evidence{{Source: newest.Entry.File, Time: moment(newest.Entry.Last), Text: newest.Text()}}
		}
		findings = append(findings, f)
	}
	return findings
}

func (c *Cluster) finding(policy *probes.Policy, code string, status probes.Status, message string) probes.Finding {
	probe, _, _ := strings.Cut(code, "/")
	return probes.Finding{
		Code: code, Probe: probe, Status: policy.Status(code, status), Horizon: probes.Live,
		Source: "REST " + c.URL, Message: message, Evidence: []probes.Evidence{},
	}
}

// unread is why a failure may hide in what could not be read, "" if none can.
func (c *Cluster) unread() string {
	switch {
	case c.Unreachable != nil:
		return c.Unreachable.Reason
	case c.Facts == nil:
		return "the saved report has no facts of it"
	}
	why := c.Facts.Unread()
	if n := len(why); n > 3 {
		why = append(why[:3:3], fmt.Sprintf("and %d more", n-3))
	}
	return strings.Join(why, "; ")
}

func (c *Cluster) jobs() []probes.ClusterJob {
	if c == nil || c.Facts == nil {
		return nil
	}
	jobs, _ := c.Facts.Jobs.Get()
	return jobs
}

// completeCluster is the cluster with empty lists in place of missing ones.
func completeCluster(c *Cluster) *Cluster {
	all := *c
	all.Asked = c.Asked.UTC()
	all.Notes = list(c.Notes)
	all.Elsewhere = slices.Clone(list(c.Elsewhere))
	for i := range all.Elsewhere {
		all.Elsewhere[i].First, all.Elsewhere[i].Last = utc(all.Elsewhere[i].First), utc(all.Elsewhere[i].Last)
	}
	return &all
}
