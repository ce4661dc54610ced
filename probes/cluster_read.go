package probes

import (
	"cmp"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Bounds of what is asked and kept of one cluster.
const (
	maxClusterJobs  = 200 // listed
	maxAskedJobs    = 40  // asked about, failing ones first
	maxTaskManagers = 20000
	clusterParallel = 4 // requests at the same time
)

// ReadCluster asks a REST API what there is to know. get is the answer to a
// path; it may be called by several goroutines. An error is that of the first
// question: nothing more was asked then. What could not be had later is
// unknown, with its reason.
func ReadCluster(asked time.Time, get func(path string) ([]byte, error)) (*ClusterFacts, error) {
	body, err := get("/overview")
	if err != nil {
		return nil, err
	}
	version, err := decodeOverview(body)
	if err != nil {
		return nil, err
	}
	c := &ClusterFacts{Version: ClusterVersion, Asked: asked.Unix(), Flink: Known(version), Cut: []string{}}
	c.Jobs = answer(get, "/jobs/overview", func(b []byte) ([]ClusterJob, error) {
		jobs, err := decodeJobs(b)
		jobs = c.bounded(jobs)
		for i := range jobs { // of those that are kept alone: redacting takes its time
			jobs[i].Name = redactTo(jobs[i].Name, 200)
		}
		return jobs, err
	})
	var ask parallel
	ask.run(func() { c.TaskManagers = answer(get, "/taskmanagers", decodeTaskManagers) })
	ask.run(func() { c.Settings = answer(get, "/jobmanager/config", decodeSettings) })
	jobs, _ := c.Jobs.Get()
	for i := range jobs {
		if j := &jobs[i]; !j.Over() && i < maxAskedJobs {
			ask.run(func() { j.ask(get) })
		}
	}
	ask.wait()
	c.cutTaskManagers()
	c.nameTaskManagers()
	return c, nil
}

// ask asks about one job.
func (j *ClusterJob) ask(get func(string) ([]byte, error)) {
	path := "/jobs/" + j.ID
	j.Failures = answer(get, path+"/exceptions?maxExceptions=20", func(b []byte) ([]ClusterFailure, error) {
		f, err := decodeExceptions(b, j.ID)
		j.More = f.more
		return f.list, err
	})
	config := answer(get, path+"/checkpoints/config", decodeCheckpointConfig)
	j.StateBackend, j.Storage = Unknown[string](config.Why()), Unknown[string](config.Why())
	if c, ok := config.Get(); ok {
		j.StateBackend, j.Storage = Known(c.StateBackend), Known(c.Storage)
	}
	newest := answer(get, path+"/checkpoints", decodeCheckpoints)
	j.Completed = Unknown[int64](newest.Why())
	if n, ok := newest.Get(); ok {
		j.Completed, j.Checkpoint = Known(n.completed), n.path
	}
}

// bounded puts failing jobs first and leaves out what is too many.
func (c *ClusterFacts) bounded(jobs []ClusterJob) []ClusterJob {
	rank := func(j ClusterJob) int {
		switch {
		case j.Failing():
			return 0
		case !j.Over():
			return 1
		}
		return 2
	}
	slices.SortStableFunc(jobs, func(a, b ClusterJob) int {
		return cmp.Or(rank(a)-rank(b), cmp.Compare(b.Changed, a.Changed), cmp.Compare(a.ID, b.ID))
	})
	if n := len(jobs); n > maxClusterJobs {
		c.cut(n-maxClusterJobs, "jobs are not listed")
		jobs = jobs[:maxClusterJobs]
	}
	live := 0
	for i := range jobs {
		if !jobs[i].Over() {
			live++
		}
	}
	if live > maxAskedJobs {
		c.cut(live-maxAskedJobs, "jobs were not asked about")
		for i := maxAskedJobs; i < live; i++ {
			jobs[i].Failures = Unknown[[]ClusterFailure](tooManyJobs)
		}
	}
	return jobs
}

const tooManyJobs = "more jobs than are asked about"

func (c *ClusterFacts) cutTaskManagers() {
	list, ok := c.TaskManagers.Get()
	if n := len(list); ok && n > maxTaskManagers {
		c.cut(n-maxTaskManagers, "TaskManagers are not listed")
		c.TaskManagers = Known(list[:maxTaskManagers])
	}
}

// nameTaskManagers gives the failures of an older Flink (before 1.17), which
// have an endpoint alone, the id of the TaskManager that is registered there.
func (c *ClusterFacts) nameTaskManagers() {
	ids := map[string]string{}
	list, _ := c.TaskManagers.Get()
	for _, t := range list {
		if t.Host != "" && t.DataPort > 0 {
			ids[endpointOf(t.Host, t.DataPort)] = t.ID
		}
	}
	jobs, _ := c.Jobs.Get()
	for i := range jobs {
		failures, _ := jobs[i].Failures.Get()
		for k := range failures {
			if f := &failures[k]; f.TaskManager == "" {
				f.TaskManager = ids[f.Endpoint]
			}
		}
	}
}

// endpointOf is HOST:PORT as Flink writes it.
func endpointOf(host string, port int) string { return host + ":" + strconv.Itoa(port) }

func (c *ClusterFacts) cut(n int, what string) { c.Cut = append(c.Cut, group(n)+" "+what) }

// parallel runs functions, a few at the same time.
type parallel struct {
	slots chan struct{}
	all   sync.WaitGroup
}

func (p *parallel) run(f func()) {
	if p.slots == nil {
		p.slots = make(chan struct{}, clusterParallel)
	}
	p.slots <- struct{}{}
	p.all.Go(func() {
		defer func() { <-p.slots }()
		f()
	})
}

func (p *parallel) wait() { p.all.Wait() }

// answer is what the answer to a path says, or why that is not known.
func answer[T any](get func(string) ([]byte, error), path string, decode func([]byte) (T, error)) Value[T] {
	body, err := get(path)
	if err != nil {
		return Unknown[T](err.Error())
	}
	v, err := decode(body)
	if err != nil {
		return Unknown[T](err.Error())
	}
	return Known(v)
}
