package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/report"
)

// The jobs of fakeFlink.
const (
	failingJob = "5f0e0000000000000000000000000001"
	runningJob = "5f0e0000000000000000000000000002"
)

// planted is what stands in every place where a cluster may have a secret, and
// must come out nowhere.
const planted = "pl4nted"

// stackOf is a stack trace with that innermost exception.
func stackOf(innermost string) string {
	b, _ := json.Marshal("java.lang.Exception: Exception while creating StreamOperatorStateContext.\n\tat org.apache.flink.streaming.api.operators.StreamTaskStateInitializerImpl.streamOperatorStateContext(X.java:294)\n" +
		"Caused by: " + innermost + "\n\tat org.rocksdb.RocksDB.open(Native Method)\n")
	return string(b)
}

// fakeFlink answers as a JobManager of 1.20 does: a job fails on tm1, and
// failed on tm9, which is gone; another one runs.
func fakeFlink() map[string]string {
	entry := func(host, stack, ms string) string {
		return `{"exceptionName":"java.lang.Exception","stacktrace":` + stack + `,"timestamp":` + ms + `,"taskName":"map token=` + planted + ` (1/1)","location":"` + host + `:40001","endpoint":"` + host +
			`:40001","taskManagerId":"` + host + `:6122-0a1b2c","concurrentExceptions":[]}`
	}
	return map[string]string{
		"/overview":     `{"flink-version":"1.20.3"}`,
		"/taskmanagers": `{"taskmanagers":[{"id":"tm1:6122-0a1b2c","path":"pekko.tcp://flink@tm1:6122/user/rpc/taskmanager_0"}]}`,
		"/jobmanager/config": `[{"key":"s3.secret-key","value":"` + planted + `"},{"key":"state.backend.type","value":"hashmap"},{"key":"high-availability.storageDir","value":"s3://k:` + planted + `@b/ha"},` +
			`{"key":"state.checkpoints.dir","value":"s3://AK:` + planted + `/x@bucket/ckpt?sig=` + planted + `"}]`,
		"/jobs/overview": `{"jobs":[{"jid":"` + runningJob + `","name":"enrich","state":"RUNNING","last-modification":1795650000000,"tasks":{"total":1,"running":1}},` +
			`{"jid":"` + failingJob + `","name":"wordcount password=` + planted + `","state":"RESTARTING","last-modification":1795650000000,"tasks":{"total":2,"running":0}}]}`,
		"/jobs/" + failingJob + "/exceptions": `{"exceptionHistory":{"entries":[` +
			entry("tm1", stackOf(`org.rocksdb.RocksDBException: While open a file for appending: /data/db/MANIFEST-000004: Too many open files`), "1795650001000") + `,` +
			entry("tm9", stackOf(`java.lang.UnsatisfiedLinkError: /tmp/librocksdbjni-linux64.so: failed to map segment from shared object`), "1795650002000") + `,` +
			entry("tm9", stackOf("java.io.IOException: s3://AK:"+planted+"@bucket/x is not there \x1b[2J"), "1795650003000") + `],"truncated":false}}`,
		"/jobs/" + failingJob + "/checkpoints/config": `{"state_backend":"EmbeddedRocksDBStateBackend","checkpoint_storage":"FileSystemCheckpointStorage"}`,
		"/jobs/" + failingJob + "/checkpoints":        `{"latest":{"completed":null}}`,
		"/jobs/" + runningJob + "/exceptions":         `{"exceptionHistory":{"entries":[],"truncated":false}}`,
		"/jobs/" + runningJob + "/checkpoints/config": `{"state_backend":"HashMapStateBackend","checkpoint_storage":"FileSystemCheckpointStorage"}`,
		"/jobs/" + runningJob + "/checkpoints":        `{"latest":{"completed":{"latest_ack_timestamp":1795650000000,"external_path":"s3://AK:` + planted + `@bucket/ckpt/` + runningJob + `/chk-9"}}}`,
	}
}

// handler serves answers by path; auth is the user and password it wants, ""
// for none.
func handler(answers map[string]string, user, password string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != user || p != password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body, ok := answers[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		io.WriteString(w, body)
	})
}

// rescueDir is a directory that stands for the host tm1, on which nothing
// runs.
func rescueDir(t *testing.T) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "tm1")
	for name, text := range map[string]string{
		"proc/sys/vm/max_map_count": "262144\n", "etc/os-release": "ID=debian\nVERSION_ID=\"12\"\n", "etc/sysctl.conf": "vm.max_map_count = 262144\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// noneRunningIsAWarning are flags for rescueDir not to fail.
func noneRunningIsAWarning(t *testing.T) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte("schema: tmdoctor/policy/v1\ncodes:\n  flink/none-running: warn\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return []string{"--policy", path}
}

// checked is one run of tmdoctor.
type checked struct {
	status         int
	stdout, stderr string
}

func runCheck(t *testing.T, env map[string]string, args ...string) checked {
	t.Helper()
	var out, err bytes.Buffer
	status := runFor(strings.NewReader(""), &out, &err, func(name string) string { return env[name] }, append([]string{"check"}, args...)...)
	c := checked{status, out.String(), err.String()}
	if strings.Contains(c.stdout+c.stderr, planted) {
		t.Errorf("check %q lets a secret out:\n%s%s", args, c.stdout, c.stderr)
	}
	return c
}

func readReport(t *testing.T, path string) *report.Report {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b, []byte(planted)) {
		t.Errorf("%s holds a secret:\n%s", path, b)
	}
	r, err := report.Read(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// causesOf are the causes of the only host of a report.
func causesOf(t *testing.T, r *report.Report) []probes.Cause {
	t.Helper()
	if len(r.Hosts) != 1 {
		t.Fatalf("%d hosts", len(r.Hosts))
	}
	return r.Hosts[0].Causes
}

// TestFlinkURL: what the API says of a host is judged with it, the rest is told
// by itself, nothing secret comes out, and a saved report is judged the same.
func TestFlinkURL(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(handler(fakeFlink(), "", ""))
	defer s.Close()
	dir := t.TempDir()
	saved, lines := filepath.Join(dir, "r.json"), filepath.Join(dir, "r.ndjson")
	c := runCheck(t, nil, "--root", rescueDir(t), "--flink-url", s.URL+"/", "-o", "table", "-o", "json="+saved, "-o", "ndjson="+lines)
	if c.status != 2 || c.stderr != "" {
		t.Errorf("status %d, standard error %q", c.status, c.stderr)
	}
	for _, want := range []string{
		"LIKELY  tm1  open files: `While open a file for appending: .../MANIFEST-000004: Too many open files`",
		"RESTARTING  wordcount password=(withheld) 5f0e0000  0 of 2 tasks run, rocksdb (EmbeddedRocksDBStateBackend), checkpoints s3://(withheld)@bucket/ckpt?(withheld) (as configured), none completed, 3 exceptions",
		"RUNNING     enrich 5f0e0000                         hashmap (HashMapStateBackend), checkpoints s3://(withheld)@bucket/ckpt, newest completed 2026-11-25 23:40 UTC",
		"[noexec]", "no host that was asked is tm9:40001; TaskManager tm9:6122-0a1b2c is not registered any more", `is not there \x1b[2J`,
		"uses rocksdb (EmbeddedRocksDBStateBackend), and the JobManager's configuration says state.backend.type: hashmap",
		"job wordcount password=(withheld) 5f0e0000 is RESTARTING [flink/job-failing]",
	} {
		if !strings.Contains(c.stdout, want) {
			t.Errorf("the table lacks %q:\n%s", want, c.stdout)
		}
	}
	r := readReport(t, saved)
	causes := causesOf(t, r)
	if len(causes) != 1 || causes[0].Cause != "open_files" || causes[0].Evidence[0].Source != "REST /jobs/"+failingJob+"/exceptions" || causes[0].Subject != "TaskManager tm1:6122-0a1b2c" {
		t.Errorf("causes of tm1: %+v", causes)
	}
	if n := len(r.Cluster.Elsewhere); n != 2 || r.Cluster.Elsewhere[0].Endpoint != "tm9:40001" {
		t.Errorf("%d failures elsewhere: %+v", n, r.Cluster.Elsewhere)
	}
	for _, from := range []string{saved, lines} {
		again := filepath.Join(dir, "again.json")
		if c := runCheck(t, nil, "--from", from, "-o", "json="+again); c.status != 2 {
			t.Errorf("--from %s: status %d, %s", from, c.status, c.stderr)
		}
		back := readReport(t, again)
		if d := cmp.Diff(causes, causesOf(t, back)); d != "" {
			t.Errorf("--from %s: causes (-first +again):\n%s", from, d)
		}
		if d := cmp.Diff(mustJSON(t, r.Cluster), mustJSON(t, back.Cluster)); d != "" {
			t.Errorf("--from %s: cluster (-first +again):\n%s", from, d)
		}
		if d := cmp.Diff(mustJSON(t, r.Fleet), mustJSON(t, back.Fleet)); d != "" {
			t.Errorf("--from %s: fleet (-first +again):\n%s", from, d)
		}
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestFlinkURLThatCannotBeRead: the hosts are judged all the same, a finding
// says why and what to do, and the status is unknown unless something is worse.
func TestFlinkURLThatCannotBeRead(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	broken := func(path, body string) string {
		answers := fakeFlink()
		answers[path] = body
		s := httptest.NewServer(handler(answers, "", ""))
		t.Cleanup(s.Close)
		return s.URL
	}
	root := rescueDir(t)
	judged := append([]string{"--root", root, "--only", "maps,flink"}, noneRunningIsAWarning(t)...)
	for _, row := range []struct {
		name, url    string
		phase, words string // phase "" where it answered in part
	}{
		{"nobody listens", "http://" + l.Addr().String(), "connect", "connection refused"},
		{"another page", broken("/overview", "<html>"), "decode", "not JSON"},
		{"another API", broken("/overview", `{"a":1}`), "decode", "flink-version"},
		{"jobs", broken("/jobs/overview", `{"jobs":1}`), "", ""},
		{"exceptions of one job", broken("/jobs/"+failingJob+"/exceptions", `nonsense`), "", ""},
	} {
		saved := filepath.Join(t.TempDir(), "r.json")
		c := runCheck(t, nil, append(judged, "--flink-url", row.url, "-o", "table", "-o", "json="+saved)...)
		r := readReport(t, saved)
		if r.Hosts[0].Status != probes.Warn || c.status != 3 {
			t.Errorf("%s: host %s, status %d, want warn and 3:\n%s%s", row.name, r.Hosts[0].Status, c.status, c.stdout, c.stderr)
		}
		if !strings.Contains(c.stdout, "UNKNOWN  fleet  Flink's REST API could not be read: ") {
			t.Errorf("%s: the table does not say so:\n%s", row.name, c.stdout)
		}
		if row.phase == "" {
			if r.Cluster.Unreachable != nil || c.stderr != "" {
				t.Errorf("%s: unreachable %+v, %q", row.name, r.Cluster.Unreachable, c.stderr)
			}
			continue
		}
		if u := r.Cluster.Unreachable; u == nil || u.Phase != row.phase || !strings.Contains(u.Reason, row.words) || u.Hint == "" {
			t.Errorf("%s: unreachable %+v, want phase %s, %q", row.name, u, row.phase, row.words)
		}
		if !strings.Contains(c.stdout, "→ "+r.Cluster.Unreachable.Hint) || c.stderr != "" {
			t.Errorf("%s: the table does not say what to do, or standard error says it too:\n%s%s", row.name, c.stdout, c.stderr)
		}
		// The saved report is as unknown as it was.
		again := runCheck(t, nil, append(noneRunningIsAWarning(t), "--from", saved, "--only", "flink")...)
		if again.status != 3 || again.stderr != "" {
			t.Errorf("%s, from the saved report: status %d, %s%s", row.name, again.status, again.stdout, again.stderr)
		}
		for _, args := range [][]string{{"--root", root, "--flink-url", row.url}, {"--from", saved}} {
			if quiet := runCheck(t, nil, append(args, "-q", "--fail-on", "never")...); quiet.status != 0 || quiet.stdout+quiet.stderr != "" {
				t.Errorf("%s, -q %q: status %d, %q%q", row.name, args, quiet.status, quiet.stdout, quiet.stderr)
			}
		}
		// What fails is worse than what is unknown.
		if worse := runCheck(t, nil, "--root", root, "--flink-url", row.url); worse.status != 2 {
			t.Errorf("%s, on a host that fails: status %d, want 2", row.name, worse.status)
		}
	}
}

// TestOnlyHoldsForWhatFlinkSays: findings of another probe's are none, asked
// and from a saved report.
func TestOnlyHoldsForWhatFlinkSays(t *testing.T) {
	t.Parallel()
	s, lost := httptest.NewServer(handler(fakeFlink(), "", "")), httptest.NewServer(handler(nil, "", ""))
	defer s.Close()
	defer lost.Close()
	tm1 := rescueDir(t)
	root := filepath.Join(filepath.Dir(tm1), "tm5") // on which no job fails
	if err := os.Rename(tm1, root); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{s.URL, lost.URL} {
		saved := filepath.Join(t.TempDir(), "r.json")
		for _, args := range [][]string{{"--root", root, "--flink-url", url, "-o", "table", "-o", "json=" + saved}, {"--from", saved}} {
			for only, want := range map[string]bool{"maps": false, "flink": true} {
				c := runCheck(t, nil, append(args, "--only", only)...)
				if got := strings.Contains(c.stdout, "[flink/rest-unread]") || strings.Contains(c.stdout, "[flink/job-failing]"); got != want || !want && c.status != 0 {
					t.Errorf("--only %s %q: a finding of the API %v, status %d:\n%s", only, args, got, c.status, c.stdout)
				}
			}
		}
	}
}

// TestFlinkURLOverTLS with a password, from a file and from the environment.
func TestFlinkURLOverTLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(handler(fakeFlink(), "admin", planted))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are to fail
	s.StartTLS()
	t.Cleanup(s.Close)
	dir := t.TempDir()
	ca, auth, wrong, open := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "auth"), filepath.Join(dir, "wrong"), filepath.Join(dir, "open")
	for path, text := range map[string]string{
		ca: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})), auth: "admin:" + planted + "\n", wrong: "admin:no\n", open: "admin:" + planted + "\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"TMDOCTOR_FLINK_AUTH": "admin:" + planted}
	root := rescueDir(t)
	for _, row := range []struct {
		name   string
		env    map[string]string
		args   []string
		status int
		words  string // of the finding, or on standard error
	}{
		{"auth file", nil, []string{"--flink-ca-file", ca, "--flink-auth-file", auth}, 1, ""}, // a job fails
		{"environment", env, []string{"--flink-ca-file", ca}, 1, ""},
		{"no password", nil, []string{"--flink-ca-file", ca}, 3, "status 401"},
		{"wrong password", env, []string{"--flink-ca-file", ca, "--flink-auth-file", wrong}, 3, "status 401"},
		{"another authority", env, nil, 3, "not trusted"},
		{"auth file that others read", nil, []string{"--flink-ca-file", ca, "--flink-auth-file", open}, 64, "chmod 600"},
	} {
		args := slices.Concat([]string{"--root", root, "--only", "host,flink", "--flink-url", s.URL}, noneRunningIsAWarning(t), row.args)
		saved := filepath.Join(t.TempDir(), "r.json")
		c := runCheck(t, row.env, append(args, "-o", "table", "-o", "json="+saved)...)
		if row.status != 64 {
			if readReport(t, saved).Cluster == nil {
				t.Errorf("%s: no cluster in the report", row.name)
			}
		}
		if row.name == "auth file" || row.name == "environment" { // the host has a cause of it
			row.status = 2
		}
		if c.status != row.status || !strings.Contains(c.stdout+c.stderr, row.words) {
			t.Errorf("%s: status %d, want %d; %q and %q, want %q", row.name, c.status, row.status, c.stdout, c.stderr, row.words)
		}
	}
}

func TestFlinkURLOnTheCommandLine(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"password in the URL": {"--flink-url", "http://admin:" + planted + "@jm1:8081"},
		"query":               {"--flink-url", "http://jm1:8081/?x=" + planted},
		"scheme":              {"--flink-url", "jm1:8081"},
		"CA file alone":       {"--flink-ca-file", "x"},
		"auth file alone":     {"--flink-auth-file", "x"},
		"no such auth file":   {"--flink-url", "http://localhost:8081", "--flink-auth-file", "/does/not/exist"},
	} {
		c := runCheck(t, nil, append(args, "--root", t.TempDir())...)
		if c.status != 64 || !strings.Contains(c.stderr, "tmdoctor: hint: ") {
			t.Errorf("%s: status %d, %q", name, c.status, c.stderr)
		}
	}
	// Two kinds of users stand in one help.
	if c := runCheck(t, nil, "--help"); !strings.Contains(c.stdout, "operating-system USER that runs the TaskManagers") {
		t.Errorf("--flink-user may be one of the API:\n%s", c.stdout)
	}
	// Of two mistakes the one that could show a password is told first.
	if c := runCheck(t, nil, "--flink-url", "http://admin:"+planted+"@jm1:8081", "-i", "/does/not/exist"); c.status != 64 || !strings.Contains(c.stderr, "user or password") {
		t.Errorf("no inventory: status %d, %q", c.status, c.stderr)
	}
	for name, args := range map[string][]string{"--from": {"--from", "x"}, "the next boot": {"--root", t.TempDir(), "--horizon", "boot"}} {
		if c := runCheck(t, nil, append(args, "--flink-url", "http://jm1:8081")...); c.status != 64 || !strings.Contains(c.stderr, "--flink-url") {
			t.Errorf("%s and --flink-url: status %d, %q", name, c.status, c.stderr)
		}
	}
}
