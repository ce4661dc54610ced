package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// flinkConf is the configuration of every host of a cluster: its own address
// and that of the JobManager are put in. A job's state backend is that of the
// JobManager's configuration, so both have the same directories.
const flinkConf = `jobmanager.rpc.address: %[2]s
jobmanager.bind-host: 0.0.0.0
jobmanager.memory.process.size: 800m
rest.bind-address: 0.0.0.0
web.upload.dir: /opt/flink/jars
taskmanager.host: %[1]s
taskmanager.bind-host: 0.0.0.0
taskmanager.memory.process.size: 1000m
taskmanager.numberOfTaskSlots: 1
io.tmp.dirs: /data/tmp
state.backend.type: rocksdb
state.backend.rocksdb.localdir: /data/rocksdb
execution.checkpointing.dir: file:///srv/checkpoints
execution.checkpointing.interval: 2s
execution.checkpointing.incremental: true
execution.checkpointing.externalized-checkpoint-retention: RETAIN_ON_CANCELLATION
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 1000
restart-strategy.fixed-delay.delay: 3s
s3.secret-key: do-not-tell-anyone`

// flinkCluster is a JobManager and TaskManagers of one release, each on a host
// of its own, and each started as start-cluster.sh does: over ssh.
type flinkCluster struct {
	l       *lab
	release string
	jar     string
	jm      *labHost
	jobs    map[string]string // which job a host got
}

// flinkHome is where flink.sh put a release.
func flinkHome(release string) string {
	return filepath.Join(os.Getenv("TMDOCTOR_FLINK"), "flink-"+release)
}

// newFlink compiles the job for a release.
func (l *lab) newFlink(release string) *flinkCluster {
	l.t.Helper()
	c := &flinkCluster{l: l, release: release, jar: l.path("job-" + release + ".jar"), jobs: map[string]string{}}
	jars, err := filepath.Glob(filepath.Join(flinkHome(release), "lib", "flink-dist*.jar"))
	if err != nil || len(jars) != 1 {
		l.t.Fatalf("%s is no release that flink.sh made", flinkHome(release))
	}
	classes := l.path("job-" + release)
	l.must("javac", "-nowarn", "-cp", jars[0], "-d", classes, "testdata/flink/Job.java")
	l.must("jar", "--create", "--file", c.jar, "-C", classes, ".")
	return c
}

// install makes a host of the lab one of the cluster; the first is the
// JobManager's.
func (c *flinkCluster) install(h *labHost, fault, more string) {
	c.l.t.Helper()
	if c.jm == nil {
		c.jm = h
	}
	script, err := os.ReadFile("testdata/flink/host.sh")
	if err != nil {
		c.l.t.Fatal(err)
	}
	cmd := c.l.inside(h, "/bin/sh", "-s")
	cmd.Stdin = bytes.NewReader(script)
	cmd.Env = append(os.Environ(), "LAB="+c.l.dir, "FLINK="+flinkHome(c.release), "JAR="+c.jar, "FAULT="+fault,
		"CONF="+fmt.Sprintf(flinkConf, h.address, c.jm.address)+more)
	if out, err := cmd.CombinedOutput(); err != nil {
		c.l.t.Fatalf("%s: %v\n%s", h.name, err, out)
	}
}

// ssh runs a command on hosts as the user flink, on all at once.
func (l *lab) ssh(command string, hosts ...*labHost) {
	l.t.Helper()
	var all errgroup.Group
	for _, h := range hosts {
		all.Go(func() error {
			out, err := exec.Command("ip", "netns", "exec", l.ctl, "ssh", "-F", l.path("ssh_config"), "-l", "flink", h.name, command).CombinedOutput()
			if err != nil {
				return fmt.Errorf("%s: %s: %w\n%s", h.name, command, err, out)
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		l.t.Fatal(err)
	}
}

// The commands of start-cluster.sh.
const (
	startJobManager  = `nohup /bin/bash -l /opt/flink/bin/jobmanager.sh start`
	startTaskManager = `nohup /bin/bash -l /opt/flink/bin/taskmanager.sh start`
	stopTaskManager  = `nohup /bin/bash -l /opt/flink/bin/taskmanager.sh stop`
)

// root runs a shell command on a host as root.
func (l *lab) root(h *labHost, command string) string {
	l.t.Helper()
	out, err := l.inside(h, "/bin/sh", "-c", command).CombinedOutput()
	if err != nil {
		l.t.Fatalf("%s: %s: %v\n%s", h.name, command, err, out)
	}
	return strings.TrimSpace(string(out))
}

// rest asks the JobManager.
func (c *flinkCluster) rest(method, path, body string, answer any) error {
	args := []string{"curl", "-sS", "-m", "20", "-X", method, "-H", "Content-Type: application/json", "http://127.0.0.1:8081" + path}
	if body != "" {
		args = append(args, "--data", body)
	}
	out, err := c.l.inside(c.jm, args...).Output()
	if err != nil {
		return err
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(out, answer)
}

// flinkOverview is what a JobManager says of its cluster.
type flinkOverview struct {
	TaskManagers int
	Free         int `json:"slots-available"`
}

// await waits for a state of the cluster.
func (c *flinkCluster) await(what string, done func(flinkOverview) bool) {
	c.l.t.Helper()
	var answer flinkOverview
	c.l.within(2*time.Minute, time.Second, what+" of Flink "+c.release, func() bool {
		return c.rest("GET", "/overview", "", &answer) == nil && done(answer)
	}, func() string { return fmt.Sprintf("%+v", answer) })
}

// free waits until so many TaskManagers without a job are registered.
func (c *flinkCluster) free(n int) {
	c.l.t.Helper()
	c.await(fmt.Sprint(n, " free TaskManagers"), func(o flinkOverview) bool { return o.Free >= n })
}

// submit starts a job of so many operators, from a checkpoint if one is named.
func (c *flinkCluster) submit(operators int, checkpoint string) string {
	c.l.t.Helper()
	body, _ := json.Marshal(map[string]any{
		"entryClass": "Job", "programArgsList": []string{fmt.Sprint(operators)}, "savepointPath": checkpoint,
	})
	var answer struct {
		JobID  string
		Errors []string
	}
	if err := c.rest("POST", "/jars/job.jar/run", string(body), &answer); err != nil || answer.JobID == "" {
		c.l.t.Fatalf("Flink %s does not take the job: %v %v", c.release, err, answer.Errors)
	}
	return answer.JobID
}

// checkpoints is how many a job has completed.
func (c *flinkCluster) checkpoints(job string) int {
	var answer struct{ Counts struct{ Completed int } }
	if c.rest("GET", "/jobs/"+job+"/checkpoints", "", &answer) != nil {
		return 0
	}
	return answer.Counts.Completed
}

// completed waits until a job has more checkpoints than it had.
func (c *flinkCluster) completed(job string, had int) {
	c.l.t.Helper()
	c.l.within(2*time.Minute, time.Second, "a checkpoint of job "+job, func() bool { return c.checkpoints(job) > had }, func() string {
		var exceptions json.RawMessage
		_ = c.rest("GET", "/jobs/"+job+"/exceptions", "", &exceptions)
		return string(exceptions)
	})
}

// land submits a job for each host and waits until each runs one: which, the
// JobManager decides.
func (c *flinkCluster) land(hosts []*labHost) {
	c.l.t.Helper()
	var jobs []string
	for range hosts {
		jobs = append(jobs, c.submit(1, ""))
	}
	for _, job := range jobs {
		c.completed(job, 0)
		for _, h := range hosts {
			if err := c.l.inside(h, "/bin/sh", "-c", "ls -d /data/rocksdb/job_"+job+"_*").Run(); err == nil {
				c.jobs[h.name] = job
			}
		}
	}
	if len(c.jobs) != len(hosts) {
		c.l.t.Fatalf("jobs run on %v, want one on each of %d hosts", c.jobs, len(hosts))
	}
}

// cancel ends a job; its last checkpoint stays.
func (c *flinkCluster) cancel(job string) {
	c.l.t.Helper()
	if err := c.rest("PATCH", "/jobs/"+job+"?mode=cancel", "", nil); err != nil {
		c.l.t.Fatal(err)
	}
	var answer struct{ State string }
	c.l.within(time.Minute, time.Second, "the end of job "+job, func() bool {
		return c.rest("GET", "/jobs/"+job, "", &answer) == nil && answer.State == "CANCELED"
	}, func() string { return answer.State })
}

// logged waits until so many lines of Flink's logs on a host, or of what the JVM
// leaves in the home of its user, match an extended regular expression.
func (l *lab) logged(h *labHost, pattern string, times int) {
	l.t.Helper()
	l.within(2*time.Minute, time.Second, "`"+pattern+"` on "+h.name, func() bool {
		out, _ := l.inside(h, "grep", "-rhsE", pattern, "/opt/flink/log", "/home/flink").Output()
		return bytes.Count(out, []byte("\n")) >= times
	}, func() string {
		out, _ := l.inside(h, "/bin/sh", "-c", "tail -n 20 /opt/flink/log/*.log /opt/flink/log/*.out").CombinedOutput()
		return string(out)
	})
}

// needFlink skips where nobody asked for real Flink.
func needFlink(t *testing.T, releases ...string) {
	if os.Getenv("TMDOCTOR_FLINK") == "" {
		t.Skip("TMDOCTOR_FLINK names no directory that testdata/flink/flink.sh made")
	}
	require(t, "java", "javac", "jar", "curl", "sudo", "/bin/bash")
	for _, release := range releases {
		if _, err := os.Stat(flinkHome(release)); errors.Is(err, os.ErrNotExist) {
			t.Fatalf("%s is not there: run testdata/flink/flink.sh", flinkHome(release))
		}
	}
}
