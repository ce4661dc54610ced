package main

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/remote/demo"
	"github.com/tmdoctor/tmdoctor/report"
)

// caseLike is the first case of the demonstration that is so.
func caseLike(t *testing.T, is func(demo.Case) bool) demo.Case {
	t.Helper()
	cases := demo.Cases()
	i := slices.IndexFunc(cases, is)
	if i < 0 {
		t.Fatal("the demonstration has no such case")
	}
	return cases[i]
}

// TestFlinkURLBesideAFleet: over ssh, a failure that a host's own log tells
// too changes nothing there, one that only the API knows is a cause of its
// host, and one of a host that was not reached is told by itself.
func TestFlinkURLBesideAFleet(t *testing.T) {
	t.Parallel()
	noShell(t)
	sick := caseLike(t, func(c demo.Case) bool { return c.Like == "open-files" })
	well := caseLike(t, func(c demo.Case) bool { return c.Like == "healthy" && c.Expect.Status == "ok" })
	lost := caseLike(t, func(c demo.Case) bool { return c.Expect.Phase == "connect" })
	fleet, err := demo.StartCases(t.Context(), []demo.Case{sick, well, lost})
	if err != nil {
		t.Fatal(err)
	}
	defer fleet.Close()
	failure := func(endpoint, id, path string, ago time.Duration) map[string]any {
		return map[string]any{
			"stacktrace": "org.apache.flink.util.FlinkRuntimeException: Error while adding data to RocksDB\n\tat org.apache.flink.contrib.streaming.state.RocksDBValueState.update(RocksDBValueState.java:110)\n" +
				"Caused by: org.rocksdb.RocksDBException: While open a file for appending: " + path + ": Too many open files\n\tat org.rocksdb.RocksDB.put(Native Method)\n",
			"timestamp": time.Now().Add(-ago).UnixMilli(), "taskName": "account (3/8)", "endpoint": endpoint, "taskManagerId": id,
		}
	}
	const told = "/data/flink/state/job_5c8e3d6f0a9b4c71b2d4e6f8091a2b3c_op_KeyedProcessOperator_2e4fdda57fd7ff83694232a2a14f89b7__3_8__uuid_7f0f6a52-53d9-4a0e-9c5b-0c5f3d1b8e09/db/004093.sst"
	body, err := json.Marshal(map[string]any{"exceptionHistory": map[string]any{"entries": []any{
		failure("localhost:40001", sick.Name+":41235-7d21c0", told, 2*time.Minute),
		failure(well.Name+".example.com:40001", "", "/data/only/here", time.Minute),
		failure(lost.Name+":40001", "", "/data/lost", time.Minute),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	answers := fakeFlink()
	answers["/jobs/"+failingJob+"/exceptions"] = string(body)
	s := httptest.NewServer(handler(answers, "", ""))
	defer s.Close()
	check := func(args ...string) map[string]report.Host {
		saved := filepath.Join(t.TempDir(), "r.json")
		runCheck(t, nil, append(args, "-F", fleet.SSHConfig(), "-i", fleet.Inventory(), "-o", "json="+saved)...)
		r := readReport(t, saved)
		hosts := map[string]report.Host{}
		for _, h := range r.Hosts {
			hosts[h.Name] = h
		}
		if r.Cluster != nil && (len(r.Cluster.Elsewhere) != 1 || r.Cluster.Elsewhere[0].Host != lost.Name) {
			t.Errorf("elsewhere: %+v", r.Cluster.Elsewhere)
		}
		return hosts
	}
	without, with := check(), check("--flink-url", s.URL)
	texts := func(causes []probes.Cause) (list []string) {
		for _, c := range causes {
			list = append(list, fmt.Sprintf("%s %s %s: %s", c.Confidence, c.Cause, c.Subject, c.Message))
			for _, e := range c.Evidence {
				list = append(list, e.Source)
			}
		}
		return list
	}
	if want := texts(without[sick.Name].Causes); len(want) == 0 || cmp.Diff(want, texts(with[sick.Name].Causes)) != "" {
		t.Errorf("%s, whose log tells it too: %q, want %q", sick.Name, texts(with[sick.Name].Causes), want)
	}
	if got := with[well.Name].Causes; len(got) != 1 || got[0].Cause != "open_files" || !strings.HasPrefix(got[0].Evidence[0].Source, "REST ") || with[well.Name].Status != probes.Fail {
		t.Errorf("%s: %s, %q", well.Name, with[well.Name].Status, texts(got))
	}
	if h := with[lost.Name]; h.Unreachable == nil || h.Status != probes.StatusUnknown {
		t.Errorf("%s: %s, %+v", lost.Name, h.Status, h.Unreachable)
	}
}
