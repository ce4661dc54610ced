package probes

import (
	"encoding/json"
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
	lineTime  = regexp.MustCompile(`^\[?(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:[.,]\d+)? ?(Z|[+-]\d\d:?\d\d)?\]?`)
	clockTime = regexp.MustCompile(`^\[?(\d\d:\d\d:\d\d)[.,]\d+\]?`)
	oldTime   = regexp.MustCompile(`^\[?(\d\d)[/.-](\d\d)[/.-](\d\d|\d{4}) (\d\d:\d\d:\d\d)`)
	lineLevel = regexp.MustCompile(`(?:^|[ \[|])(TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL)(?:[ \]|:]|$)`)
	lineRest  = regexp.MustCompile(`^[\] |:]*(?:\[[^\]]*\] +)?([A-Za-z_][\w.$-]*)?\s*(?:\[[^\]]*\]\s*)?(?: - |- |: )?(.*)$`)

	jsonTime  = regexp.MustCompile(`"(?:@timestamp|timestamp|time|date)"\s*:\s*"([^"]+)"`)
	jsonEpoch = regexp.MustCompile(`"(?:epochSecond|timeMillis|timestamp|ts)"\s*:\s*(\d{10,13})`)
	jsonField = map[string]*regexp.Regexp{
		"level":   regexp.MustCompile(`"(?:log\.level|level|severity)"\s*:\s*"([A-Za-z]+)"`),
		"logger":  regexp.MustCompile(`"(?:log\.logger|loggerName|logger_name|logger)"\s*:\s*"([^"]+)"`),
		"message": regexp.MustCompile(`"message"\s*:\s*"((?:[^"\\]|\\.)*)`),
		"stack":   regexp.MustCompile(`"(?:error\.stack_trace|stack_trace|stacktrace|stackTrace|extendedStackTrace|exception|throwable)"\s*:\s*"((?:[^"\\]|\\.)*)`),
	}
)

// parseLine reads the head of an entry in log4j's and logback's usual
// patterns, or in a JSON layout; stack is the first line of an exception that
// a JSON layout keeps in the same line.
func (c hostClock) parseLine(line string) (l logLine, stack string) {
	if strings.HasPrefix(line, "{") {
		return c.parseJSON(line)
	}
	rest := line
	switch m := lineTime.FindStringSubmatch(line); {
	case m != nil:
		l.time, rest = c.local(m[1]+"T"+m[2], m[3]), line[len(m[0]):]
	default:
		if m := clockTime.FindStringSubmatch(line); m != nil {
			l.time, rest = c.today(m[1]), line[len(m[0]):]
		} else if m := oldTime.FindStringSubmatch(line); m != nil {
			year := m[1]
			day := m[3]
			if len(m[3]) == 4 { // day first
				year, day = m[3], m[1]
			} else {
				year = "20" + year
			}
			l.time, rest = c.local(year+"-"+m[2]+"-"+day+"T"+m[4], ""), line[len(m[0]):]
		} else {
			return logLine{message: line}, ""
		}
	}
	l.head = true
	at := lineLevel.FindStringSubmatchIndex(rest[:min(len(rest), 200)])
	if at == nil {
		l.message = strings.TrimSpace(rest)
		return l, ""
	}
	l.level = rest[at[2]:at[3]]
	if m := lineRest.FindStringSubmatch(rest[at[3]:]); m != nil {
		l.logger, l.message = m[1], strings.TrimSpace(strings.TrimPrefix(m[2], "- "))
	}
	return l, ""
}

func (c hostClock) parseJSON(line string) (l logLine, stack string) {
	l.head = true
	if m := jsonTime.FindStringSubmatch(line); m != nil {
		if t := lineTime.FindStringSubmatch(m[1]); t != nil {
			l.time = c.local(t[1]+"T"+t[2], t[3])
		}
	} else if m := jsonEpoch.FindStringSubmatch(line); m != nil {
		l.time, _ = strconv.ParseInt(m[1][:10], 10, 64)
	}
	get := func(field string) string {
		m := jsonField[field].FindStringSubmatch(line)
		if m == nil {
			return ""
		}
		var s string
		if json.Unmarshal([]byte(`"`+m[1]+`"`), &s) != nil {
			return m[1]
		}
		return s
	}
	l.level, l.logger, l.message = strings.ToUpper(get("level")), get("logger"), get("message")
	return l, get("stack")
}

// local reads a time with its zone, or in the host's own, and where that is
// not known as UTC: times of one log still compare with each other.
func (c hostClock) local(stamp, zone string) int64 {
	if zone == "" && c.now.IsZero() {
		zone = "Z"
	}
	return c.iso(stamp, zone)
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
	return t.Unix()
}

var (
	exceptionHead = regexp.MustCompile(`^(Caused by: |Suppressed: )?((?:[A-Za-z_$][\w$]*\.)*[A-Za-z_$][\w$]*)(?:: ?(.*))?$`)
	nestedClass   = regexp.MustCompile(`^((?:[a-z_][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error|Throwable)): (.*)$`)
	inlineCause   = regexp.MustCompile(`(?:with failure cause|failure cause|Cause|cause|due to): ((?:[a-z_][\w$]*\.)+[A-Z][\w$]*)(?:: (.*))?$`)
	stackFrame    = regexp.MustCompile(`^\s*at (?:[\w.$-]*@?[\w.$-]*/+)*([\w.$<>/]+)\(`)
)

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
