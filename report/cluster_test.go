package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tmdoctor/tmdoctor/probes"
)

const clusterURL = "https://jm1.example.com:8081/flink"

// clusterFacts are a job that restarts, one that runs and one that is over.
func clusterFacts() *probes.ClusterFacts {
	entry := func(at int64, message string) probes.LogEntry {
		return probes.LogEntry{
			File: "REST /jobs/5f0e0000000000000000000000000001/exceptions", Kind: probes.LogREST, Run: -1, Count: 12, First: at - 3600, Last: at, Job: "5f0e0000000000000000000000000001",
			Head: "a task switched to FAILED", Chain: []probes.LogCause{{Class: "org.rocksdb.RocksDBException", Message: message, Frame: "org.rocksdb.RocksDB.open"}},
		}
	}
	at := started.Unix() - 60
	return &probes.ClusterFacts{
		Version: 1, Asked: started.Unix(), Flink: probes.Known("1.20.3"),
		TaskManagers: probes.Known([]probes.ClusterTaskManager{{ID: "tm001:6122-0a1b2c", Host: "tm001"}}),
		Settings:     probes.Known(map[string]string{"state.backend.type": "hashmap", "state.checkpoints.dir": "s3://(withheld)@bucket/ckpt"}),
		Jobs: probes.Known([]probes.ClusterJob{
			{
				ID: "5f0e0000000000000000000000000001", Name: "wordcount", State: "RESTARTING", Changed: at, Tasks: 8, Running: 0,
				StateBackend: probes.Known("EmbeddedRocksDBStateBackend"), Storage: probes.Known("FileSystemCheckpointStorage"), Completed: probes.Known(at - 7200), Checkpoint: "s3://(withheld)@bucket/jobs/5f0e0000000000000000000000000001/chk-7",
				Failures: probes.Known([]probes.ClusterFailure{
					{Endpoint: "tm099:40001", TaskManager: "tm099:6122-ffffff", Task: "map (1/8)", Entry: entry(at, "While open a file for appending: /data/db/MANIFEST-000004: Too many open files")},
				}),
			},
			{
				ID: "5f0e0000000000000000000000000002", Name: "enrich", State: "RUNNING", Changed: at - 86400, Tasks: 4, Running: 4,
				StateBackend: probes.Known("HashMapStateBackend"), Storage: probes.Known("JobManagerCheckpointStorage"), Completed: probes.Known(int64(0)),
				Failures: probes.Known([]probes.ClusterFailure{}),
			},
			{ID: "5f0e0000000000000000000000000003", Name: "batch", State: "FINISHED", Changed: at - 86400},
		}),
		Cut: []string{},
	}
}

func sickCluster() *Cluster {
	facts := clusterFacts()
	return NewCluster(clusterURL, started, facts, probes.Place(facts, nil).Left(), nil)
}

func lostCluster() *Cluster {
	return NewCluster(clusterURL, started, nil, nil, &Unreachable{Phase: "connect", Reason: "GET " + clusterURL + "/overview: connection refused", Hint: "is the port open from here?"})
}

// hostileCluster is one whose every text is a hostile one's.
func hostileCluster() *Cluster {
	const evil = "\x1b[2J\x1b]0;owned\x07\r\n1 host: all ok\u202egnp.exe\u200b\u0085\u2028\xff\x9b31m"
	facts := clusterFacts()
	facts.Flink = probes.Known(evil)
	facts.Cut = []string{evil}
	facts.Settings = probes.Known(map[string]string{"state.backend.type": "hashmap", "state.checkpoints.dir": evil})
	jobs, _ := facts.Jobs.Get()
	jobs[0].Name, jobs[0].State, jobs[1].StateBackend = evil, evil, probes.Known("RocksDB"+evil)
	jobs[1].Failures = probes.Unknown[[]probes.ClusterFailure](evil)
	failures, _ := jobs[0].Failures.Get()
	failures[0].Endpoint, failures[0].TaskManager = evil, evil
	failures[0].Entry.Chain[0].Message = evil + "Too many open files"
	c := NewCluster(clusterURL, started, facts, probes.Place(facts, nil).Left(), nil)
	c.Notes = append(c.Notes, evil)
	return c
}

// TestMoreExceptionsThanWereReadAreSaidSo, for each job that has them.
func TestMoreExceptionsThanWereReadAreSaidSo(t *testing.T) {
	t.Parallel()
	facts := clusterFacts()
	jobs, _ := facts.Jobs.Get()
	jobs[1].More = true
	var got []string
	for _, n := range NewCluster(clusterURL, started, facts, nil, nil).Notes {
		if strings.Contains(n, "exceptions") {
			got = append(got, n)
		}
	}
	if d := cmp.Diff([]string{"job enrich 5f0e0000 has more exceptions than were read: what only older ones tell is not here"}, got); d != "" {
		t.Errorf("notes (-want +got):\n%s", d)
	}
}

// TestPartsThatWereNotReadAreSaidSo: nothing of them is left out as if there
// were none.
func TestPartsThatWereNotReadAreSaidSo(t *testing.T) {
	t.Parallel()
	facts := clusterFacts()
	facts.TaskManagers = probes.Unknown[[]probes.ClusterTaskManager]("GET /taskmanagers: status 500")
	jobs, _ := facts.Jobs.Get()
	jobs[0].Completed, jobs[0].Checkpoint = probes.Unknown[int64]("GET /checkpoints: status 500"), ""
	jobs[0].StateBackend = probes.Unknown[string]("GET /checkpoints/config: status 500")
	got := string(withCluster(t, "table", Options{}, nil, NewCluster(clusterURL, started, facts, nil, nil)))
	for _, want := range []string{
		", TaskManagers unknown: GET /taskmanagers: status 500\n",
		"state backend unknown, checkpoints s3://(withheld)@bucket/ckpt (as configured), newest checkpoint unknown: GET /checkpoints: status 500, 12 exceptions\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not say %q:\n%s", want, got)
		}
	}
}

// TestFailuresOfGoneTaskManagersAreOneLine of each job and cause: every restart
// of a host that fails leaves another one.
func TestFailuresOfGoneTaskManagersAreOneLine(t *testing.T) {
	t.Parallel()
	const job, other = "5f0e0000000000000000000000000001", "5f0e0001000000000000000000000002"
	c := sickCluster()
	c.Elsewhere = nil
	for i := range 20 {
		last := started.Add(-time.Duration(i) * time.Minute)
		e := Elsewhere{
			Job: job, Endpoint: "tm099:40001", TaskManager: fmt.Sprintf("tm099:6122-%06d", i), Gone: true, Count: 3, Last: &last, Text: "x.Y: z",
			Cause: "noexec", Confidence: probes.Likely, Message: fmt.Sprintf("noexec, %d times", i+1),
		}
		switch {
		case i >= 18: // registered
			e.Gone, e.TaskManager = false, "tm098:6122-0"
			e.Endpoint = fmt.Sprintf("tm098:%d", i)
		case i >= 15:
			e.Job = other
		case i >= 10:
			e.Cause, e.Confidence, e.Message = "", "", ""
		}
		c.Elsewhere = append(c.Elsewhere, e)
	}
	got := string(withCluster(t, "table", Options{}, nil, c))
	_, got, _ = strings.Cut(got, "FAILURES ELSEWHERE\n")
	got, _, _ = strings.Cut(got, "\n\n")
	want := strings.Join([]string{
		"LIKELY  10 TaskManagers  tm099:40001: noexec, 1 times [noexec]",
		"        → no host that was asked is tm099:40001; TaskManagers tm099:6122-000000, tm099:6122-000001, tm099:6122-000002 and 7 more are not registered any more; job 5f0e0000",
		"SEEN    5 TaskManagers   x.Y: z (15 times, last 2026-03-01 02:50 UTC)",
		"        → no host that was asked is tm099:40001; TaskManagers tm099:6122-000010, tm099:6122-000011, tm099:6122-000012 and 2 more are not registered any more; job 5f0e0000",
		"LIKELY  3 TaskManagers   tm099:40001: noexec, 16 times [noexec]",
		"        → no host that was asked is tm099:40001; TaskManagers tm099:6122-000015, tm099:6122-000016 and tm099:6122-000017 are not registered any more; job 5f0e0001",
		"LIKELY  tm098:18         noexec, 19 times [noexec]",
		"        → no host that was asked is tm098:18; job 5f0e0000",
		"LIKELY  tm098:19         noexec, 20 times [noexec]",
		"        → no host that was asked is tm098:19; job 5f0e0000",
	}, "\n")
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// withCluster renders a fleet and a cluster.
func withCluster(t testing.TB, format string, o Options, hosts []*Host, c *Cluster) []byte {
	t.Helper()
	var b bytes.Buffer
	f, err := NewFormat(format, &b, o)
	if err != nil {
		t.Fatal(err)
	}
	renderTo(t, &between{Format: f, cluster: c}, testRun(len(hosts)), hosts, true)
	return b.Bytes()
}

// between tells a format of a cluster before the end.
type between struct {
	Format
	cluster *Cluster
}

func (b *between) End(f Fleet, s Summary) error {
	if err := b.Cluster(b.cluster); err != nil {
		return err
	}
	f.Findings = append(f.Findings, b.cluster.Findings(nil)...)
	return b.Format.End(f, s)
}

func TestClusterIsPrintedAsRecorded(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		o       Options
		hosts   []*Host
		cluster *Cluster
	}{
		{"cluster80.txt", Options{Width: 80}, healthyFleet(), sickCluster()},
		{"cluster50.txt", Options{Width: 50}, healthyFleet(), sickCluster()},
		{"cluster-all.txt", Options{All: true}, nil, sickCluster()},
		{"cluster-lost.txt", Options{Width: 80}, healthyFleet(), lostCluster()},
		{"cluster-hostile.txt", Options{Width: 80}, nil, hostileCluster()},
	} {
		got := withCluster(t, "table", row.o, row.hosts, row.cluster)
		path := filepath.Join("testdata", row.name)
		if *update {
			if err := os.WriteFile(path, got, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			n, g, w := firstDifference(got, want)
			t.Errorf("%s:%d differs (-update rewrites it):\n got %s\nwant %s", path, n, g, w)
		}
		if i := bytes.IndexFunc(got, func(r rune) bool { return r != '\n' && unsafeRune(r) }); i >= 0 {
			t.Errorf("%s has an unsafe character at byte %d", path, i)
		}
	}
}

// TestClusterComesBackFromJSON: what was said of a cluster is the same after a
// report was saved and read, in both formats, with and without hosts.
func TestClusterComesBackFromJSON(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]*Cluster{"sick": sickCluster(), "lost": lostCluster()} {
		for _, format := range []string{"json", "ndjson"} {
			for _, hosts := range [][]*Host{nil, sickFleet()} {
				r, err := Read(bytes.NewReader(withCluster(t, format, Options{}, hosts, c)))
				if err != nil {
					t.Fatalf("%s, %s: %v", name, format, err)
				}
				if d := cmp.Diff(asJSON(t, c), asJSON(t, r.Cluster)); d != "" {
					t.Errorf("%s, %s (-written +read):\n%s", name, format, d)
				}
			}
		}
	}
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestClusterThatIsMisplacedIsRefused(t *testing.T) {
	t.Parallel()
	doc := string(withCluster(t, "json", Options{}, nil, lostCluster()))
	begin := strings.Index(doc, `"cluster":`)
	end := strings.Index(doc, `"fleet":`)
	piece := doc[begin:end]
	newer := strings.Replace(string(withCluster(t, "json", Options{}, nil, sickCluster())), `"facts_version":1`, `"facts_version":99`, 1)
	for name, row := range map[string]struct {
		text string
		want error
	}{
		"twice":          {doc[:begin] + piece + doc[begin:], ErrSchema},
		"before the run": {strings.Replace(doc[:begin]+doc[end:], `"run":`, piece+`"run":`, 1), ErrSchema},
		"behind the end": {strings.Replace(doc[:begin]+doc[end:], `"summary":`, piece+`"summary":`, 1), ErrSchema},
		"of newer facts": {newer, probes.ErrVersion},
	} {
		if _, err := Read(strings.NewReader(row.text)); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", name, err, row.want)
		}
	}
}

func TestClusterFollowsTheSchema(t *testing.T) {
	t.Parallel()
	document, line := compiled(t, "report.json"), compiled(t, "line.json")
	for name, c := range map[string]*Cluster{"sick": sickCluster(), "lost": lostCluster(), "hostile": hostileCluster()} {
		if err := document.Validate(parse(t, withCluster(t, "json", Options{}, sickFleet(), c))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for l := range bytes.Lines(withCluster(t, "ndjson", Options{}, sickFleet(), c)) {
			if err := line.Validate(parse(t, l)); err != nil {
				t.Errorf("%s: %v in %s", name, err, l)
			}
		}
	}
	// The schema's keys are those of the types.
	b, err := os.ReadFile("schema/report.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs map[string]struct{ Required []string } `json:"$defs"`
	}
	if err := json.Unmarshal(b, &schema); err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]any{"cluster": Cluster{}, "elsewhere": Elsewhere{}} {
		var keys map[string]any
		if err := json.Unmarshal([]byte(asJSON(t, v)), &keys); err != nil {
			t.Fatal(err)
		}
		var got []string
		for k := range keys {
			got = append(got, k)
		}
		if d := cmp.Diff(schema.Defs[name].Required, got, cmpopts.SortSlices(strings.Compare)); d != "" {
			t.Errorf("%s (-schema +type):\n%s", name, d)
		}
	}
}

// TestClusterCountsForTheExitStatus: what could not be read is unknown, never
// healthy, a job that failed for good fails and one that may restart is a
// warning.
func TestClusterCountsForTheExitStatus(t *testing.T) {
	t.Parallel()
	unread := sickCluster()
	jobs, _ := unread.Facts.Jobs.Get()
	jobs[0].State, jobs[0].Running, jobs[0].Failures = "RUNNING", 8, probes.Unknown[[]probes.ClusterFailure]("why")
	well := sickCluster()
	jobs, _ = well.Facts.Jobs.Get()
	jobs[0].State, jobs[0].Running = "RUNNING", 8
	failed, waits := sickCluster(), sickCluster()
	jobs, _ = failed.Facts.Jobs.Get()
	jobs[0].State = "FAILED"
	jobs, _ = waits.Facts.Jobs.Get()
	jobs[0].State, jobs[0].Running = "RUNNING", 7
	strict := &probes.Policy{Codes: map[string]probes.Status{RESTUnread: probes.Fail, JobFailing: probes.Fail}}
	mild := &probes.Policy{Codes: map[string]probes.Status{JobFailed: probes.Warn}}
	for _, row := range []struct {
		name    string
		cluster *Cluster
		policy  *probes.Policy
		want    int
	}{
		{"none asked", nil, nil, 0},
		{"all jobs run", well, nil, 0},
		{"a job restarts", sickCluster(), nil, 1},
		{"tasks of a job wait", waits, nil, 1},
		{"a job has failed", failed, nil, 2},
		{"a job has failed, by policy", failed, mild, 1},
		{"a job fails, by policy", sickCluster(), strict, 2},
		{"not reached", lostCluster(), nil, 3},
		{"not reached, by policy", lostCluster(), strict, 2},
		{"exceptions unread", unread, nil, 3},
		{"a report without its facts", &Cluster{URL: clusterURL}, nil, 3},
	} {
		fleet := Fleet{Findings: row.cluster.Findings(row.policy)}
		for _, f := range fleet.Findings {
			if f.Remedy == "" {
				t.Errorf("%s: %s does not say what to do", row.name, f.Code)
			}
		}
		if got := ExitStatus(Summary{Hosts: 1, OK: 1}, fleet, false, FailOnWarn); got != row.want {
			t.Errorf("%s: %d, want %d", row.name, got, row.want)
		}
	}
}
