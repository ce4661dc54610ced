package probes

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

const (
	taskLogger     = "org.apache.flink.runtime.taskmanager.Task"
	taskFailedHead = "2026-11-24 11:30:00,123 WARN  " + taskLogger + " [] - x (1/1)#0 (a) switched from RUNNING to FAILED with failure cause:"
)

// Heads in patterns that people use, all of 11:30 in the zone of the host.
func TestLinesOfOtherPatterns(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 10, 30, 0, 0, time.UTC).Unix()
	want := logLine{time: at, level: "WARN", logger: taskLogger, message: "x failed", head: true}
	rows := map[string]string{
		"microseconds":            "2026-11-24 11:30:00.123456 WARN  " + taskLogger + " [] - x failed",
		"%d{ISO8601}":             "2026-11-24T11:30:00,123 WARN  " + taskLogger + " [] - x failed",
		"%d{...}{UTC}, Z":         "2026-11-24T10:30:00,123Z WARN " + taskLogger + " - x failed",
		"zone with a colon":       "2026-11-24 12:30:00,123+02:00 WARN " + taskLogger + " - x failed",
		"zone apart":              "2026-11-24 05:30:00,123 -0500 WARN " + taskLogger + " - x failed",
		"zone by name":            "2026-11-24 10:30:00,123 UTC WARN " + taskLogger + " - x failed",
		"%d{UNIX_MILLIS}":         fmt.Sprintf("%d123 WARN %s - x failed", at, taskLogger),
		"%d{UNIX}":                fmt.Sprintf("%d WARN %s - x failed", at, taskLogger),
		"%d{COMPACT}":             "20261124113000123 WARN " + taskLogger + " - x failed",
		"%d{ISO8601_BASIC}":       "20261124T113000,123 WARN " + taskLogger + " - x failed",
		"%d{DATE}":                "24 Nov 2026 11:30:00,123 WARN " + taskLogger + " - x failed",
		"%d{ABSOLUTE}":            "11:30:00,123 WARN " + taskLogger + " - x failed",
		"old Flink on YARN":       "26/11/24 11:30:00 WARN " + taskLogger + ": x failed",
		"brackets":                "[2026-11-24 11:30:00,123] [WARN] " + taskLogger + " - x failed",
		"thread behind the time":  "2026-11-24 11:30:00,123 [Window (2/4)#0] WARN  " + taskLogger + " - x failed",
		"thread first":            "[flink-pekko.actor.default-dispatcher-5] 2026-11-24 11:30:00,123 WARN  " + taskLogger + " [] - x failed",
		"level first":             "WARN  2026-11-24 11:30:00,123 " + taskLogger + " [] - x failed",
		"logger before the level": "2026-11-24 11:30:00,123 " + taskLogger + " [main] WARN - x failed",
		"coloured":                "\x1b[33m2026-11-24 11:30:00,123 WARN \x1b[m \x1b[36m" + taskLogger + "\x1b[0m [] - x failed",
		"JsonLayout":              fmt.Sprintf(`{"instant":{"epochSecond":%d,"nanoOfSecond":1},"thread":"main","level":"WARN","loggerName":"%s","message":"x failed","endOfBatch":false}`, at, taskLogger),
		"GELF":                    fmt.Sprintf(`{"version":"1.1","timestamp":%d.123,"level":4,"_logger":"%s","short_message":"x failed"}`, at, taskLogger),
		"logstash":                `{"@timestamp":"2026-11-24T11:30:00.123+01:00","@version":"1","message":"x failed","logger_name":"` + taskLogger + `","thread_name":"main","level":"WARN"}`,
		"ECS, nested":             `{"@timestamp":"2026-11-24T10:30:00.123Z","log":{"level":"WARN","logger":"` + taskLogger + `"},"message":"x failed"}`,
		"JSON, cut off":           `{"@timestamp":"2026-11-24T10:30:00.123Z","log.level":"WARN","log.logger":"` + taskLogger + `","message":"x failed","mdc":{"a":"b\u00`,
	}
	for name, line := range rows {
		if got, below := noon.parseLine(plainText(line)); got != want || below != "" {
			t.Errorf("%s: parseLine(%q) = %+v, %q, want %+v", name, line, got, below, want)
		}
	}
}

func TestChainsOfOtherLayouts(t *testing.T) {
	t.Parallel()
	want := LogCause{"org.rocksdb.RocksDBException", "While opendir: /x/db: Too many open files", "org.rocksdb.RocksDB.open"}
	const cause, frame = "org.rocksdb.RocksDBException: While opendir: /x/db: Too many open files", "\tat org.rocksdb.RocksDB.open(Native Method)"
	long := []string{taskFailedHead, "java.lang.Exception: 0"}
	for i := range 20 {
		long = append(long, fmt.Sprintf("Caused by: java.io.IOException: %d", i))
	}
	esc := func(lines ...string) string {
		return strings.NewReplacer("\n", `\n`, "\t", `\t`, `"`, `\"`).Replace(strings.Join(lines, "\n"))
	}
	head := `{"@timestamp":"2026-11-24T10:30:00Z","log.level":"WARN","log.logger":"` + taskLogger + `","message":"x switched from RUNNING to FAILED",`
	rows := map[string][]string{
		"root cause first":    {taskFailedHead, cause, frame, "Wrapped by: java.io.IOException: b", "\tat org.apache.flink.A.b(A.java:1)", "Wrapped by: java.lang.Exception: a"},
		"its own cause":       {taskFailedHead, "java.lang.Exception: a", "Caused by: " + cause, frame, "Caused by: [CIRCULAR REFERENCE: java.lang.Exception: a]"},
		"more than twelve":    append(long, "Caused by: "+cause, frame),
		"a message of lines":  {taskFailedHead, "java.lang.Exception: a", "goes on", "Caused by: " + cause, frame},
		"a text of the stack": {head + `"error.stack_trace":"` + esc("java.lang.Exception: a", "\tat b.C.d(C.java:1)", "Caused by: "+cause, frame, "\t... 3 more") + `"}`},
		"a stack of lines":    {head + `"error.stack_trace":["java.lang.Exception: a","\tat b.C.d(C.java:1)","Caused by: ` + cause + `","` + esc(frame) + `"]}`},
		"a stack cut off":     {head + `"error.stack_trace":"` + esc("java.lang.Exception: a", "Caused by: "+cause, frame, "\tat x.y.z(") + `\`},
		"nested causes": {head + `"thrown":{"name":"java.lang.Exception","message":"a","cause":{"name":"org.rocksdb.RocksDBException","message":"While opendir: /x/db: Too many open files",` +
			`"extendedStackTrace":[{"class":"org.rocksdb.RocksDB","method":"open"},{"class":"a.B","method":"c"}]},"extendedStackTrace":[{"class":"d.E","method":"f"}]}}`},
		"in the message": {`{"@timestamp":"2026-11-24T10:30:00Z","level":"WARN","logger":"` + taskLogger + `","message":"` + esc("x switched from RUNNING to FAILED", "java.lang.Exception: a", "Caused by: "+cause, frame) + `"}`},
	}
	for name, lines := range rows {
		facts := readLog(LogTaskManager, lines...)
		if len(facts.Entries) != 1 || facts.Entries[0].Innermost() != want || len(facts.Entries[0].Chain) < 2 || len(facts.Entries[0].Chain) > 12 {
			t.Errorf("%s: entries = %+v, want one that ends in %+v", name, facts.Entries, want)
		}
	}
}

// sourcesOf are lines of one log, cut into files that were rotated at some of
// the lines, the newest first, as a host tells of them.
func sourcesOf(kind string, lines []string, cuts ...int) []logSource {
	name := "/log/flink-taskexecutor-0.log"
	if kind == LogOut {
		name = "/log/flink-taskexecutor-0.out"
	}
	var list []logSource
	at := 0
	for i, cut := range append(cuts, len(lines)) {
		path := name
		if i < len(cuts) {
			path = fmt.Sprintf("%s.%d", name, len(cuts)-i)
		}
		list = append([]logSource{{LogFile: LogFile{Path: path, Kind: kind}, lines: numbered(lines[at:cut])}}, list...)
		at = cut
	}
	return list
}

func readSources(list []logSource) *LogsFacts {
	facts := &LogsFacts{Checkpoints: map[string]int64{}}
	r := logReader{facts: facts, clock: noon}
	r.readAll(list)
	r.finish()
	return facts
}

// apart is facts without what says where a line stands.
func apart(facts *LogsFacts) *LogsFacts {
	facts.Files = nil
	for i := range facts.Runs {
		facts.Runs[i].File = ""
	}
	for i := range facts.Entries {
		facts.Entries[i].File, facts.Entries[i].Line = "", 0
	}
	return facts
}

// Wherever a log was rotated, it says the same.
func TestRotationChangesNothing(t *testing.T) {
	t.Parallel()
	lines := []string{
		"2026-11-24 11:00:00,000 INFO  org.apache.flink.runtime.taskexecutor.TaskManagerRunner [] -  Starting TaskManager (Version: 1.20.3, Scala: 2.12)",
		"2026-11-24 11:00:00,100 INFO  org.apache.flink.runtime.taskexecutor.TaskManagerRunner [] - Maximum number of open file descriptors is 900.",
		taskFailedHead, "java.lang.Exception: a", "\tat org.apache.flink.A.b(A.java:1)", "Caused by: java.io.IOException: No space left on device", "\tat java.io.A.b(A.java:1)",
		strings.Replace(taskFailedHead, "11:30", "11:40", 1), "java.lang.Exception: a", "Caused by: java.io.IOException: No space left on device",
		"2026-11-24 11:50:00,000 INFO  org.apache.flink.runtime.taskexecutor.TaskManagerRunner [] -  Starting TaskManager (Version: 1.20.3, Scala: 2.12)",
		"2026-11-24 11:51:00,000 INFO  " + taskLogger + " [] - x (1/1)#0 (a) switched from INITIALIZING to RUNNING.",
	}
	want := apart(readSources(sourcesOf(LogTaskManager, lines)))
	if len(want.Runs) != 2 || len(want.Entries) != 1 || want.Entries[0].Count != 2 || want.Entries[0].Run != 0 {
		t.Fatalf("facts = %+v", want)
	}
	for i := range len(lines) + 1 {
		for j := i; j <= len(lines); j++ {
			if got := apart(readSources(sourcesOf(LogTaskManager, lines, i, j))); !reflect.DeepEqual(got, want) {
				t.Fatalf("cut at %d and %d: %+v, want %+v", i, j, got, want)
			}
		}
	}
}

// A stack that begins a file belongs to the entry that ended the one before,
// unless that one ended in something that stayed on the host.
func TestStackGoesOnInTheNextFile(t *testing.T) {
	t.Parallel()
	list := sourcesOf(LogTaskManager, []string{taskFailedHead, "java.lang.Exception: a", "Caused by: java.io.IOException: b"}, 2)
	if e := readSources(list).Entries; len(e) != 1 || e[0].Innermost().Message != "b" || !strings.Contains(e[0].Head, "FAILED") {
		t.Errorf("entries = %+v, want one", e)
	}
	list[1].lines = list[1].lines[:2]
	if e := readSources(list).Entries; len(e) != 2 {
		t.Errorf("entries = %+v, want two", e)
	}
}

func TestCountsOfWhatTheHostLeftOut(t *testing.T) {
	t.Parallel()
	var lines []string
	for _, minute := range []string{"40", "41", "42", "43"} {
		lines = append(lines, "3:"+strings.Replace(taskFailedHead, "11:30", "11:"+minute, 1), "4:java.io.IOException: No space left on device")
	}
	facts := readSources([]logSource{{LogFile: LogFile{Path: "/log/a.log", Kind: LogTaskManager}, lines: append([]string{"0*8 2026-11-24 11:00:00,000"}, lines...)}})
	if len(facts.Entries) != 1 || facts.Entries[0].Count != 12 || facts.Entries[0].Last-facts.Entries[0].First != 43*60 {
		t.Errorf("entries = %+v, want one of 12 within 43 minutes", facts.Entries)
	}
}

func TestMarksOfOtherLoggersAreNotBelieved(t *testing.T) {
	t.Parallel()
	facts := readLog(LogTaskManager, taskFailedHead, "java.io.IOException: No space left on device",
		"2026-11-24 11:40:00,000 INFO  com.example.Job [] - x switched from INITIALIZING to RUNNING")
	if len(facts.Runs) != 1 || facts.Runs[0].Running != 0 {
		t.Errorf("runs = %+v, want one in which nothing runs", facts.Runs)
	}
}

// The clock of a log without zones is related to the host's by its last line.
func TestClockOfALog(t *testing.T) {
	t.Parallel()
	mtime := time.Date(2026, 11, 24, 10, 30, 5, 0, time.UTC).Unix()
	rows := []struct {
		name, stamp string
		want        int64
	}{
		{"that of the host", "2026-11-24 11:30:00,123", 0},
		{"UTC, on a host in another zone", "2026-11-24 10:30:00,123", -3600},
		{"India", "2026-11-24 16:00:00,123", 4*3600 + 1800},
		{"nearly an hour is no zone", "2026-11-24 12:20:00,123", 0},
		{"a file that was touched later", "2026-11-20 11:30:00,123", 0},
		{"a clock without zones", fmt.Sprintf("%d123", mtime-7200), 0},
		{"nothing", "", 0},
	}
	for _, row := range rows {
		if got := noon.skew(fmt.Sprint(mtime, " ", row.stamp)); got != row.want {
			t.Errorf("%s: skew = %d, want %d", row.name, got, row.want)
		}
	}
	s := sourcesOf(LogTaskManager, []string{strings.Replace(taskFailedHead, "11:30", "10:30", 1), "java.io.IOException: No space left on device"})
	s[0].last = fmt.Sprint(mtime, " 2026-11-24 10:30:00,123")
	if e := readSources(s).Entries; len(e) != 1 || e[0].Last != mtime-5 {
		t.Errorf("entries = %+v, want one at %d", e, mtime-5)
	}
}

// A rotated file was perhaps copied when hours had passed: its clock is that of the
// file that is still written.
func TestClockOfARotatedLog(t *testing.T) {
	t.Parallel()
	written := time.Date(2026, 11, 24, 10, 30, 0, 0, time.UTC).Unix()
	older := strings.Replace(taskFailedHead, "11:30", "10:30", 1) // an hour before
	rows := []struct {
		name, newest, rotated string
		want                  int64
	}{
		{"copied two hours later", fmt.Sprint(written, " 2026-11-24 11:30:00"), fmt.Sprint(written+3600, " 2026-11-24 10:30:00"), written - 3600},
		{"both in UTC", fmt.Sprint(written, " 2026-11-24 10:30:00"), fmt.Sprint(written, " 2026-11-24 10:30:00"), written},
		{"nothing is known of the newest", "", fmt.Sprint(written, " 2026-11-24 10:30:00"), written - 3600},
	}
	for _, row := range rows {
		s := sourcesOf(LogTaskManager, []string{older, "java.io.IOException: No space left on device", "2026-11-24 11:30:00,000 INFO  " + taskLogger + " [] - x"}, 2)
		s[0].last, s[1].last = row.newest, row.rotated
		if e := readSources(s).Entries; len(e) != 1 || e[0].Last != row.want {
			t.Errorf("%s: entries = %+v, want one at %d", row.name, e, row.want)
		}
	}
	s := sourcesOf(LogTaskManager, []string{older, "java.io.IOException: No space left on device"}, 2)[1:]
	s[0].last = fmt.Sprint(written, " 2026-11-24 10:30:00")
	if e := readSources(s).Entries; len(e) != 1 || e[0].Last != written-3600 {
		t.Errorf("a rotated file alone: entries = %+v, want one at %d", e, written-3600)
	}
}

func TestTimesToComeAreNotComparable(t *testing.T) {
	t.Parallel()
	r := newRecords(0)
	r.values = map[string][]string{"logs.read": {"1"}, "host.date": {"2026-11-24 11:00:00 +0100"}, "logs.host.1": {"taskmanager 9 /log/a.log"},
		"logs.host.1.line": {"1:" + taskFailedHead, "2:java.io.IOException: No space left on device"}}
	var f Facts
	parseLogs(r, &f)
	if f.Logs.Zone.IsKnown() || !strings.Contains(f.Logs.Zone.Why(), "/log/a.log") {
		t.Errorf("Zone = %+v, want it unknown for /log/a.log", f.Logs.Zone)
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	rows := [][2]string{
		{"cannot connect to https://bob:hunter2@repo/x", "cannot connect to https://(withheld)@repo/x"},
		{"https://ghp_hunter2@repo/x", "https://(withheld)@repo/x"},
		{"pekko.tcp://flink@jm1:6123/user", "pekko.tcp://flink@jm1:6123/user"},
		{"s3.secret-key: hunter2, s3.access-key=AKIAhunter2", "s3.secret-key: (withheld), s3.access-key=(withheld)"},
		{`{"password":"hunter2","x":1}`, `{"password":"(withheld)","x":1}`},
		{`{\"password\":\"hunter2\",\"x\":1}`, `{\"password\":\"(withheld)\",\"x\":1}`},
		{`outer token=\"abc hunter2\" here`, `outer token=\"(withheld)\" here`},
		{`password="hunter2 \" hunter2" here`, `password="(withheld)" here`},
		{`{\"password\":\"hunter2\\\"hunter2\\\\\",\"x\":1}`, `{\"password\":\"(withheld)\",\"x\":1}`},
		{`token='hunter2 x' "y"`, `token='(withheld)' "y"`},
		{`"text token=\"hunter2" "y"`, `"text token=\"(withheld)" "y"`},
		{"pass=hunter2 pwd: hunter2, passed: 3", "pass=(withheld) pwd: (withheld), passed: 3"},
		{"curl --password hunter2 -s3.secret-key hunter2 x", "curl --password (withheld) -s3.secret-key (withheld) x"},
		{"the password is wrong", "the password is wrong"},
		{"X-Amz-Signature=hunter2&x=1", "X-Amz-Signature=(withheld)&x=1"},
		{"key AKIAIOSFODNN7EXAMPLE is refused", "key (withheld) is refused"},
		{"Authorization: Bearer hunter2.hunter2", "Authorization: (withheld)"},
		{"While opendir: /x/db: Too many open files", "While opendir: /x/db: Too many open files"},
	}
	for _, row := range rows {
		if got := redact(row[0]); got != row[1] {
			t.Errorf("redact(%q) = %q, want %q", row[0], got, row[1])
		}
	}
}

// A head of Flink's in a message of the job's cannot be told from a real one:
// then only a fact of the host makes a cause proven.
func TestForgedHeadsProveNothing(t *testing.T) {
	t.Parallel()
	facts := readLog(LogTaskManager, "2026-11-24 11:29:00,000 INFO  com.example.Job [] - my message",
		taskFailedHead, "java.io.IOException: Error while opening RocksDB instance.",
		"Caused by: org.rocksdb.RocksDBException: While opendir: /x/db: Too many open files", "\tat org.rocksdb.RocksDB.open(Native Method)")
	for _, c := range Diagnose(&Facts{Logs: *facts}, nil) {
		if c.Confidence == Proven {
			t.Errorf("%s is proven by %+v", c.Cause, c.Evidence)
		}
	}
}

// Wherever a log is cut into files, its lines say the same, and what is kept
// is bounded.
func FuzzReadLogInPieces(f *testing.F) {
	f.Add(taskFailedHead+"\njava.lang.Exception: a\nCaused by: java.io.IOException: No space left on device\n\tat a.b.C(D.java:1)\n"+taskFailedHead, uint8(1), uint8(3))
	f.Add("0*3 2026-11-24 11:00:00,000\n{{\"@timestamp\":\"2026-11-24T10:30:00Z\",\n{\"message\":\"x\"}\nWrapped by: a.B: c", uint8(0), uint8(2))
	f.Add("# There is insufficient memory for the Java Runtime Environment to continue.\n  what():  Resource temporarily unavailable\njava.lang.OutOfMemoryError: Java heap space", uint8(2), uint8(2))
	f.Fuzz(func(t *testing.T, text string, a, b uint8) {
		lines := strings.Split(text, "\n")
		i := int(a) % (len(lines) + 1)
		j := i + int(b)%(len(lines)+1-i)
		for _, kind := range []string{LogTaskManager, LogOut} {
			want := apart(readSources(sourcesOf(kind, lines)))
			if got := apart(readSources(sourcesOf(kind, lines, i, j))); !reflect.DeepEqual(got, want) {
				t.Fatalf("%s cut at %d and %d: %+v, want %+v", kind, i, j, got, want)
			}
			for _, e := range want.Entries {
				if len(e.Chain) > 12 || len(e.Head) > 600 || e.Count < 1 {
					t.Fatalf("entry %+v", e)
				}
			}
		}
	})
}

// Whatever a line is, its head makes sense and what is secret stays out.
func FuzzParseLine(f *testing.F) {
	for _, s := range []string{taskFailedHead, `{"a":[{"b":"c\u00e4`, `{"thrown":{"name":"a","cause":{"name":"b"}}}`, "[main] INFO 2026-11-24T11:30:00Z a.B - password=x", "1795516262123 WARN a.b - x", "[[[["} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		l, below := noon.parseLine(plainText(line))
		if !l.head && (l.time != 0 || l.level != "" || below != "") {
			t.Fatalf("parseLine(%q) = %+v, %q: no head, but parts of one", line, l, below)
		}
		if got := redact(line + " password=hunter2"); strings.Contains(got, "hunter2") {
			t.Fatalf("redact(%q) = %q", line, got)
		}
	})
}
