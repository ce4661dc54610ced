package audit

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/report"
)

const oneJob = "5f0e0000000000000000000000000001"

// rest answers by path.
type rest map[string]string

func (r rest) URL() string { return "http://jm1:8081" }

func (r rest) Get(ctx context.Context, path string) ([]byte, error) {
	path, _, _ = strings.Cut(path, "?")
	body, ok := r[path]
	if !ok { // a server that hangs
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	return []byte(body), nil
}

// failing is a cluster whose only job fails on a host.
func failing(host string) rest {
	return rest{
		"/overview": `{"flink-version":"1.20.3"}`, "/taskmanagers": `{"taskmanagers":[]}`, "/jobmanager/config": `[]`,
		"/jobs/overview": `{"jobs":[{"jid":"` + oneJob + `","name":"w","state":"RESTARTING"}]}`,
		"/jobs/" + oneJob + "/exceptions": `{"exceptionHistory":{"entries":[{"stacktrace":"org.rocksdb.RocksDBException: While opendir: /d: Too many open files\n\tat org.rocksdb.RocksDB.open(Native Method)\n",` +
			`"timestamp":1795650000000,"taskName":"m","endpoint":"` + host + `:40001"}]}}`,
		"/jobs/" + oneJob + "/checkpoints": `{"latest":{}}`, "/jobs/" + oneJob + "/checkpoints/config": `{}`,
	}
}

func hosts(names ...string) (list []inventory.Host) {
	for _, n := range names {
		list = append(list, inventory.Host{Name: n})
	}
	return list
}

// TestHostsWaitForTheClusterAtMost15Seconds, and are judged then whatever the
// API does; what it answered by then counts.
func TestHostsWaitForTheClusterAtMost15Seconds(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		missing string
		lost    bool
	}{
		"at once": {"/overview", true}, "in the middle": {"/jobs/" + oneJob + "/exceptions", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := failing("tm1")
			delete(r, row.missing)
			began := time.Now()
			c := AskCluster(t.Context(), r, hosts("tm1"))
			h := &report.Host{Name: "tm1"}
			Judge(h, &probes.Facts{Version: 1}, probes.NewEvaluator(nil), View{}, c)
			if waited := time.Since(began); waited != restLimit {
				t.Errorf("%s: waited %v, want %v", name, waited, restLimit)
			}
			if len(h.Checks) == 0 || (c.Err() != nil) != row.lost || (c.Report().Unreachable != nil) != row.lost {
				t.Errorf("%s: %d checks, error %v, %+v", name, len(h.Checks), c.Err(), c.Report().Unreachable)
			}
			if f := c.Report().Findings(nil); len(f) == 0 || f[0].Code != report.RESTUnread {
				t.Errorf("%s: findings %+v", name, f)
			}
		})
	}
}

func TestNobodyAskedACluster(t *testing.T) {
	t.Parallel()
	var c *Cluster
	h := &report.Host{Name: "tm1"}
	Judge(h, &probes.Facts{Version: 1}, probes.NewEvaluator(nil), View{}, c)
	if c.Err() != nil || c.Report() != nil || len(h.Checks) == 0 {
		t.Errorf("error %v, report %v, %d checks", c.Err(), c.Report(), len(h.Checks))
	}
}

// TestFailureOfAHostThatWasLostIsToldByItself, with its name.
func TestFailureOfAHostThatWasLostIsToldByItself(t *testing.T) {
	t.Parallel()
	c := AskCluster(t.Context(), failing("tm2"), hosts("tm1", "tm2"))
	Judge(&report.Host{Name: "tm1"}, &probes.Facts{Version: 1}, probes.NewEvaluator(nil), View{}, c)
	left := c.Report().Elsewhere
	if len(left) != 1 || left[0].Host != "tm2" || left[0].Cause != "open_files" || left[0].Confidence != probes.Likely {
		t.Errorf("elsewhere %+v", left)
	}
}

// savedWith writes a finished report with a cluster.
func savedWith(t *testing.T, c *report.Cluster, names ...string) string {
	t.Helper()
	var list []report.Host
	for _, n := range names {
		list = append(list, report.Host{Name: n, Status: probes.OK, Facts: &probes.Facts{Version: probes.FactsVersion}})
	}
	b, err := os.ReadFile(saved(t, len(names), list...))
	if err != nil {
		t.Fatal(err)
	}
	var r report.Report
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	r.Cluster = c
	if b, err = json.Marshal(r); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "report.json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSavedShardsHaveOneCluster: the newest answers count, for the hosts of all
// shards; two APIs do not become one.
func TestSavedShardsHaveOneCluster(t *testing.T) {
	t.Parallel()
	old := AskCluster(t.Context(), failing("tm1"), nil).Report()
	newest := AskCluster(t.Context(), failing("tm2"), nil).Report()
	old.Asked = newest.Asked.Add(-time.Hour)
	all, err := Saved([]string{savedWith(t, newest, "tm1"), savedWith(t, old, "tm2"), savedWith(t, nil, "tm3")}, nil, View{})
	if err != nil {
		t.Fatal(err)
	}
	var sick []string
	for _, h := range all.Hosts {
		for _, c := range h.Causes {
			sick = append(sick, h.Name+" "+c.Cause)
		}
	}
	if got := strings.Join(sick, ", "); got != "tm2 open_files" {
		t.Errorf("causes %q, want tm2 open_files", got)
	}
	if c := all.Cluster.Report(); len(c.Elsewhere) != 0 || !c.Asked.Equal(newest.Asked) {
		t.Errorf("cluster %+v", c)
	}
	old.URL = "http://jm9:8081"
	if _, err := Saved([]string{savedWith(t, newest, "tm1"), savedWith(t, old, "tm2")}, nil, View{}); err == nil || !strings.Contains(err.Error(), "jm9") {
		t.Errorf("two APIs: %v", err)
	}
}

// TestSavedClusterIsNotReadByItsOwnWord: without facts it is unknown.
func TestSavedClusterIsNotReadByItsOwnWord(t *testing.T) {
	t.Parallel()
	all, err := Saved([]string{savedWith(t, &report.Cluster{URL: "http://jm1:8081", Asked: time.Now()}, "tm1")}, nil, View{})
	if err != nil {
		t.Fatal(err)
	}
	if f := all.Cluster.Report().Findings(nil); len(f) != 1 || f[0].Status != probes.StatusUnknown || all.Cluster.Err() == nil {
		t.Errorf("findings %+v, error %v", f, all.Cluster.Err())
	}
}

var errNone = errors.New("none")

// brokenREST gives errors that are not of package remote.
type brokenREST struct{}

func (brokenREST) URL() string                                 { return "http://jm1:8081" }
func (brokenREST) Get(context.Context, string) ([]byte, error) { return nil, errNone }

func TestEveryReasonHasAPhase(t *testing.T) {
	t.Parallel()
	u := AskCluster(t.Context(), brokenREST{}, nil).Report().Unreachable
	if u == nil || u.Phase != "decode" || u.Reason != "none" || u.Hint == "" {
		t.Errorf("%+v", u)
	}
}
