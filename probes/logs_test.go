package probes

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var noon = hostClock{now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.FixedZone("", 3600))}

// readLog reads lines as the script sends them.
func readLog(kind string, lines ...string) *LogsFacts {
	facts := &LogsFacts{Checkpoints: map[string]int64{}}
	r := logReader{facts: facts, clock: noon}
	r.readAll([]logSource{{LogFile: LogFile{Path: "/log/flink-taskexecutor-0.log", Kind: kind}, lines: numbered(lines)}})
	r.finish()
	return facts
}

// numbered are lines as the host sends them.
func numbered(lines []string) []string {
	list := make([]string, len(lines))
	for i, line := range lines {
		list[i] = fmt.Sprintf("%d:%s", i+1, line)
	}
	return append(list, "0&")
}

func TestPatternsTravelInQuotes(t *testing.T) {
	t.Parallel()
	for _, list := range [][]Text{Texts, Marks, {{ID: "exceptions", Pattern: exceptions}, {ID: "warnings", Pattern: warnings}, {ID: "frames", Pattern: frames}}} {
		for _, text := range list {
			if i := strings.IndexAny(text.Pattern, "'\"$`"); i >= 0 {
				t.Errorf("%s: %q would end the quotes around the pattern", text.ID, text.Pattern[i:])
			}
			if strings.Contains(text.Pattern, `\\`) {
				t.Errorf("%s: %q has a doubled backslash", text.ID, text.Pattern)
			}
		}
	}
}

// The filter is read by grep on the host and by Go here: both must agree on
// what stays.
func TestFilterKeepsTheSameLinesAsGrep(t *testing.T) {
	t.Parallel()
	grep, err := exec.LookPath("grep")
	if err != nil {
		t.Skip("grep is not installed")
	}
	rows := []struct {
		line string
		keep bool
	}{
		{"Caused by: org.rocksdb.RocksDBException: While opendir: /x/db: Too many open files", true},
		{"java.lang.Exception: Exception while creating StreamOperatorStateContext.", true},
		{"MyException: of a class without a package", true},
		{"2026-11-24 11:00:00,000 WARN  org.apache.flink.runtime.taskmanager.Task [] - x switched from RUNNING to FAILED with failure cause:", true},
		{"2026-11-24 11:00:00,000 ERROR o.a.f.c.s.s.RocksDBKeyedStateBackendBuilder [] - Caught unexpected exception.", true},
		{"2026-11-24 11:00:00,000 INFO  org.apache.flink.runtime.taskexecutor.TaskExecutor [] - Successful registration at resource manager x", true},
		{"2026-11-24 11:00:00,000 INFO  org.apache.flink.runtime.taskmanager.Task [] - Loading JAR files for task", false},
		{"2026-11-24 11:00:00,000 ERROR com.example.Billing [] - card 4111 of jane@example.com was refused", false},
		{"2026-11-24 11:00:00,000 WARN  com.example.Enricher [] - checksum mismatch for record 17; Too many open files in S3", false},
		{"OpenJDK 64-Bit Server VM warning: INFO: os::commit_memory(0x00007f, 65536, 0) failed; error='Not enough space' (errno=12)", true},
		{"[14.1s][warning][os,thread] Attempt to deallocate stack guard pages failed (0x0-0x1).", true},
		{"  what():  Resource temporarily unavailable", true},
		{"password=hunter2", false},
	}
	in := make([]string, len(rows))
	want := ""
	re := regexp.MustCompile(headPattern() + "|" + knownPattern())
	for i, row := range rows {
		in[i] = row.line
		if row.keep {
			want += row.line + "\n"
		}
		if got := re.MatchString(row.line); got != row.keep {
			t.Errorf("Go keeps %q: %v, want %v", row.line, got, row.keep)
		}
	}
	cmd := exec.Command(grep, "-a", "-E", headPattern()+"|"+knownPattern())
	cmd.Env = []string{"LC_ALL=C"}
	cmd.Stdin = strings.NewReader(strings.Join(in, "\n") + "\n")
	out, err := cmd.Output()
	if err != nil || string(out) != want {
		t.Errorf("grep keeps\n%s(%v), want\n%s", out, err, want)
	}
}

func TestLinesOfUsualPatterns(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 10, 30, 0, 0, time.UTC).Unix()
	task := "org.apache.flink.runtime.taskmanager.Task"
	rows := []struct {
		name, line string
		want       logLine
		stack      string
	}{
		{"log4j of Flink, local time", "2026-11-24 11:30:00,123 WARN  " + task + "   [] - x failed", logLine{time: at, level: "WARN", logger: task, message: "x failed", head: true}, ""},
		{"with a zone", "2026-11-24T10:30:00.123Z WARN  " + task + " [] - x failed", logLine{time: at, level: "WARN", logger: task, message: "x failed", head: true}, ""},
		{"with an offset", "2026-11-24 12:30:00,123+0200 ERROR " + task + " - x", logLine{time: at, level: "ERROR", logger: task, message: "x", head: true}, ""},
		{"logback with a thread", "2026-11-24 11:30:00.123 [flink-akka-3] INFO  o.a.f.r.Task - x", logLine{time: at, level: "INFO", logger: "o.a.f.r.Task", message: "x", head: true}, ""},
		{"logback without a date", "11:30:00.123 [main] INFO  o.a.f.r.Task - x", logLine{time: at, level: "INFO", logger: "o.a.f.r.Task", message: "x", head: true}, ""},
		{"no head", "  what():  Resource temporarily unavailable", logLine{message: "  what():  Resource temporarily unavailable"}, ""},
		{"ECS", `{"@timestamp":"2026-11-24T10:30:00.123Z","log.level":"WARN","message":"x \"y\"","log.logger":"` + task + `","error.stack_trace":"java.io.IOException: z`,
			logLine{time: at, level: "WARN", logger: task, message: `x "y"`, head: true}, "java.io.IOException: z"},
		{"log4j JsonLayout", fmt.Sprintf(`{"instant":{"epochSecond":%d,"nanoOfSecond":1},"level":"WARN","loggerName":"%s","message":"x"}`, at, task),
			logLine{time: at, level: "WARN", logger: task, message: "x", head: true}, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, stack := noon.parseLine(row.line)
			if got != row.want || stack != row.stack {
				t.Errorf("parseLine(%q) = %+v, %q, want %+v, %q", row.line, got, stack, row.want, row.stack)
			}
		})
	}
}

func TestInnermostCause(t *testing.T) {
	t.Parallel()
	const head = "2026-11-24 11:30:00,123 WARN  org.apache.flink.runtime.taskmanager.Task [] - x (1/1)#0 (a) switched from RUNNING to FAILED with failure cause:"
	rows := []struct {
		name  string
		lines []string
		want  LogCause
	}{
		{"chain", []string{head, "java.lang.Exception: a", "\tat org.apache.flink.A.b(A.java:1) ~[x:?]", "Caused by: java.io.IOException: b", "Caused by: org.rocksdb.RocksDBException: c", "\tat org.rocksdb.RocksDB.open(Native Method)"},
			LogCause{"org.rocksdb.RocksDBException", "c", "org.rocksdb.RocksDB.open"}},
		{"on the line of the task", []string{head + " java.lang.OutOfMemoryError: Direct buffer memory", "\tat java.base/java.nio.Bits.reserveMemory(Unknown Source)"},
			LogCause{"java.lang.OutOfMemoryError", "Direct buffer memory", "java.nio.Bits.reserveMemory"}},
		{"serialized by Flink", []string{head, "org.apache.flink.util.SerializedThrowable: org.rocksdb.RocksDBException: c", "\tat app//org.rocksdb.RocksDB.get(Native Method)"},
			LogCause{"org.rocksdb.RocksDBException", "c", "org.rocksdb.RocksDB.get"}},
		{"suppressed is no cause", []string{head, "java.io.IOException: b", "\tat java.io.A.b(A.java:1)", "Suppressed: org.rocksdb.RocksDBException: c", "Caused by: java.io.IOException: of the suppressed one"},
			LogCause{"java.io.IOException", "b", "java.io.A.b"}},
		{"rotated in the middle of a stack", []string{"Caused by: org.rocksdb.RocksDBException: While opendir: /x: Too many open files", "\tat org.rocksdb.RocksDB.open(Native Method)"},
			LogCause{"org.rocksdb.RocksDBException", "While opendir: /x: Too many open files", "org.rocksdb.RocksDB.open"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			facts := readLog(LogTaskManager, row.lines...)
			if len(facts.Entries) != 1 || facts.Entries[0].Innermost() != row.want {
				t.Errorf("entries = %+v, want one that ends in %+v", facts.Entries, row.want)
			}
		})
	}
}

func TestRepetitionsAreOneEntry(t *testing.T) {
	t.Parallel()
	var lines []string
	for i := range 12 {
		stamp := fmt.Sprintf("2026-11-24 11:%02d:00,000", i)
		text := fmt.Sprintf("org.rocksdb.RocksDBException: While opendir: /data/job_5f0d1c2b3a49586776859403a2b1c0df_op_A__1_1__uuid_0b2f6c1e-8a51-4d0e-9f27-1d1b6a0c77%02d/db: Too many open files", i)
		lines = append(lines,
			stamp+" ERROR org.apache.flink.B [] - Caught unexpected exception.", "java.io.IOException: Error while opening RocksDB instance.", "Caused by: "+text,
			stamp+" WARN  org.apache.flink.runtime.taskmanager.Task [] - x switched from INITIALIZING to FAILED with failure cause:", "java.lang.Exception: y", "Caused by: java.io.IOException: Error while opening RocksDB instance.", "Caused by: "+text)
	}
	facts := readLog(LogTaskManager, lines...)
	if len(facts.Entries) != 1 {
		t.Fatalf("%d entries, want 1: %+v", len(facts.Entries), facts.Entries)
	}
	e := facts.Entries[0]
	if e.Count != 12 || e.Last-e.First != 11*60 || len(e.Paths) != 4 || len(e.Chain) != 3 {
		t.Errorf("entry = %+v, want 12 within 11 minutes, 4 of the paths, the longest chain", e)
	}
}

func TestOtherLoggersAreNotBelieved(t *testing.T) {
	t.Parallel()
	facts := readLog(LogTaskManager, "2026-11-24 11:30:00,000 ERROR com.example.Enrich [] - ", "java.io.IOException: Error while opening RocksDB instance.",
		"Caused by: org.rocksdb.RocksDBException: While opendir: /x/db: Too many open files", "\tat org.rocksdb.RocksDB.open(Native Method)")
	if got := Diagnose(&Facts{Logs: *facts}, nil); len(got) != 0 {
		t.Errorf("Diagnose = %+v, want no cause", got)
	}
}

func TestUnreadLogsAreNotSilence(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name   string
		values map[string][]string
		want   Value[bool]
	}{
		{"all read", map[string][]string{"logs.read": {"1"}, "logs.host.1": {"taskmanager 9 /log/a.log"}}, Known(true)},
		{"one denied", map[string][]string{"logs.read": {"0"}, "logs.host.unread": {"/log/a.log"}}, Unknown[bool]("/log/a.log cannot be read")},
		{"denied, then read as its owner", map[string][]string{"logs.read": {"0"}, "logs.host.unread": {"/log/a.log"}, "logs.4711.1": {"taskmanager 9 /log/a.log"}}, Known(true)},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := newRecords(0)
			r.values = row.values
			var f Facts
			parseLogs(r, &f)
			if f.Logs.Read != row.want {
				t.Errorf("Read = %+v, want %+v", f.Logs.Read, row.want)
			}
		})
	}
}

func TestHsErrOfJDK11And17(t *testing.T) {
	t.Parallel()
	rows := map[string][]string{
		"17": {"/proc/sys/vm/max_map_count (maximum number of memory map areas a process may have): 65530"},
		"11": {"/proc/sys/vm/max_map_count (maximum number of memory map areas a process may have):", "65530"},
	}
	for name, lines := range rows {
		lines = append([]string{"# Native memory allocation (malloc) failed to allocate 24 bytes for AllocateHeap", "log_file /log/a.log",
			"Time: Tue Nov 24 02:27:12 2026 UTC elapsed time: 18.5 seconds", "java_command: org.apache.flink.runtime.taskexecutor.TaskManagerRunner --configDir x",
			"rlimit (soft/hard): STACK 8192k/infinity , NPROC 96365/96365 , NOFILE 20000/20000 , AS 1706468k/1706468k , CPU infinity/infinity", "MemAvailable:   22565580 kB"}, lines...)
		got := parseHsErr("/home/flink/hs_err_pid641.log", lines, Known(int64(230)), noon)
		want := HsErr{Path: "/home/flink/hs_err_pid641.log", PID: 641, Time: 1795487232, LogFile: "/log/a.log", Command: "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
			Error: "Native memory allocation (malloc) failed to allocate 24 bytes for AllocateHeap", Maps: 230, Limits: map[string]Limit{"NPROC": 96365, "NOFILE": 20000, "AS": 1706468 << 10},
			MaxMapCount: Known(int64(65530)), Available: Known(int64(22565580) << 10), CommitLimit: got.CommitLimit, Committed: got.Committed}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("JDK %s: %+v, want %+v", name, got, want)
		}
	}
}

// Every cause that a rule may name has its document, and the other way round.
func TestCausesAndDocumentsAgree(t *testing.T) {
	t.Parallel()
	for _, name := range causeOrder {
		if causeDoc(name) == nil {
			t.Errorf("%s has no document", name)
		}
	}
	if len(CauseDocs) != len(causeOrder) {
		t.Errorf("%d documents, %d causes", len(CauseDocs), len(causeOrder))
	}
}

func TestCauseFindings(t *testing.T) {
	t.Parallel()
	causes := []Cause{{Cause: causeOpenFiles, Confidence: Proven}, {Cause: causeUserCode, Confidence: Likely}, {Cause: causeMemory, Confidence: Possible}, {Cause: causeHeap, Confidence: History}}
	var got []string
	for _, f := range causeFindings(causes, nil) {
		got = append(got, f.Code+" "+string(f.Status))
	}
	if want := []string{"cause/open-files fail", "cause/user-code warn"}; !reflect.DeepEqual(got, want) {
		t.Errorf("causeFindings = %v, want %v", got, want)
	}
}

func TestFloorFailsWhereACauseNamesIt(t *testing.T) {
	t.Parallel()
	limits := []Evidence{{Source: "/proc/7/limits"}}
	rows := []struct {
		name, code string
		cause      Cause
		policy     *Policy
		want       Status
	}{
		{"named", "nofile/low", Cause{Cause: causeOpenFiles, Confidence: Proven, Subject: "pid 7", Evidence: limits}, nil, Fail},
		{"another process", "nofile/low", Cause{Cause: causeOpenFiles, Confidence: Proven, Subject: "pid 8", Evidence: limits}, nil, Warn},
		{"the whole system's files", "nofile/low", Cause{Cause: causeOpenFiles, Confidence: Proven, Subject: "pid 7"}, nil, Warn},
		{"only possible", "maps/low", Cause{Cause: causeMaps, Confidence: Possible}, nil, Warn},
		{"the policy says warn", "maps/low", Cause{Cause: causeMaps, Confidence: Proven}, &Policy{Codes: map[string]Status{"maps/low": Warn}}, Warn},
		{"another cause", "maps/low", Cause{Cause: causeMemory, Confidence: Proven}, nil, Warn},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			probe, _, _ := strings.Cut(row.code, "/")
			a := Audit{Checks: []Check{{Probe: probe, Status: Warn}}, Findings: []Finding{{Code: row.code, Probe: probe, Status: Warn, Subject: "pid 7"}}, Causes: []Cause{row.cause}}
			a.escalate(row.policy)
			if a.Findings[0].Status != row.want || a.Checks[0].Status != row.want {
				t.Errorf("finding %s, check %s, want %s", a.Findings[0].Status, a.Checks[0].Status, row.want)
			}
		})
	}
}

// Whatever a log holds, what is kept is bounded, has sense, and survives JSON.
func FuzzReadLog(f *testing.F) {
	f.Add("2026-11-24 11:30:00,123 WARN  org.apache.flink.Task [] - x\njava.lang.Exception: a\n\tat b.C.d(E.java:1)\nCaused by: java.io.IOException: Too many open files")
	f.Add("{\"@timestamp\":\"2026-11-24T10:30:00Z\",\"message\":\"x")
	f.Add("  what():  Resource temporarily unavailable\n\x00\xff")
	f.Fuzz(func(t *testing.T, text string) {
		for _, kind := range []string{LogTaskManager, LogJobManager, LogOut, LogRocksDB} {
			facts := readLog(kind, strings.Split(text, "\n")...)
			if len(facts.Entries) > maxEntries {
				t.Fatalf("%d entries", len(facts.Entries))
			}
			for _, e := range facts.Entries {
				if e.Count < 1 || len(e.Chain) > 12 || len(e.Paths) > 4 || e.Run >= len(facts.Runs) || e.Last < e.First {
					t.Fatalf("entry %+v", e)
				}
			}
			Diagnose(&Facts{Logs: *facts}, nil)
			if _, err := json.Marshal(facts); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Looking for words first never changes what a pattern matches.
// wholePatterns are the patterns of all matchers as regexp reads them.
var wholePatterns = func() (list []*regexp.Regexp) {
	list = append(list, regexp.MustCompile(noisePattern))
	for _, t := range slices.Concat(Texts, Marks) {
		list = append(list, regexp.MustCompile(t.Pattern))
	}
	return list
}()

func FuzzMatcher(f *testing.F) {
	for _, text := range Texts {
		f.Add(text.Pattern)
	}
	f.Add("Local DB files directory '/x' does not exist and cannot be created. Too many open files in system")
	f.Fuzz(func(t *testing.T, s string) {
		for i, m := range append(append([]matcher{noise}, textMatchers...), markMatchers...) {
			if got, want := m.match(s), wholePatterns[i].MatchString(s); got != want {
				t.Fatalf("pattern %d %s: match(%q) = %t, want %t", i, wholePatterns[i], s, got, want)
			}
		}
	})
}
