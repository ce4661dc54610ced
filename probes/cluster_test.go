package probes_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/tmdoctor/tmdoctor/probes"
)

// answers are those of a REST API by path, without the query.
type answers map[string]string

var errNoAnswer = errors.New("no answer")

func (a answers) get(path string) ([]byte, error) {
	path, _, _ = strings.Cut(path, "?")
	body, ok := a[path]
	if !ok {
		return nil, errNoAnswer
	}
	return []byte(body), nil
}

// recordedAnswers are the answers of a file of testdata/cluster.
func recordedAnswers(t testing.TB, file string) answers {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	list := answers{}
	for _, f := range a.Files {
		list[f.Name] = string(f.Data)
	}
	return list
}

// asked is the moment in which the recorded answers are read.
var asked = time.Unix(1795656400, 0)

func readCluster(t testing.TB, a answers) *probes.ClusterFacts {
	t.Helper()
	c, err := probes.ReadCluster(asked, a.get)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestRecordedAnswers reads what JobManagers of several versions answered, and
// compares what is kept of it, and which host each failure is placed on, with
// the file want at the end of the case.
func TestRecordedAnswers(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/cluster/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimPrefix(file, "testdata/cluster/"), func(t *testing.T) {
			t.Parallel()
			got := summary(t, readCluster(t, recordedAnswers(t, file)))
			compareWant(t, file, got)
		})
	}
}

// compareWant compares the file want of a case, or rewrites it with -update.
func compareWant(t *testing.T, file, got string) {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(a.Files, func(f txtar.File) bool { return f.Name == "want" })
	if *update {
		if i < 0 {
			i = len(a.Files)
			a.Files = append(a.Files, txtar.File{Name: "want"})
		}
		a.Files[i].Data = []byte(got)
		if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if i < 0 {
		t.Fatal("the case has no file want")
	}
	if d := cmp.Diff(string(a.Files[i].Data), got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// summary is what is kept of a cluster, a line each.
func summary(t *testing.T, c *probes.ClusterFacts) string {
	t.Helper()
	var b strings.Builder
	flink, _ := c.Flink.Get()
	fmt.Fprintf(&b, "Flink %s\n", flink)
	tms, _ := c.TaskManagers.Get()
	for _, tm := range tms {
		fmt.Fprintf(&b, "TaskManager %s on %s\n", tm.ID, tm.Host)
	}
	settings, _ := c.Settings.Get()
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&b, "%s: %s\n", key, settings[key])
	}
	for _, why := range c.Unread() {
		fmt.Fprintf(&b, "unread: %s\n", why)
	}
	jobs, ok := c.Jobs.Get()
	if !ok {
		t.Fatalf("jobs are unknown: %s", c.Jobs.Why())
	}
	for _, j := range jobs {
		backend, _ := j.StateBackend.Get()
		storage, _ := j.Storage.Get()
		completed, _ := j.Completed.Get()
		fmt.Fprintf(&b, "job %s %s, changed %d, %d of %d tasks, failing %v: %s (%s), %s, completed %d at %s\n", j.Name, j.State, j.Changed, j.Running, j.Tasks, j.Failing(),
			probes.BackendName(backend), backend, storage, completed, j.Checkpoint)
		failures, _ := j.Failures.Get()
		for _, f := range failures {
			fmt.Fprintf(&b, "  %d times %d to %d on %q, TaskManager %q: %s, thrown by %s\n", f.Entry.Count, f.Entry.First, f.Entry.Last, f.Endpoint, f.TaskManager, f.Text(), f.Entry.Innermost().Frame)
		}
	}
	p := probes.Place(c, []probes.ClusterHost{{Name: "tm2"}})
	p.Of("tm2", "", &probes.Facts{Version: 1})
	for _, u := range p.Left() {
		cause := "nothing that is known"
		if u.Cause != nil {
			cause = fmt.Sprintf("%s %s: %s", u.Cause.Confidence, u.Cause.Cause, u.Cause.Message)
		}
		registered, known := c.Registered(u.TaskManager)
		fmt.Fprintf(&b, "left without tm3: %s, registered %v (known %v): %s\n", u.Endpoint, registered, known, cause)
	}
	return b.String()
}

const (
	jobA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	jobB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// tooMany is a stack trace as Flink keeps it.
const tooMany = "java.lang.Exception: Exception while creating StreamOperatorStateContext.\n\tat org.apache.flink.streaming.api.operators.StreamTaskStateInitializerImpl.streamOperatorStateContext(StreamTaskStateInitializerImpl.java:294)\n" +
	"Caused by: java.io.IOException: Error while opening RocksDB instance.\n\tat org.apache.flink.contrib.streaming.state.RocksDBOperationUtils.openDB(RocksDBOperationUtils.java:102)\n\t... 12 more\n" +
	"Caused by: org.rocksdb.RocksDBException: While open a file for appending: /data/rocks/job_1/db/MANIFEST-000004: Too many open files\n\tat org.rocksdb.RocksDB.open(Native Method)\n\t... 20 more\n"

// clusterWith is a cluster of one failing job with these exceptions.
func clusterWith(exceptions ...map[string]any) answers {
	list := []map[string]any{}
	list = append(list, exceptions...)
	body, _ := json.Marshal(map[string]any{"exceptionHistory": map[string]any{"entries": list, "truncated": false}})
	return answers{
		"/overview":                             `{"flink-version":"1.20.3"}`,
		"/taskmanagers":                         `{"taskmanagers":[]}`,
		"/jobmanager/config":                    `[]`,
		"/jobs/overview":                        `{"jobs":[{"jid":"` + jobA + `","name":"wordcount","state":"RESTARTING","last-modification":1000000}]}`,
		"/jobs/" + jobA + "/exceptions":         string(body),
		"/jobs/" + jobA + "/checkpoints":        `{"latest":{"completed":null}}`,
		"/jobs/" + jobA + "/checkpoints/config": `{"state_backend":"EmbeddedRocksDBStateBackend","checkpoint_storage":"FileSystemCheckpointStorage"}`,
		"/jobs/" + jobB + "/exceptions":         `{"exceptionHistory":{"entries":[]}}`,
		"/jobs/" + jobB + "/checkpoints":        `{"latest":{"completed":{"latest_ack_timestamp":2000000,"external_path":"file:/ckpt/chk-7"}}}`,
		"/jobs/" + jobB + "/checkpoints/config": `{"state_backend":"HashMapStateBackend"}`,
	}
}

func exception(endpoint, id, stack string, seconds int64) map[string]any {
	return map[string]any{"exceptionName": "java.lang.Exception", "stacktrace": stack, "timestamp": seconds * 1000, "taskName": "map (1/4)", "location": endpoint, "endpoint": endpoint, "taskManagerId": id}
}

// TestExceptionsOfOlderFlink: without a history (before 1.13) it is what the
// tasks failed of, and at last the exception of the job.
func TestExceptionsOfOlderFlink(t *testing.T) {
	t.Parallel()
	quoted, _ := json.Marshal(tooMany)
	for name, c := range map[string]struct{ body, want string }{
		"tasks":   {`{"root-exception":` + string(quoted) + `,"timestamp":900000,"all-exceptions":[{"exception":` + string(quoted) + `,"task":"map (1/2)","location":"tm1:40001","timestamp":900000}],"truncated":false}`, `1 "tm1:40001" 900`},
		"root":    {`{"root-exception":` + string(quoted) + `,"timestamp":900000,"all-exceptions":[],"truncated":false}`, `1 "" 900`},
		"none":    {`{"root-exception":null,"timestamp":null,"all-exceptions":[],"truncated":false}`, ""},
		"no time": {`{"root-exception":` + string(quoted) + `,"timestamp":-1,"all-exceptions":[],"truncated":false}`, `1 "" 0`},
		"concurrent": {`{"exceptionHistory":{"entries":[{"exceptionName":"x.Y","stacktrace":` + string(quoted) + `,"timestamp":900000,"taskName":"a","location":"tm1:40001",` +
			`"concurrentExceptions":[{"exceptionName":"x.Y","stacktrace":` + string(quoted) + `,"timestamp":901000,"taskName":"b","location":"tm2:40001"}]}],"truncated":false}}`, `1 "tm1:40001" 900; 1 "tm2:40001" 901`},
	} {
		a := clusterWith()
		a["/jobs/"+jobA+"/exceptions"] = c.body
		jobs, _ := readCluster(t, a).Jobs.Get()
		failures, ok := jobs[0].Failures.Get()
		var got []string
		for _, f := range failures {
			got = append(got, fmt.Sprintf("%d %q %d", f.Entry.Count, f.Endpoint, f.Entry.Last))
			if !strings.HasSuffix(f.Text(), "Too many open files") {
				t.Errorf("%s: text %q", name, f.Text())
			}
		}
		if !ok || strings.Join(got, "; ") != c.want {
			t.Errorf("%s: %q (known %v), want %q", name, got, ok, c.want)
		}
	}
}

// TestWhatCannotBeReadIsUnknown, and says so.
func TestWhatCannotBeReadIsUnknown(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	for _, c := range []struct {
		name, path, body string
		want             string // what is unread; "error" if nothing can be said
	}{
		{"whole", "", "", ""},
		{"overview", "/overview", `{"flink": 1}`, "error"},
		{"overview is another's", "/overview", `[]`, "error"},
		{"jobs", "/jobs/overview", `{}`, "jobs: "},
		{"jobs nested deep", "/jobs/overview", `{"jobs":` + deep + `}`, "jobs: "},
		{"a job whose id is a path", "/jobs/overview", `{"jobs":[{"jid":"../../jars"}]}`, "jobs: "},
		{"exceptions", "/jobs/" + jobA + "/exceptions", `{}`, "exceptions of job " + jobA},
		{"exceptions of another type", "/jobs/" + jobA + "/exceptions", `{"exceptionHistory":{"entries":[{"timestamp":"x"}]}}`, "exceptions of job " + jobA},
		{"exceptions cut", "/jobs/" + jobA + "/exceptions", `{"exceptionHistory":{"entries":[`, "exceptions of job " + jobA},
		{"TaskManagers", "/taskmanagers", `{}`, ""}, // no failure hides there
	} {
		a := clusterWith()
		if c.path != "" {
			a[c.path] = c.body
		}
		facts, err := probes.ReadCluster(asked, a.get)
		switch {
		case c.want == "error":
			if err == nil {
				t.Errorf("%s: no error", c.name)
			}
		case err != nil:
			t.Errorf("%s: %v", c.name, err)
		case !strings.HasPrefix(strings.Join(facts.Unread(), "; "), c.want) || c.want == "" && len(facts.Unread()) > 0:
			t.Errorf("%s: unread %q, want %q", c.name, facts.Unread(), c.want)
		}
	}
}

// TestManyJobsAreCutAndSaidSo, the failing ones first.
func TestManyJobsAreCutAndSaidSo(t *testing.T) {
	t.Parallel()
	a := clusterWith()
	var jobs []string
	for i := range 300 {
		jobs = append(jobs, fmt.Sprintf(`{"jid":"%032x","state":"RUNNING"}`, i+1))
	}
	jobs = append(jobs, `{"jid":"`+jobA+`","state":"FAILED"}`)
	a["/jobs/overview"] = `{"jobs":[` + strings.Join(jobs, ",") + `]}`
	c := readCluster(t, a)
	list, _ := c.Jobs.Get()
	if len(list) != 200 || list[0].ID != jobA || !list[0].Failures.IsKnown() {
		t.Errorf("%d jobs, first %s", len(list), list[0].ID)
	}
	if want := []string{"101 jobs are not listed", "160 jobs were not asked about"}; cmp.Diff(want, c.Cut) != "" {
		t.Errorf("cut: %q, want %q", c.Cut, want)
	}
	if len(c.Unread()) == 0 {
		t.Error("jobs that were not asked about count as read")
	}
}

// secrets are what must never be kept, wherever it stands.
var secrets = []string{"AKIASECRETKEY", "sec/ret+key", "hunter2", "sigsigsig", "tok3n"}

func TestNoSecretIsKept(t *testing.T) {
	t.Parallel()
	uris := "s3://AKIASECRETKEY:sec/ret+key@bucket/ckpt https://host/x?sv=1&sig=sigsigsig s3a://hunter2@bucket/x abfss://c@a.dfs.core.windows.net/x?sig=sigsigsig"
	uris += " jdbc:mysql://u:hunter2@h/db;password=hunter2 s3://k:tok3n@hunter2@bucket/x hdfs://nn:8020/a,s3://k:hunter2@b -Ds3.secret-key=hunter2 {\"apiKey\":\"hunter2\"} aws_secret_access_key=tok3n"
	stack := "\tat s3://k:hunter2@b(X)\njava.io.IOException: cannot reach " + uris + " with fs.s3a.secret.key=hunter2, password: \"hunter2\", Authorization: Basic tok3n\n\tat org.apache.flink.X.y(X.java:1)\n" +
		"Caused by: java.io.IOException: " + uris + "\n\tat org.apache.flink.X.y(X.java:1)\n"
	a := clusterWith(exception("tm1:40001", "tm1:6122-0a1b2c", stack, 900))
	config, _ := json.Marshal([]map[string]string{
		{"key": "s3.secret-key", "value": "hunter2"}, {"key": "security.ssl.rest.key-password", "value": "tok3n"}, {"key": "env.java.opts.all", "value": "-Dx=hunter2"},
		{"key": "state.checkpoints.dir", "value": "s3://AKIASECRETKEY:sec/ret+key@bucket/ckpt?sig=sigsigsig"}, {"key": "execution.checkpointing.savepoint-dir", "value": "hdfs://nn:8020/sp"},
		{"key": "state.backend.type", "value": "rocksdb"},
	})
	a["/jobmanager/config"] = string(config)
	a["/jobs/"+jobA+"/checkpoints"] = `{"latest":{"completed":{"latest_ack_timestamp":1000,"external_path":"s3://AKIASECRETKEY:sec/ret+key@bucket/ckpt/chk-1"}}}`
	a["/jobs/overview"] = `{"jobs":[{"jid":"` + jobA + `","name":"job token=tok3n","state":"FAILED"}]}`
	c := readCluster(t, a)
	all := asJSON(t, c)
	for _, s := range secrets {
		if strings.Contains(all, s) {
			t.Errorf("%s is kept: %s", s, all)
		}
	}
	settings, _ := c.Settings.Get()
	want := map[string]string{"state.checkpoints.dir": "s3://(withheld)@bucket/ckpt?(withheld)", "execution.checkpointing.savepoint-dir": "hdfs://nn:8020/sp", "state.backend.type": "rocksdb"}
	if d := cmp.Diff(want, settings); d != "" {
		t.Errorf("settings (-want +got):\n%s", d)
	}
}

// TestLongStackKeepsItsInnermostCause, and no half of a secret where it is cut.
func TestLongStackKeepsItsInnermostCause(t *testing.T) {
	t.Parallel()
	uri := "java.io.IOException: s3://key:hunter2hunter2@bucket\n"
	for _, row := range []struct{ name, stack, want string }{
		{"many lines", strings.Repeat(uri, 1<<13) + tooMany, "Too many open files"},
		{"one line", "java.io.IOException: " + strings.Repeat("s3://key:hunter2hunter2@bucket ", 1<<13), "java.lang.Exception"},
	} {
		c := readCluster(t, clusterWith(exception("tm1:40001", "", row.stack, 900)))
		jobs, _ := c.Jobs.Get()
		failures, _ := jobs[0].Failures.Get()
		if got := failures[0].Text(); !strings.HasSuffix(got, row.want) {
			t.Errorf("%s: %q, want %q at its end", row.name, got, row.want)
		}
		if all := asJSON(t, c); strings.Contains(all, "hunter") || len(all) > 1<<16 {
			t.Errorf("%s: %d bytes are kept, or a secret", row.name, len(all))
		}
	}
}

// TestNothingIsTakenForASecretThatAJudgeReads.
func TestNothingIsTakenForASecretThatAJudgeReads(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"While open a file for appending: /data/rocks/job_1/db/MANIFEST-000004: Too many open files",
		"Could not connect to rpc endpoint under address pekko.tcp://flink@jm1:6123/user/rpc/jobmanager_2.",
		"block checksum mismatch: stored = 1234, computed = 99, type = 4  in /data/db/000012.sst",
		"File does not exist: hdfs://nn:8020/flink/ckpt/u@x/chk-7/_metadata",
		"abfss://container@account.dfs.core.windows.net/ckpt is full",
		"Could not register at the ResourceManager within the specified maximum registration duration PT5M.",
	} {
		stack := "java.io.IOException: " + text + "\n\tat org.apache.flink.X.y(X.java:1)\n"
		jobs, _ := readCluster(t, clusterWith(exception("tm1:40001", "", stack, 900))).Jobs.Get()
		failures, _ := jobs[0].Failures.Get()
		if got := failures[0].Entry.Innermost().Message; got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestBackendName(t *testing.T) {
	t.Parallel()
	for class, want := range map[string]string{
		"EmbeddedRocksDBStateBackend": "rocksdb", "RocksDBStateBackend": "rocksdb", "HashMapStateBackend": "hashmap", "FsStateBackend": "hashmap", "MemoryStateBackend": "hashmap",
		"ForStStateBackend": "forst", "rocksdb": "rocksdb", "filesystem": "hashmap", "jobmanager": "hashmap", "": "", "com.example.Mine": "",
		"org.apache.flink.state.rocksdb.EmbeddedRocksDBStateBackendFactory": "rocksdb",
	} {
		if got := probes.BackendName(class); got != want {
			t.Errorf("BackendName(%q) = %q, want %q", class, got, want)
		}
	}
}

// FuzzReadCluster: whatever a server answers, reading it ends, keeps no more
// than its bounds and no secret, and what is kept can be written and read.
func FuzzReadCluster(f *testing.F) {
	for name, body := range clusterWith(exception("tm1:40001", "tm1:6122-0a1b2c", tooMany, 900)) {
		f.Add(name, []byte(body))
	}
	const secret = "PLANTEDSECRET"
	f.Add("/jobmanager/config", []byte(`[{"key":"state.checkpoints.dir","value":"s3://a:`+secret+`@b/c"}]`))
	f.Add("/jobs/"+jobA+"/exceptions", []byte(`{"root-exception":"a\n\u001b[31m","all-exceptions":[{"exception":"Caused by: x"}]}`))
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		a := clusterWith(exception("tm1:40001", "", tooMany, 900))
		a["/jobmanager/config"] = `[{"key":"s3.secret-key","value":"` + secret + `"},{"key":"state.checkpoints.dir","value":"s3://a:` + secret + `@b/c"}]`
		a[path] = string(body)
		c, err := probes.ReadCluster(asked, a.get)
		if err != nil {
			return
		}
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(body, []byte(secret)) && bytes.Contains(b, []byte(secret)) {
			t.Errorf("the secret is kept: %s", b)
		}
		if len(b) > 1<<20+4*len(body) {
			t.Errorf("%d bytes are kept of an answer of %d", len(b), len(body))
		}
		var again probes.ClusterFacts
		if err := json.Unmarshal(b, &again); err != nil {
			t.Fatal(err)
		}
		for _, facts := range []*probes.ClusterFacts{c, &again} {
			p := probes.Place(facts, []probes.ClusterHost{{Name: "tm1"}})
			host := &probes.Facts{Version: 1}
			(&probes.Evaluator{}).EvaluateWith(host, p.Of("tm1", "", host))
			p.Left()
		}
	})
}
