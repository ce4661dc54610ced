package probes

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheNewerOfSuccessAndFailureDecidesRegistration(t *testing.T) {
	t.Parallel()
	const log = "/opt/flink/log/flink-flink-taskexecutor-0-tm.log"
	failed := LogEntry{File: log, Kind: LogTaskManager, Line: 9, Run: 1, Last: 200, Head: "Could not resolve ResourceManager address pekko.tcp://flink@jm1:6123/user/rpc/resourcemanager_*, retrying in 10000 ms"}
	fatal := LogEntry{File: log, Kind: LogTaskManager, Line: 9, Run: 1, Last: 200, Head: "Fatal error occurred in TaskExecutor", Chain: []LogCause{{Class: "org.apache.flink.runtime.taskexecutor.exceptions.RegistrationTimeoutException", Message: "Could not register"}}}
	older := failed
	older.Run = 0
	tests := []struct {
		name       string
		registered int64
		entry      LogEntry
		want       int
	}{
		{"never registered", 0, failed, 1},
		{"registered, then lost", 100, failed, 1},
		{"gave up", 100, fatal, 1},
		{"registered since", 300, failed, 0},
		{"an earlier process failed", 0, older, 0},
		{"another failure", 0, LogEntry{File: log, Run: 1, Last: 200, Head: "Could not resolve JobManager address"}, 0},
	}
	for _, tt := range tests {
		f := &Facts{
			Flink: FlinkFacts{TaskManagers: []TaskManager{{PID: 7, LogFile: log}}},
			Logs: LogsFacts{
				Runs:    []LogRun{{File: log, Kind: LogTaskManager, Last: 50}, {File: log, Kind: LogTaskManager, Last: 200, Registered: tt.registered}},
				Entries: []LogEntry{tt.entry},
			},
		}
		got := notRegistered(Input{Facts: f, Probe: &JobManager})
		if len(got) != tt.want {
			t.Errorf("%s: %d findings, want %d: %+v", tt.name, len(got), tt.want, got)
		}
	}
}

func TestConnectAndGetentAreReadByAddress(t *testing.T) {
	t.Parallel()
	lines := []string{
		"[jobmanager",
		"=jobmanager.target 7 jm1 6123 /log", "=jobmanager.target 8 jm1 6123 /log", "=jobmanager.target 9 [::1] 38217 /log",
		"=jobmanager.target 7 jm1 0 /log", "=jobmanager.target x",
		"=jobmanager.getent host jm0", "=jobmanager.getent 10.0.0.9 STREAM jm0", "=jobmanager.getent status 0",
		"=jobmanager.getent host jm1", "=jobmanager.getent 10.0.0.1 STREAM jm1", "=jobmanager.getent 10.0.0.1 DGRAM", "=jobmanager.getent fe80::1 STREAM", "=jobmanager.getent status 0",
		"=jobmanager.connect jm1:6123 refused Connection refused", "=jobmanager.connect [::1]:38217 melted away",
		"=jobmanager.searched yes",
		"]jobmanager 5",
	}
	r, err := parseRecords([]byte(strings.Join(lines, "\n") + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	var f Facts
	parseJobManager(r, &f)
	want := []JobManagerTarget{
		{PIDs: []int{7, 8}, Host: "jm1", Port: 6123, Source: "/log", Addresses: Known([]string{"10.0.0.1", "fe80::1"}), Connect: Known(Connection{Refused, "Connection refused"})},
		{PIDs: []int{9}, Host: "[::1]", Port: 38217, Source: "/log", Addresses: Known([]string{"::1"}), Connect: Unknown[Connection]("melted away")},
	}
	if diff := cmp.Diff(want, f.JobManager.Targets, cmp.AllowUnexported(Value[[]string]{}, Value[Connection]{})); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
}

func TestANameThatDoesNotResolveIsKnownToBeNone(t *testing.T) {
	t.Parallel()
	r, err := parseRecords([]byte("[jobmanager\n=jobmanager.getent host jm1\n=jobmanager.getent status 2\n]jobmanager 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	if a, ok := parseAddresses(r, "jm1").Get(); !ok || len(a) != 0 {
		t.Errorf("jm1: %v, known %v, want none", a, ok)
	}
	if _, ok := parseAddresses(r, "jm2").Get(); ok {
		t.Error("jm2, which nobody asked for, is known")
	}
}
