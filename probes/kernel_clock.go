package probes

import (
	"regexp"
	"strings"
	"time"
)

// hostClock relates the times of a host's logs to the epoch.
type hostClock struct {
	boot int64     // btime of /proc/stat, 0 if not known
	now  time.Time // the host's clock with its zone, zero if not known

	// ahead is how many seconds the clock of the log being read, which has no
	// zones, is ahead of the host's.
	ahead int64
}

var (
	isoStamp = regexp.MustCompile(`^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,]\d+)?(Z|[+-]\d\d:?\d\d)? \S+ ([^ :\[]+)(?:\[\d+\])?: ?`)
	oldStamp = regexp.MustCompile(`^([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) \S+ ([^ :\[]+)(?:\[\d+\])?: ?`)
)

// split takes a line of a log apart: when it was written (0 if it cannot be
// told), its text, and whether it is the first record of this boot. The text
// is "" for a line of a program that neither is the kernel nor tells of kills:
// whoever may write to syslog could forge it.
func (c hostClock) split(line string) (t int64, text string, boot bool) {
	if seconds, text, ok := cutKernelStamp(line); ok {
		if c.boot > 0 {
			t = c.boot + int64(atoi(seconds))
		}
		return t, text, strings.HasPrefix(text, "Linux version ")
	}
	tag := ""
	if m := isoStamp.FindStringSubmatch(line); m != nil {
		t, tag, text = c.iso(m[1], m[2]), m[3], line[len(m[0]):]
	} else if m := oldStamp.FindStringSubmatch(line); m != nil {
		t, tag, text = c.yearless(m[1]), m[2], line[len(m[0]):]
	}
	switch tag {
	case "kernel":
		if _, rest, ok := cutKernelStamp(text); ok {
			text = rest
		}
		return t, text, strings.HasPrefix(text, "Linux version ")
	case "systemd", "systemd-oomd", "earlyoom":
		if strings.HasPrefix(text, "Killed process") || strings.HasPrefix(text, "oom-kill:") {
			return t, "", false
		}
		return t, text, false
	}
	return t, "", false
}

// cutKernelStamp takes off a record what the kernel begins it with: a level, the
// seconds since the boot, the thread or processor.
//
//	^(?:<\d+>)?\[ *(\d+)\.\d+\] ?(?:\[ *[TC]\d+\] ?)?
func cutKernelStamp(line string) (seconds, text string, ok bool) {
	if level, rest, found := strings.Cut(line, ">"); found && strings.HasPrefix(level, "<") && isNumber(level[1:]) {
		line = rest
	}
	stamp, text, ok := cutBracketed(line)
	seconds, fraction, _ := strings.Cut(stamp, ".")
	if !ok || !isNumber(seconds) || !isNumber(fraction) {
		return "", "", false
	}
	if who, rest, ok := cutBracketed(text); ok && who != "" && (who[0] == 'T' || who[0] == 'C') && isNumber(who[1:]) {
		text = rest
	}
	return seconds, text, true
}

// cutBracketed takes [ TEXT] and a blank off the begin of a line.
func cutBracketed(line string) (text, rest string, ok bool) {
	rest, ok = cutBrackets(line)
	if !ok {
		return "", line, false
	}
	text = strings.TrimLeft(line[1:len(line)-len(rest)-1], " ")
	return text, strings.TrimPrefix(rest, " "), true
}

// isNumber reports whether a text is digits and nothing else.
func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// iso reads a time with its zone, or in the host's zone where it has none.
func (c hostClock) iso(stamp, zone string) int64 {
	ahead := 0
	switch zone {
	case "":
		if c.now.IsZero() {
			return 0
		}
		_, ahead = c.now.Zone()
		zone = "Z"
	case "Z":
	default:
		zone = strings.Replace(zone, ":", "", 1)
		zone = zone[:3] + ":" + zone[3:]
	}
	t, err := time.Parse(time.RFC3339, stamp+zone)
	if err != nil {
		return 0
	}
	return t.Unix() - int64(ahead)
}

// yearless reads syslog's old stamp, in the host's zone: the newest such time
// that is not after the host's clock (a day is allowed for a wrong zone).
func (c hostClock) yearless(stamp string) int64 {
	if c.now.IsZero() {
		return 0
	}
	at, err := time.Parse("2006 Jan _2 15:04:05", "2000 "+stamp) // a leap year
	if err != nil {
		return 0
	}
	for year := c.now.Year() + 1; year >= c.now.Year()-1; year-- {
		t := time.Date(year, at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), 0, c.now.Location())
		if t.Day() == at.Day() && !t.After(c.now.Add(24*time.Hour)) {
			return t.Unix()
		}
	}
	return 0
}

// parseClock reads what the host section asked, `date "+%Y-%m-%d %H:%M:%S %z"`,
// and btime.
func parseClock(date Value[string], btime Value[int64]) hostClock {
	c := hostClock{boot: btime.Or(0)}
	if d, ok := date.Get(); ok {
		c.now, _ = time.Parse("2006-01-02 15:04:05 -0700", strings.TrimSpace(d))
	}
	return c
}
