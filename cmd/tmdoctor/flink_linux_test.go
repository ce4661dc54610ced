package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/report"
)

// flinkCase is one host with a real TaskManager and one thing wrong with it.
type flinkCase struct {
	host    string
	release string
	// strike is what is done to a TaskManager that has run its job well. A
	// case without it is sick from the start: host.sh knows its name.
	strike func(*flinkCluster, *labHost)
	// idle has no job: its TaskManager never gets as far.
	idle bool
	// logged is the text that shows that the fault has struck.
	logged string
	// times is how often that has to be there, if more than once: damage of a
	// checkpoint shows when it comes back.
	times int
	// says is what the first cause must say.
	says string
	// cause is what has to come first, and at least how surely; "" for none.
	cause      string
	confidence probes.Confidence
}

const flinkOne, flinkTwo = "1.20.3", "2.2.1"

var flinkCases = []flinkCase{
	{host: "healthy-one", release: flinkOne, strike: leaveAlone},
	{host: "healthy-two", release: flinkTwo, strike: leaveAlone},
	{host: "killed", release: flinkTwo, strike: kill},
	{host: "checkpoint", release: flinkOne, strike: damageCheckpoint, logged: "^Caused by: org[.]rocksdb.*(checksum mismatch|Bad table magic number)", times: 3, says: "a checkpoint or savepoint is damaged", cause: "corrupted_state", confidence: probes.Likely},
	{host: "healed", release: flinkTwo, strike: heal},
	{host: "open-files", release: flinkOne, logged: "Too many open files", cause: "open_files", confidence: probes.Proven},
	{host: "address-space", release: flinkTwo, logged: "(errno=12|native thread|bad_alloc|Native memory allocation|std::system_error)", cause: "address_space", confidence: probes.Likely},
	{host: "noexec", release: flinkOne, logged: "failed to map segment", cause: "noexec", confidence: probes.Proven},
	{host: "inodes", release: flinkTwo, logged: "to FAILED", cause: "inodes", confidence: probes.Proven},
	{host: "full", release: flinkOne, logged: "No space left", cause: "disk_full", confidence: probes.Proven},
	{host: "read-only", release: flinkTwo, logged: "to FAILED", cause: "read_only", confidence: probes.Proven},
	{host: "permissions", release: flinkOne, logged: "to FAILED", cause: "permissions", confidence: probes.Proven},
	{host: "refused", release: flinkTwo, idle: true, logged: "Could not resolve ResourceManager address", cause: "jobmanager_unreachable", confidence: probes.Proven},
}

// TestFlink starts real TaskManagers of two releases, does one thing to each,
// and compares what tmdoctor says of it over ssh.
func TestFlink(t *testing.T) {
	needFlink(t, flinkOne, flinkTwo)
	began := time.Now()
	l := newLab(t)
	if err := os.Mkdir(l.path("checkpoints"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(l.path("checkpoints"), 7001, 7001); err != nil {
		t.Fatal(err)
	}
	clusters := map[string]*flinkCluster{}
	for i, release := range []string{flinkOne, flinkTwo} {
		c := l.newFlink(release)
		clusters[release] = c
		c.install(l.start(labHostSpec{name: fmt.Sprint("jobmanager", i+1)}), "", "")
	}
	for _, c := range flinkCases {
		more := ""
		if c.host == "refused" {
			more = "\njobmanager.rpc.port: 6199"
		}
		clusters[c.release].install(l.start(labHostSpec{name: c.host, flavour: "sudo"}), c.host, more)
	}
	l.connect("")
	l.runFlink(clusters)
	t.Logf("all faults have struck after %v", time.Since(began).Round(time.Second))

	var names []string
	for _, c := range flinkCases {
		names = append(names, c.host)
	}
	r, stderr := l.check(append([]string{"--sudo"}, names...)...)
	t.Log(stderr)
	for _, c := range flinkCases {
		h := l.host(r, c.host)
		if c.host == "killed" && killsUnknown(h.Facts) {
			c.cause, c.confidence = "out_of_memory", probes.Possible
		}
		t.Run(c.host, func(t *testing.T) { c.compare(t, h) })
	}
	t.Run("no secret leaves a host", func(t *testing.T) {
		report, err := json.Marshal(r)
		if err != nil || strings.Contains(string(report)+stderr, "do-not-tell-anyone") {
			t.Error("a secret of the configuration is in the report", err)
		}
	})
	t.Logf("real Flink: %d hosts in %v", len(flinkCases), time.Since(began).Round(time.Second))
}

// killsUnknown is true where the kernel, which all hosts of the lab share, has
// killed something before for want of memory, and its log cannot be read: then
// that is a possible cause where a TaskManager's log simply stops.
func killsUnknown(f *probes.Facts) bool {
	if f == nil || f.Memory.Kernel.Sources.IsKnown() {
		return false
	}
	kills, _ := f.Memory.OOMKills.Get()
	return kills > 0
}

// runFlink starts what is to be struck while it runs, strikes, and then starts
// what is sick from the start.
func (l *lab) runFlink(clusters map[string]*flinkCluster) {
	var all, early, late []*labHost
	runs, starts := map[string][]*labHost{}, map[string][]*labHost{}
	for _, c := range flinkCases {
		h := l.hosts[c.host]
		if c.strike != nil {
			early = append(early, h)
			runs[c.release] = append(runs[c.release], h)
		} else {
			late = append(late, h)
			if !c.idle {
				starts[c.release] = append(starts[c.release], h)
			}
		}
	}
	for _, c := range clusters {
		all = append(all, c.jm)
	}
	began := time.Now()
	step := func(what string) { l.t.Logf("%4.0f s  %s", time.Since(began).Seconds(), what) }
	l.ssh(startJobManager, all...)
	l.ssh(startTaskManager, early...)
	step("JobManagers and the first TaskManagers are started")
	for release, c := range clusters {
		c.free(len(runs[release]))
		c.land(runs[release])
		step("jobs run on Flink " + release)
	}
	// A job goes to any free slot: while it has to find back to its host there
	// must be no other.
	for _, c := range flinkCases {
		if c.strike != nil {
			c.strike(clusters[c.release], l.hosts[c.host])
			step(c.host + " is struck")
		}
	}
	l.ssh(startTaskManager, late...)
	step("the other TaskManagers are started")
	for release, c := range clusters {
		c.free(len(starts[release]))
	}
	l.limitAddressSpace(l.hosts["address-space"])
	for release, c := range clusters {
		for range starts[release] {
			c.submit(2, "")
		}
	}
	for _, c := range flinkCases {
		if c.logged != "" {
			l.logged(l.hosts[c.host], c.logged, max(c.times, 1))
		}
	}
}

func leaveAlone(*flinkCluster, *labHost) {}

// kill ends a TaskManager as nobody's records show: its log simply stops.
func kill(c *flinkCluster, h *labHost) {
	left := 0
	c.await("count", func(o flinkOverview) bool { left = o.TaskManagers - 1; return true })
	c.l.root(h, "kill -9 $(cat /tmp/flink-*-taskexecutor.pid)")
	c.await("loss of a TaskManager", func(o flinkOverview) bool { return o.TaskManagers == left })
	c.cancel(c.jobs[h.name])
}

// damageCheckpoint overwrites a page of each file of the last checkpoint, and
// starts the job from it.
func damageCheckpoint(c *flinkCluster, h *labHost) {
	job := c.jobs[h.name]
	c.cancel(job)
	dir := c.l.path("checkpoints/" + job)
	files, err := filepath.Glob(dir + "/shared/*")
	if err != nil || len(files) == 0 {
		c.l.t.Fatalf("no files in %s/shared: %v", dir, err)
	}
	for _, name := range files {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			c.l.t.Fatal(err)
		}
		info, err := f.Stat()
		if err == nil {
			_, err = f.WriteAt([]byte(strings.Repeat("damaged ", 512)), info.Size()/2)
		}
		if err := errors.Join(err, f.Close()); err != nil {
			c.l.t.Fatal(err)
		}
	}
	last, err := filepath.Glob(dir + "/chk-*")
	if err != nil || len(last) != 1 {
		c.l.t.Fatalf("checkpoints %v, want one: %v", last, err)
	}
	c.submit(1, "file:///srv/checkpoints/"+job+"/"+filepath.Base(last[0]))
}

// heal lets a job fail for a directory that may not be entered, mends that,
// and starts the TaskManager again.
func heal(c *flinkCluster, h *labHost) {
	had := c.checkpoints(c.jobs[h.name])
	c.l.root(h, "chmod 0 /data/rocksdb")
	c.l.logged(h, "to FAILED", 1)
	c.l.root(h, "chmod 755 /data/rocksdb")
	c.l.ssh(stopTaskManager, h)
	c.l.ssh(startTaskManager, h)
	c.completed(c.jobs[h.name], had)
}

// limitAddressSpace gives the user of a TaskManager a limit, and the running
// TaskManager the same, a little more than it has: as if it had been started
// under it.
func (l *lab) limitAddressSpace(h *labHost) {
	size := l.root(h, `sed -n 's/^VmSize:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$(cat /tmp/flink-*-taskexecutor.pid)/status"`)
	kb, err := strconv.Atoi(size)
	if err != nil {
		l.t.Fatal(err)
	}
	kb += 40000
	l.ssh(fmt.Sprintf(`prlimit --pid "$(cat /tmp/flink-*-taskexecutor.pid)" --as=%d`, kb*1024), h)
	l.root(h, fmt.Sprintf("echo 'flink - as %d' >/etc/security/limits.d/flink.conf", kb))
}

// compare judges the report of one host.
func (c *flinkCase) compare(t *testing.T, h *report.Host) {
	if h.Unreachable != nil {
		t.Fatalf("unreachable: %+v", *h.Unreachable)
	}
	causes := slices.DeleteFunc(slices.Clone(h.Causes), func(c probes.Cause) bool { return c.Confidence == probes.History })
	for _, found := range h.Causes {
		t.Logf("%s (%s) %s: %s\n  remedy: %s", found.Cause, found.Confidence, found.Subject, found.Message, found.Remedy)
		if found.Confidence == probes.Proven && found.Cause != c.cause {
			t.Errorf("%s is said to be proven", found.Cause)
		}
	}
	switch {
	case c.cause == "" && len(causes) > 0:
		t.Errorf("%s (%s), want no cause", causes[0].Cause, causes[0].Confidence)
	case c.cause == "":
	case len(causes) == 0:
		t.Errorf("no cause, want %s", c.cause)
	case causes[0].Cause != c.cause:
		t.Errorf("%s comes first, want %s", causes[0].Cause, c.cause)
	case causes[0].Confidence != c.confidence && causes[0].Confidence != probes.Proven:
		t.Errorf("%s, want %s", causes[0].Confidence, c.confidence)
	}
	if len(causes) > 0 && !strings.Contains(causes[0].Message, c.says) {
		t.Errorf("%q does not say %q", causes[0].Message, c.says)
	}
	if c.host == "healed" && len(causes) == len(h.Causes) {
		t.Error("what was mended is not even history")
	}
}
