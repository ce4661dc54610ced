//go:build unix

package probes_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
)

// logEvent is one entry of a log, as a layout gets it.
type logEvent struct {
	at                     time.Time
	level, logger, message string
	stack                  []string // lines of the exception
}

// layouts are other ways to write a log: of log4j 2, logback and their JSON.
var layouts = map[string]func(e logEvent) string{
	"logback": func(e logEvent) string {
		return withStack(e, fmt.Sprintf("%s [flink-pekko.actor.default-dispatcher-4] %-5s %s  - %s", e.at.Format("2006-01-02 15:04:05.000"), e.level, e.logger, e.message))
	},
	"logback, abbreviated": func(e logEvent) string {
		return withStack(e, fmt.Sprintf("%s [main] %-5s %s - %s", e.at.Format("15:04:05.000"), e.level, abbreviated(e.logger), e.message))
	},
	"log4j 2 with offset": func(e logEvent) string {
		return withStack(e, fmt.Sprintf("%s [main] %-5s %s - %s", e.at.In(time.FixedZone("", 5*3600+1800)).Format("2006-01-02T15:04:05,000-0700"), e.level, e.logger, e.message))
	},
	"log4j 2, level first": func(e logEvent) string {
		return withStack(e, fmt.Sprintf("[%s] [%-5s] %s - %s", e.at.Format("2006-01-02 15:04:05,000"), e.level, e.logger, e.message))
	},
	"ECS": func(e logEvent) string {
		return inJSON(e, "error.stack_trace", "@timestamp", e.at.UTC().Format("2006-01-02T15:04:05.000Z"), "log.level", e.level, "message", e.message,
			"ecs.version", "1.2.0", "process.thread.name", "main", "log.logger", e.logger)
	},
	"logstash": func(e logEvent) string {
		return inJSON(e, "stack_trace", "@timestamp", e.at.Format("2006-01-02T15:04:05.000-07:00"), "@version", "1", "message", e.message,
			"logger_name", e.logger, "thread_name", "main", "level", e.level)
	},
	"log4j 2 JsonLayout": func(e logEvent) string {
		line := inJSON(e, "", "thread", "main", "level", e.level, "loggerName", e.logger, "message", e.message)
		line = fmt.Sprintf(`{"instant":{"epochSecond":%d,"nanoOfSecond":%d},`, e.at.Unix(), e.at.Nanosecond()) + line[1:len(line)-1]
		if len(e.stack) > 0 {
			b, _ := json.Marshal(thrown(e.stack))
			line += `,"thrown":` + string(b)
		}
		return line + `,"endOfBatch":false,"threadId":1,"threadPriority":5}`
	},
}

func withStack(e logEvent, head string) string {
	return strings.Join(append([]string{head}, e.stack...), "\n")
}

// inJSON is an entry with fields in their usual order, the stack last.
func inJSON(e logEvent, stack string, fields ...string) string {
	if len(e.stack) > 0 && stack != "" {
		fields = append(fields, stack, strings.Join(e.stack, "\n")+"\n")
	}
	var b strings.Builder
	for i, f := range fields {
		quoted, _ := json.Marshal(f)
		switch {
		case i == 0:
			b.WriteByte('{')
		case i%2 == 1:
			b.WriteByte(':')
		default:
			b.WriteByte(',')
		}
		b.Write(quoted)
	}
	return b.String() + "}"
}

// thrown is an exception as JsonLayout writes it: each with its frames, and
// its cause inside.
func thrown(stack []string) map[string]any {
	class, message, _ := strings.Cut(strings.TrimPrefix(stack[0], "Caused by: "), ": ")
	t := map[string]any{"commonElementCount": 0, "name": class, "message": message}
	frames := []map[string]any{}
	for i, line := range stack[1:] {
		if strings.HasPrefix(line, "Caused by: ") {
			t["cause"] = thrown(stack[1+i:])
			break
		}
		if m := frameOf.FindStringSubmatch(line); m != nil {
			frames = append(frames, map[string]any{"class": m[1], "method": m[2], "file": "X.java", "line": 1, "exact": true})
		}
	}
	t["extendedStackTrace"] = frames
	return t
}

var (
	eventHead = regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) ([A-Z]+) +(\S+) +\[.*?\] - (.*)$`)
	frameOf   = regexp.MustCompile(`^\s+at (?:.*/)?([\w.$]+)\.([\w$<>]+)\(`)
	stackHead = regexp.MustCompile(`^([a-z][\w.$]*[.][A-Z][\w$]*(Exception|Error|Throwable|Closed\w*))(: |$)`)
)

func abbreviated(logger string) string {
	parts := strings.Split(logger, ".")
	for i := range len(parts) - 1 {
		parts[i] = parts[i][:min(1, len(parts[i]))]
	}
	return strings.Join(parts, ".")
}

// relaid writes a log of Flink's own layout in another one. What is no entry
// stays as it is.
func relaid(t *testing.T, text string, zone *time.Location, layout func(logEvent) string) string {
	var out []string
	var open *logEvent
	flush := func() {
		if open != nil {
			out = append(out, layout(*open))
		}
		open = nil
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		m := eventHead.FindStringSubmatch(line)
		switch {
		case m != nil:
			flush()
			at, err := time.ParseInLocation("2006-01-02 15:04:05,000", m[1], zone)
			if err != nil {
				t.Fatal(err)
			}
			open = &logEvent{at: at, level: m[2], logger: m[3], message: m[4]}
		case open == nil:
			out = append(out, line)
		case len(open.stack) > 0 || stackHead.MatchString(line):
			open.stack = append(open.stack, line)
		default:
			open.message += "\n" + line
		}
	}
	flush()
	return strings.Join(out, "\n") + "\n"
}

// TestCausesAreTheSameInEveryLayout writes the logs of each recorded host in
// other layouts: what is wrong with it stays the same.
func TestCausesAreTheSameInEveryLayout(t *testing.T) {
	t.Parallel()
	list, err := filepath.Glob(filepath.Join("testdata", "corpus", "*", "case.json"))
	if err != nil || len(list) == 0 {
		t.Fatalf("no recorded host: %v", err)
	}
	for n, file := range list {
		for layout := range layouts {
			c := readCorpusCase(t, filepath.Dir(file))
			t.Run(c.name+"/"+layout, func(t *testing.T) {
				t.Parallel()
				_, before := recordedHosts.get(t, n)
				root := t.TempDir()
				layOut(t, filepath.Join(filepath.Dir(file), "tree"), root, c)
				relay(t, root, c, layouts[layout])
				after := collect(t, corpusShell(t), probes.HostSettings{Root: root})
				if before, after := holding(before), holding(after); !slices.Equal(before, after) {
					t.Errorf("causes %q, want %q", after, before)
				}
			})
		}
	}
}

// relay rewrites the logs of a host.
func relay(t *testing.T, root string, c corpusCase, layout func(logEvent) string) {
	date, err := time.Parse("2006-01-02 15:04:05 -0700", c.facts.Date)
	if err != nil {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(filepath.Join(root, "opt/flink/log", "*.log*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, log := range logs {
		b, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		kept, _ := os.Stat(log)
		if err := os.WriteFile(log, []byte(relaid(t, string(b), date.Location(), layout)), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(log, kept.ModTime(), kept.ModTime()); err != nil {
			t.Fatal(err)
		}
	}
}
