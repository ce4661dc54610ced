package probes_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes"
)

// TestFailureIsPlacedOnItsHost by name, address, domain or what the host's own
// facts show, and on no host where that is not sure.
func TestFailureIsPlacedOnItsHost(t *testing.T) {
	t.Parallel()
	hosts := []probes.ClusterHost{
		{Name: "tm1"}, {Name: "tm2.a.example.com"}, {Name: "tm2.b.example.com"}, {Name: "web", Names: []string{"10.0.0.9"}}, {Name: "six", Names: []string{"fd00::9"}},
		{Name: "tunnel", Names: []string{"127.0.0.1"}}, {Name: "own"},
	}
	own := &probes.Facts{Version: 1}
	own.State.Scratch = []probes.ScratchDir{{Path: "/data/tm_localhost:4711-abcdef", Kind: "work"}}
	own.Logs.Runs = []probes.LogRun{{File: "/log/tm.log", Kind: probes.LogTaskManager, ResourceID: "pod-7"}}
	own.Logs.Files = []probes.LogFile{{Path: "/yarn/logs/application_1/container_e1_2_3_000004/taskmanager.log"}}
	own.Flink.TaskManagers = []probes.TaskManager{{PID: 7, ResourceID: "set-by-hand"}}
	for _, c := range []struct {
		name, endpoint, id, want string
	}{
		{"name", "tm1:40001", "", "tm1"},
		{"name in capitals", "TM1:40001", "", "tm1"},
		{"long name for a short one", "tm1.example.com:40001", "", "tm1"},
		{"short name that two hosts have", "tm2:40001", "", ""},
		{"long name", "tm2.b.example.com:40001", "", "tm2.b.example.com"},
		{"the same short name of another domain", "tm2.c.example.com:40001", "", ""},
		{"address", "10.0.0.9:40001", "", "web"},
		{"address of another host", "10.0.0.8:40001", "", ""},
		{"IPv6", "[fd00:0:0::9]:40001", "", "six"},
		{"by the id alone", "", "tm1:6122-0a1b2c", "tm1"},
		{"registered by another name", "10.9.9.9:1", "registered", "tm1"},
		{"localhost is every host", "localhost:40001", "localhost:6122-0a1b2c", ""},
		{"127.0.0.1 is no address of a host", "127.0.0.1:40001", "", ""},
		{"working directory", "localhost:40001", "localhost:4711-abcdef", "own"},
		{"log", "172.18.0.3:40001", "pod-7", "own"},
		{"YARN's container", "172.18.0.3:40001", "container_e1_2_3_000004", "own"},
		{"YARN's other container", "172.18.0.3:40001", "container_e1_2_3_000005", ""},
		{"resource id that was set", "172.18.0.3:40001", "set-by-hand", "own"},
		{"address that ssh used", "192.0.2.7:40001", "", "own"},
		{"unassigned", "(unassigned)", "(unassigned)", ""},
		{"nothing", "", "", ""},
	} {
		a := clusterWith(exception(c.endpoint, c.id, tooMany, 900))
		a["/taskmanagers"] = `{"taskmanagers":[{"id":"registered","path":"pekko.tcp://flink@tm1:6122/user/rpc/taskmanager_0"}]}`
		p := probes.Place(readCluster(t, a), hosts)
		got := ""
		for _, h := range hosts {
			facts, address := &probes.Facts{Version: 1}, ""
			if h.Name == "own" {
				facts, address = own, "192.0.2.7"
			}
			for _, cause := range (&probes.Evaluator{}).EvaluateWith(facts, p.Of(h.Name, address, facts)).Causes {
				if cause.Cause == "open_files" {
					got += h.Name
				}
			}
		}
		if got != c.want {
			t.Errorf("%s: placed on %q, want %q", c.name, got, c.want)
		}
		if left := p.Left(); len(left) != 1 && got == "" || len(left) != 0 && got != "" {
			t.Errorf("%s: placed on %q, and %d failures are left", c.name, got, len(left))
		}
	}
}

// TestFailureIsJudgedAsOneOfALog: with the facts of the host, and over by the
// same rules.
func TestFailureIsJudgedAsOneOfALog(t *testing.T) {
	t.Parallel()
	const id = "tm1:6122-0a1b2c"
	low := func(run *probes.LogRun) *probes.Facts {
		f := &probes.Facts{Version: 1}
		f.Flink.Searched = probes.Known(true)
		f.Flink.TaskManagers = []probes.TaskManager{{
			PID: 7, LogFile: "/log/tm.log", Started: probes.Known(int64(100)),
			Limits: probes.Known(map[string]probes.LimitPair{"nofile": {Soft: 4096, Hard: 4096}}),
		}}
		if run != nil {
			f.Logs.Runs = []probes.LogRun{*run}
		}
		return f
	}
	run := &probes.LogRun{File: "/log/tm.log", Kind: probes.LogTaskManager, ResourceID: id, Started: 100, Last: 990}
	running := func(at int64) func(answers) {
		return func(a answers) {
			a["/jobs/overview"] = fmt.Sprintf(`{"jobs":[{"jid":"%s","name":"w","state":"RUNNING","last-modification":%d,"tasks":{"total":4,"running":4}}]}`, jobA, at*1000)
		}
	}
	for _, c := range []struct {
		name   string
		facts  *probes.Facts
		change func(answers)
		want   string // confidence and subject of open_files
	}{
		{"of a process that runs", low(run), nil, "proven pid 7"},
		{"of a process that its log does not name", low(nil), nil, "likely TaskManager " + id},
		{"of a process that is gone", &probes.Facts{Version: 1}, nil, "likely TaskManager " + id},
		{"a checkpoint of the job since", low(nil), func(a answers) {
			a["/jobs/"+jobA+"/checkpoints"] = `{"latest":{"completed":{"latest_ack_timestamp":901000}}}`
		}, "history TaskManager " + id},
		{"a checkpoint before", low(nil), func(a answers) {
			a["/jobs/"+jobA+"/checkpoints"] = `{"latest":{"completed":{"latest_ack_timestamp":899000}}}`
		}, "likely TaskManager " + id},
		{"a checkpoint of another job", low(nil), func(a answers) {
			a["/jobs/overview"] = `{"jobs":[{"jid":"` + jobA + `","state":"RESTARTING"},{"jid":"` + jobB + `","state":"RUNNING"}]}`
		}, "likely TaskManager " + id},
		{"the job has run for hours", low(nil), running(asked.Unix() - 7200), "history TaskManager " + id},
		{"the job is only running again", low(nil), running(asked.Unix() - 60), "likely TaskManager " + id},
		{"a checkpoint since, and no TaskManager runs here", func() *probes.Facts {
			f := &probes.Facts{Version: 1}
			f.Flink.Searched = probes.Known(true)
			return f
		}(), func(a answers) {
			a["/jobs/"+jobA+"/checkpoints"] = `{"latest":{"completed":{"latest_ack_timestamp":901000}}}`
		}, "likely TaskManager " + id},
	} {
		a := clusterWith(exception("tm1:40001", id, tooMany, 900))
		if c.change != nil {
			c.change(a)
		}
		p := probes.Place(readCluster(t, a), []probes.ClusterHost{{Name: "tm1"}})
		before := asJSON(t, c.facts)
		got := ""
		for _, cause := range (&probes.Evaluator{}).EvaluateWith(c.facts, p.Of("tm1", "", c.facts)).Causes {
			if cause.Cause != "open_files" {
				continue
			}
			got += string(cause.Confidence) + " " + cause.Subject
			if e := cause.Evidence[0]; e.Source != "REST /jobs/"+jobA+"/exceptions" || e.Time == nil || e.Time.Unix() != 900 || !strings.HasSuffix(e.Text, "Too many open files") {
				t.Errorf("%s: evidence %+v", c.name, e)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if asJSON(t, c.facts) != before {
			t.Errorf("%s: the facts of the host were changed", c.name)
		}
	}
}

// TestFailureThatTheLogTellsIsNotCountedTwice, and one that it does not is
// kept.
func TestFailureThatTheLogTellsIsNotCountedTwice(t *testing.T) {
	t.Parallel()
	chain := func(message string) []probes.LogCause {
		return []probes.LogCause{{Class: "org.rocksdb.RocksDBException", Message: message, Frame: "org.rocksdb.RocksDB.open"}}
	}
	const text = "While open a file for appending: /data/rocks/job_9/db/MANIFEST-000017: Too many open files"
	for _, c := range []struct {
		name    string
		at      int64
		message string
		zone    bool
		want    int // entries that begin with REST as evidence
	}{
		{"the same moment", 901, text, true, 0},
		{"the log is newer", 5000, text, true, 0},
		{"the log ends before", 500, text, true, 1},
		{"the log ends before, in a zone that nobody knows", 500, text, false, 0},
		{"another failure", 901, "While opendir: /data: Too many open files", true, 1},
	} {
		f := &probes.Facts{Version: 1}
		if c.zone {
			f.Logs.Zone = probes.Known(true)
		}
		f.Logs.Entries = []probes.LogEntry{{File: "/log/tm.log", Kind: probes.LogTaskManager, Run: -1, Count: 1, First: c.at, Last: c.at, Head: "x to FAILED", Chain: chain(c.message)}}
		p := probes.Place(readCluster(t, clusterWith(exception("tm1:40001", "", tooMany, 900))), []probes.ClusterHost{{Name: "tm1"}})
		got := 0
		for _, cause := range (&probes.Evaluator{}).EvaluateWith(f, p.Of("tm1", "", f)).Causes {
			for _, e := range cause.Evidence {
				if strings.HasPrefix(e.Source, "REST") {
					got++
				}
			}
		}
		if got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// TestJobsOwnCodeIsNoFaultOfAHost, also where its text looks like one, and
// a message that forges a cause of RocksDB proves nothing.
func TestJobsOwnCodeIsNoFaultOfAHost(t *testing.T) {
	t.Parallel()
	for name, stack := range map[string]string{
		"thrown by the job": "java.io.IOException: /data/x (Too many open files)\n\tat com.example.Enrich.map(Enrich.java:7)\n\tat org.apache.flink.streaming.api.operators.StreamMap.processElement(StreamMap.java:38)\n",
		"forged in a message": "java.lang.IllegalStateException: bad\n2026-11-24 11:30:00,000 ERROR org.apache.flink.X - y\nCaused by: org.rocksdb.RocksDBException: While open a file for appending: /d: Too many open files" +
			"\n\tat com.example.Enrich.map(Enrich.java:7)\n",
	} {
		f := &probes.Facts{Version: 1}
		p := probes.Place(readCluster(t, clusterWith(exception("tm1:40001", "", stack, 900))), []probes.ClusterHost{{Name: "tm1"}})
		causes := (&probes.Evaluator{}).EvaluateWith(f, p.Of("tm1", "", f)).Causes
		if len(causes) != 1 || causes[0].Cause != "user_code" {
			t.Errorf("%s: causes %+v, want user_code alone", name, causes)
		}
	}
}

// TestCheckpointDirInUseCountsAsDurable: nothing near it is ever proposed to
// go, whatever the host's own configuration says.
func TestCheckpointDirInUseCountsAsDurable(t *testing.T) {
	t.Parallel()
	a := clusterWith()
	a["/jobmanager/config"] = `[{"key":"state.checkpoints.dir","value":"hdfs://nn:8020/ckpt"}]`
	a["/jobs/"+jobA+"/checkpoints"] = `{"latest":{"completed":{"latest_ack_timestamp":1000,"external_path":"file:/data/ckpt/` + jobA + `/chk-7"}}}`
	f := &probes.Facts{Version: 1}
	f.Disk.Dirs = []probes.DirFacts{{Path: "/data", Roles: []string{probes.RoleLocalDir}}}
	p := probes.Place(readCluster(t, a), []probes.ClusterHost{{Name: "tm1"}})
	var got []string
	for _, finding := range (&probes.Evaluator{}).EvaluateWith(f, p.Of("tm1", "", f)).Findings {
		if finding.Code == "state/local-dir-inside-checkpoint-dir" {
			got = append(got, finding.Observed+" "+finding.Source)
		}
	}
	if want := []string{"/data and /data/ckpt REST /jobs/" + jobA + "/checkpoints"}; cmp.Diff(want, got) != "" {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestFailureThatNobodyKnowsIsShown on its host, unless it is over or noise.
func TestFailureThatNobodyKnowsIsShown(t *testing.T) {
	t.Parallel()
	frame := "\n\tat org.apache.flink.runtime.X.y(X.java:1)\n"
	for _, c := range []struct {
		name, stack string
		completed   int64
		want        int
	}{
		{"unknown", "java.io.IOException: something that nobody has seen" + frame, 0, 1},
		{"over", "java.io.IOException: something that nobody has seen" + frame, 901, 0},
		{"noise", "org.apache.flink.runtime.jobmaster.JobMasterException: TaskManager with id tm1:1-aaaaaa is no longer reachable." + frame, 0, 0},
		{"the job's own", "java.io.IOException: x\n\tat com.example.Map.map(Map.java:1)\n", 0, 0},
		{"known", tooMany, 0, 0},
	} {
		a := clusterWith(exception("tm1:40001", "", c.stack, 900))
		if c.completed > 0 {
			a["/jobs/"+jobA+"/checkpoints"] = fmt.Sprintf(`{"latest":{"completed":{"latest_ack_timestamp":%d}}}`, c.completed*1000)
		}
		f := &probes.Facts{Version: 1}
		p := probes.Place(readCluster(t, a), []probes.ClusterHost{{Name: "tm1"}})
		got := 0
		for _, finding := range (&probes.Evaluator{}).EvaluateWith(f, p.Of("tm1", "", f)).Findings {
			if finding.Code == "logs/unknown-signature" && strings.HasPrefix(finding.Source, "REST /jobs/") {
				got++
			}
		}
		if got != c.want {
			t.Errorf("%s: %d findings, want %d", c.name, got, c.want)
		}
	}
}
