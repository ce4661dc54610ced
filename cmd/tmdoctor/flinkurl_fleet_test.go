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

// TestFlinkURLIsComparedWithTheInventory: who is in it and not registered, who
// is registered and not in it, and who registered as localhost, also in a saved
// report that is judged again, and nothing of it without an inventory.
func TestFlinkURLIsComparedWithTheInventory(t *testing.T) {
	t.Parallel()
	noShell(t)
	well := caseLike(t, func(c demo.Case) bool { return c.Like == "healthy" && c.Expect.Status == "ok" })
	lost := caseLike(t, func(c demo.Case) bool { return c.Expect.Phase == "connect" })
	fleet, err := demo.StartCases(t.Context(), []demo.Case{well, lost})
	if err != nil {
		t.Fatal(err)
	}
	defer fleet.Close()
	path := func(host string) string {
		return fmt.Sprintf(`{"id":"%s:1-a","path":"pekko.tcp://flink@%s:6122/user/rpc/taskmanager_0"}`, host, host)
	}
	answers := fakeFlink()
	answers["/jobs/overview"] = `{"jobs":[]}`
	answers["/taskmanagers"] = `{"taskmanagers":[` + path(well.Name+".example.com") + "," + path("tm99.example.com") + "," + path("localhost") + `]}`
	s := httptest.NewServer(handler(answers, "", ""))
	defer s.Close()
	codes := func(fs []probes.Finding) (list []string) {
		for _, f := range fs {
			if f.Code == report.NotRegistered || f.Code == report.NotInInventory || f.Code == report.AsLocalhost {
				list = append(list, f.Code+" "+f.Subject)
			}
		}
		return list
	}
	want := []string{"flink/not-registered " + lost.Name, "flink/not-in-inventory tm99.example.com", "flink/registered-as-localhost localhost"}
	saved, again := filepath.Join(t.TempDir(), "r.json"), filepath.Join(t.TempDir(), "again.json")
	runCheck(t, nil, "-F", fleet.SSHConfig(), "-i", fleet.Inventory(), "--flink-url", s.URL, "-o", "json="+saved)
	if diff := cmp.Diff(want, codes(readReport(t, saved).Fleet.Findings)); diff != "" {
		t.Errorf("findings of the fleet (-want +got):\n%s", diff)
	}
	runCheck(t, nil, "--from", saved, "-o", "json="+again)
	if diff := cmp.Diff(want, codes(readReport(t, again).Fleet.Findings)); diff != "" {
		t.Errorf("judged again (-want +got):\n%s", diff)
	}
	// A host that was not selected is in the inventory all the same.
	runCheck(t, nil, "-F", fleet.SSHConfig(), "-i", fleet.Inventory(), "--flink-url", s.URL, "-o", "json="+saved, lost.Name)
	if diff := cmp.Diff(want, codes(readReport(t, saved).Fleet.Findings)); diff != "" {
		t.Errorf("of one host (-want +got):\n%s", diff)
	}
}

// TestFlinkURLIsAnInventory: without one, the hosts are those that are
// registered.
func TestFlinkURLIsAnInventory(t *testing.T) {
	t.Parallel()
	noShell(t)
	well := caseLike(t, func(c demo.Case) bool { return c.Like == "healthy" && c.Expect.Status == "ok" })
	fleet, err := demo.StartCases(t.Context(), []demo.Case{well})
	if err != nil {
		t.Fatal(err)
	}
	defer fleet.Close()
	answers := fakeFlink()
	answers["/jobs/overview"] = `{"jobs":[]}`
	tm := fmt.Sprintf(`{"id":"a","path":"pekko.tcp://flink@%s:6122/user/rpc/taskmanager_0"}`, well.Name)
	answers["/taskmanagers"] = `{"taskmanagers":[` + tm + "," + tm + `]}`
	s := httptest.NewServer(handler(answers, "", ""))
	defer s.Close()
	saved := filepath.Join(t.TempDir(), "r.json")
	c := runCheck(t, nil, "-F", fleet.SSHConfig(), "--flink-url", s.URL, "-o", "json="+saved)
	if c.status == 64 {
		t.Fatalf("status 64: %s", c.stderr)
	}
	if r := readReport(t, saved); len(r.Hosts) != 1 || r.Hosts[0].Name != well.Name || r.Hosts[0].Unreachable != nil || len(r.Fleet.Findings) != 0 {
		t.Errorf("hosts %+v, fleet %+v", r.Hosts, r.Fleet.Findings)
	}
	for _, tt := range []struct{ answer, want string }{
		{`{"taskmanagers":[]}`, "no TaskManager is registered by a name of its own"},
		{`{"taskmanagers":[{"id":"a","path":"pekko.tcp://flink@localhost:1/x"}]}`, "no TaskManager is registered by a name of its own"},
		{`{"taskmanagers":[{"id":"a","path":"pekko.tcp://flink@-oProxyCommand=x:1/x"}]}`, "begins with '-'"},
		{`{}`, "cannot be read"},
	} {
		answers["/taskmanagers"] = tt.answer
		if c := runCheck(t, nil, "-F", fleet.SSHConfig(), "--flink-url", s.URL); c.status != 64 || !strings.Contains(c.stderr, tt.want) {
			t.Errorf("%s: status %d, %q, want %q", tt.answer, c.status, c.stderr, tt.want)
		}
	}
}
