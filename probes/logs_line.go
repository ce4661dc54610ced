package probes

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// logLine is the head of a log entry taken apart.
type logLine struct {
	time          int64 // 0 if the line has none
	level, logger string
	message       string
	head          bool
}

var (
	clockTime = regexp.MustCompile(`^\[?(\d\d:\d\d:\d\d)[.,]\d+\]?`)
	oldTime   = regexp.MustCompile(`^\[?(\d\d)[/.-](\d\d)[/.-](\d\d|\d{4}) (\d\d:\d\d:\d\d)(?:[.,]\d+)?`)
	plainTime = regexp.MustCompile(`^\[?(\d{4})-?(\d\d)-?(\d\d)T?(\d\d)(\d\d)(\d\d)(?:[.,]?\d{3,9})?(Z|[+-]\d\d:?\d\d)?\]? `)
	monthTime = regexp.MustCompile(`^\[?(\d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d)(?:[.,]\d+)?\]?`)
	epochTime = regexp.MustCompile(`^\[?(\d{10})(?:\d{3})?\]? `)

	// What stands before the time in some patterns: a level, a thread.
	linePrefix = regexp.MustCompile(`^(?:(?:\[[^\]\d][^\]]{0,100}\]|TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL) +)+`)
	lineLevel  = regexp.MustCompile(`(?:^|[ \[|])(TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL)(?:[ \]|:]|$)`)
	loggerName = regexp.MustCompile(`(?:^|[\s\[])([a-z][\w$]*(?:\.[\w$-]+)+)`)
)

// parseLine reads the head of an entry in log4j's and logback's usual
// patterns, or in a JSON layout; below are the lines of an exception that a
// JSON layout keeps in the same line.
func (c hostClock) parseLine(line string) (l logLine, below string) {
	if strings.HasPrefix(line, "{") {
		return c.parseJSON(line)
	}
	t, n := c.stamp(line)
	prefix := ""
	if n == 0 {
		prefix = linePrefix.FindString(line)
		if prefix != "" {
			t, n = c.stamp(line[len(prefix):])
		}
		if level := lineLevel.FindString(prefix); n == 0 && level == "" {
			return logLine{message: line}, ""
		}
	}
	l.head, l.time = true, t
	rest := line[len(prefix)+n:]
	at := lineLevel.FindStringSubmatchIndex(rest[:min(len(rest), 200)])
	if m := lineLevel.FindStringSubmatch(prefix); m != nil {
		l.level, at = m[1], []int{0, 0, 0, 0}
	} else if at == nil {
		l.message = strings.TrimSpace(rest)
		return l, ""
	} else {
		l.level = rest[at[2]:at[3]]
	}
	l.logger, l.message = cutRest(rest[at[3]:])
	l.message = strings.TrimSpace(strings.TrimPrefix(l.message, "- "))
	// The logger may stand before the level, the thread behind it.
	if m := loggerName.FindStringSubmatch(rest[:at[2]]); m != nil {
		l.logger = m[1]
		_, l.message, _ = strings.Cut(rest[at[3]:], "- ")
	}
	return l, ""
}

// stamp reads the time that a line begins with; n is its length, 0 for none.
func (c hostClock) stamp(line string) (t int64, n int) {
	if date, clock, zone, n := findStamp(line); n > 0 {
		return c.local(date+"T"+clock, zone), n
	}
	if m := clockTime.FindStringSubmatch(line); m != nil {
		return c.today(m[1]), len(m[0])
	}
	if m := oldTime.FindStringSubmatch(line); m != nil {
		year, day := "20"+m[1], m[3]
		if len(m[3]) == 4 { // day first
			year, day = m[3], m[1]
		}
		return c.local(year+"-"+m[2]+"-"+day+"T"+m[4], ""), len(m[0])
	}
	if m := plainTime.FindStringSubmatch(line); m != nil {
		if t = c.local(m[1]+"-"+m[2]+"-"+m[3]+"T"+m[4]+":"+m[5]+":"+m[6], m[7]); t > 0 {
			return t, len(m[0])
		}
	}
	if m := monthTime.FindStringSubmatch(line); m != nil {
		if d, err := time.Parse("02 Jan 2006 15:04:05", m[1]); err == nil {
			return c.local(d.Format("2006-01-02T15:04:05"), ""), len(m[0])
		}
	}
	if m := epochTime.FindStringSubmatch(line); m != nil {
		t, _ = strconv.ParseInt(m[1], 10, 64)
		return t, len(m[0])
	}
	return 0, 0
}

// local reads a time with its zone, or in the host's own less what the clock
// of the log is ahead of it. Where the host's is not known it is read as UTC:
// times of one log still compare with each other.
func (c hostClock) local(stamp, zone string) int64 {
	switch {
	case zone == "UTC" || zone == "GMT":
		zone = "Z"
	case zone == "" && c.now.IsZero():
		zone = "Z"
	case zone == "":
		if t := c.iso(stamp, zone); t > 0 {
			return t - c.ahead
		}
		return 0
	}
	return c.iso(stamp, zone)
}

// skew tells how many seconds the clock of a log without zones is ahead of the
// host's: last is when the file was written last, and the time of its last
// line. A JVM may have a zone of its own (TZ, -Duser.timezone), and the host
// another one since (daylight saving). All zones but three
// differ by half hours.
func (c hostClock) skew(last string) int64 {
	written, stamp, _ := strings.Cut(last, " ")
	modified, err := strconv.ParseInt(written, 10, 64)
	t, n := c.stamp(stamp + " ")
	if err != nil || n == 0 || t == 0 || c.now.IsZero() || epochTime.MatchString(stamp+" ") {
		return 0
	}
	const step, longest = 1800, 14 * 3600
	diff := t - modified
	zone := (diff+15*longest+step/2)/step*step - 15*longest
	if zone < -longest || zone > longest || diff-zone > 90 || zone-diff > 90 {
		return 0
	}
	return zone
}

// today reads a time without a date: the newest such time that is not after
// the host's clock.
func (c hostClock) today(stamp string) int64 {
	now := c.now
	if now.IsZero() {
		return 0
	}
	t, err := time.ParseInLocation("2006-01-02 15:04:05", now.Format("2006-01-02 ")+stamp, now.Location())
	if err != nil {
		return 0
	}
	if t.After(now.Add(time.Minute)) {
		t = t.AddDate(0, 0, -1)
	}
	return t.Unix() - c.ahead
}

var (
	exceptionHead = regexp.MustCompile(`^(Caused by: |Wrapped by: |Suppressed: )?((?:[A-Za-z_$][\w$]*\.)*[A-Za-z_$][\w$]*)(?:: ?(.*))?$`)
	nestedClass   = regexp.MustCompile(`^((?:[a-z_][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error|Throwable)): (.*)$`)
	inlineCause   = regexp.MustCompile(`(?:with failure cause|failure cause|Cause|cause|due to): ((?:[a-z_][\w$]*\.)+[A-Z][\w$]*)(?:: (.*))?$`)
	stackFrame    = regexp.MustCompile(`^\s*at (?:[\w.$-]*@?[\w.$-]*/+)*([\w.$<>/]+)\(`)
)

// findStackFrame is stackFrame, but that most lines cost nothing.
func findStackFrame(line string) []string {
	if !strings.HasPrefix(strings.TrimLeft(line, whitespace), "at ") {
		return nil
	}
	return stackFrame.FindStringSubmatch(line)
}

// findInlineCause is inlineCause, but that a message without its words costs
// nothing.
func findInlineCause(message string) []string {
	if !strings.Contains(message, "ause: ") && !strings.Contains(message, "due to: ") {
		return nil
	}
	return inlineCause.FindStringSubmatch(message)
}

// parseException reads the first line of an exception. A line of a .out file
// that happens to hold a word and a colon is none.
func parseException(line string) (c LogCause, relation string, ok bool) {
	line = strings.TrimSpace(line)
	m := exceptionHead.FindStringSubmatch(line)
	if m == nil {
		return c, "", false
	}
	class := m[2]
	name := class[strings.LastIndexByte(class, '.')+1:]
	known := strings.HasSuffix(name, "Exception") || strings.HasSuffix(name, "Error") || strings.HasSuffix(name, "Throwable") || strings.Contains(name, "Closed")
	if m[1] == "" && !known || !known && !strings.Contains(class, ".") {
		return c, "", false
	}
	c = LogCause{Class: class, Message: strings.TrimSpace(m[3])}
	c.unwrap()
	return c, m[1], true
}

// unwrap takes the real class out of Flink's SerializedThrowable, which keeps
// that of an exception from elsewhere in its message, or drops it.
func (c *LogCause) unwrap() {
	for strings.HasSuffix(c.Class, "SerializedThrowable") {
		m := nestedClass.FindStringSubmatch(c.Message)
		if m == nil {
			return
		}
		c.Class, c.Message = m[1], m[2]
	}
}

// text is the exception as Java prints it.
func (c LogCause) text() string {
	if c.Class == "" {
		return c.Message
	}
	if c.Message == "" {
		return c.Class
	}
	return c.Class + ": " + c.Message
}
