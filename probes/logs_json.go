package probes

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// jsonNames are the names of a head's parts in the layouts of log4j
// (JsonLayout, JsonTemplateLayout, ECS, GELF) and of logstash's encoder.
var jsonNames = map[string][]string{
	"time":    {"@timestamp", "timestamp", "time", "date", "ts", "timeMillis", "instant.epochSecond", "epochSecond"},
	"level":   {"log.level", "level", "severity"},
	"logger":  {"log.logger", "loggerName", "logger_name", "logger", "_logger"},
	"message": {"message", "short_message", "msg"},
	"stack": {"error.stack_trace", "stack_trace", "exception.stacktrace", "stacktrace", "stackTrace", "thrown.extendedStackTrace", "extendedStackTrace",
		"exception", "throwable", "full_message"},
}

// parseJSON reads a line in a JSON layout; below is the stack, a line each.
// What the host cut off is closed: the parts before it are read. What may be
// secret is taken out of each value: in the line quotes are escaped, and a hole in
// it would end the line there.
func (c hostClock) parseJSON(line string) (l logLine, below string) {
	values := flatJSON(line)
	for name, v := range values {
		values[name] = redact(v)
	}
	get := func(part string) string {
		for _, name := range jsonNames[part] {
			if v := values[name]; v != "" {
				return v
			}
		}
		return ""
	}
	l.head = true
	l.time = c.jsonTime(get("time"))
	l.level, l.logger = jsonLevel(get("level")), get("logger")
	l.message, below, _ = strings.Cut(get("message"), "\n")
	stack := get("stack")
	if stack == "" {
		stack = nestedStack(values)
	}
	if below != "" && stack != "" {
		below += "\n"
	}
	return l, below + stack
}

// nestedStack is the stack of log4j's JsonLayout, which nests causes, as Java
// would print it.
func nestedStack(values map[string]string) string {
	var b strings.Builder
	for at, depth := "thrown.", 0; values[at+"name"] != "" && depth < 20; at, depth = at+"cause.", depth+1 {
		if depth > 0 {
			b.WriteString("\nCaused by: ")
		}
		b.WriteString(values[at+"name"])
		if m := values[at+"message"]; m != "" {
			b.WriteString(": " + m)
		}
		if class := values[at+"extendedStackTrace.class"]; class != "" {
			b.WriteString("\n\tat " + class + "." + values[at+"extendedStackTrace.method"] + "(")
		}
	}
	return b.String()
}

// jsonTime reads text, or a number of seconds or milliseconds.
func (c hostClock) jsonTime(s string) int64 {
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		switch {
		case n >= 1e12 && n < 1e14:
			return int64(n / 1000)
		case n >= 1e9 && n < 1e11:
			return int64(n)
		}
		return 0
	}
	if date, clock, zone, n := findStamp(s); n > 0 {
		return c.local(date+"T"+clock, zone)
	}
	return 0
}

// jsonLevel is a level; GELF has syslog's numbers.
func jsonLevel(s string) string {
	switch s {
	case "0", "1", "2":
		return "FATAL"
	case "3":
		return "ERROR"
	case "4":
		return "WARN"
	case "5", "6":
		return "INFO"
	}
	return strings.ToUpper(s)
}

// flatJSON are the texts and numbers of an object by their names, joined by
// dots. Of an array of objects the first counts; texts of an array are lines.
func flatJSON(line string) map[string]string {
	values := map[string]string{}
	d := json.NewDecoder(strings.NewReader(closeJSON(line)))
	d.UseNumber()
	var names []string // of the objects and arrays that are open
	var array []bool
	name := ""
	for len(names) < 64 {
		t, err := d.Token()
		if err != nil {
			break
		}
		inArray := len(array) > 0 && array[len(array)-1]
		switch v := t.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				names, array = append(names, name), append(array, v == '[')
			} else if len(names) > 0 {
				names, array = names[:len(names)-1], array[:len(array)-1]
			}
			name = ""
			continue
		case string:
			if !inArray && name == "" {
				name = v
				continue
			}
			addJSON(values, names, name, v, inArray)
		case json.Number:
			addJSON(values, names, name, v.String(), inArray)
		}
		if !inArray {
			name = ""
		}
	}
	return values
}

func addJSON(values map[string]string, names []string, name, value string, line bool) {
	if line {
		name = ""
	}
	parts := slices.DeleteFunc(append(slices.Clone(names), name), func(s string) bool { return s == "" })
	key := strings.Join(parts, ".")
	if old, ok := values[key]; ok && line {
		value = old + "\n" + value
	} else if ok {
		return
	}
	if len(values) < 200 {
		values[key] = value
	}
}

// closeJSON ends what was cut off: a text, arrays and objects.
func closeJSON(s string) string {
	var open []byte
	inText := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case inText && c == '\\':
			if i+1 >= len(s) || s[i+1] == 'u' && i+6 > len(s) {
				s = s[:i]
			}
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{':
			open = append(open, '}')
		case c == '[':
			open = append(open, ']')
		case len(open) > 0 && c == open[len(open)-1]:
			if open = open[:len(open)-1]; len(open) == 0 {
				return s[:i+1]
			}
		}
	}
	if inText {
		s += `"`
	}
	slices.Reverse(open)
	return s + string(open)
}
