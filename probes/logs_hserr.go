package probes

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	hsErrPID   = regexp.MustCompile(`hs_err_pid(\d+)`)
	hsErrLimit = regexp.MustCompile(`\b(NOFILE|AS|NPROC|DATA) (\d+k?|infinity)/`)
	hsErrTime  = regexp.MustCompile(`^Time: [A-Z][a-z]{2} ([A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d \d{4}) (\S+)`)
	hsErrMem   = regexp.MustCompile(`^(MemAvailable|CommitLimit|Committed_AS): +(\d+) kB`)
	hsErrMaps  = regexp.MustCompile(`/max_map_count.*: *(\d*)$`)
)

// parseHsErr reads what the script took from an hs_err file.
func parseHsErr(path string, lines []string, maps Value[int64], clock hostClock) HsErr {
	h := HsErr{Path: path, Maps: maps.Or(-1), Limits: map[string]Limit{}}
	const none = "the hs_err file does not say"
	h.MaxMapCount, h.Available = Unknown[int64](none), Unknown[int64](none)
	h.CommitLimit, h.Committed = Unknown[int64](none), Unknown[int64](none)
	if m := hsErrPID.FindStringSubmatch(path); m != nil {
		h.PID = atoi(m[1])
	}
	nextIsMaps := false
	for _, line := range lines {
		if nextIsMaps {
			nextIsMaps = false
			if n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64); err == nil {
				h.MaxMapCount = Known(n)
				continue
			}
		}
		h.take(line, clock)
		if m := hsErrMaps.FindStringSubmatch(line); m != nil {
			if n, err := strconv.ParseInt(m[1], 10, 64); err == nil {
				h.MaxMapCount = Known(n)
			} else {
				nextIsMaps = true
			}
		}
	}
	return h
}

func (h *HsErr) take(line string, clock hostClock) {
	if rest, ok := strings.CutPrefix(line, "log_file "); ok {
		h.LogFile = rest
	}
	if rest, ok := strings.CutPrefix(line, "java_command: "); ok {
		h.Command, _, _ = strings.Cut(rest, " ")
	}
	if text := strings.TrimLeft(line, "# "); h.Error == "" && strings.HasPrefix(line, "#") && !strings.HasPrefix(text, "There is insufficient") {
		h.Error = text
	}
	if strings.HasPrefix(line, "# C ") || strings.HasPrefix(line, "# V ") {
		h.Frame = strings.Join(strings.Fields(line[2:]), " ")
	}
	if strings.HasPrefix(line, "rlimit") {
		for _, m := range hsErrLimit.FindAllStringSubmatch(line, -1) {
			h.Limits[m[1]] = hsErrSize(m[2])
		}
	}
	if m := hsErrMem.FindStringSubmatch(line); m != nil {
		n := Known(int64(atoi(m[2])) << 10)
		switch m[1] {
		case "MemAvailable":
			h.Available = n
		case "CommitLimit":
			h.CommitLimit = n
		case "Committed_AS":
			h.Committed = n
		}
	}
	if m := hsErrTime.FindStringSubmatch(line); m != nil {
		loc := time.UTC
		if m[2] != "UTC" && !clock.now.IsZero() {
			loc = clock.now.Location()
		}
		if t, err := time.ParseInLocation("Jan _2 15:04:05 2006", strings.Join(strings.Fields(m[1]), " "), loc); err == nil {
			h.Time = t.Unix()
		}
	}
}

// hsErrSize reads a limit as an hs_err file prints it: 1706468k, infinity.
func hsErrSize(s string) Limit {
	if s == "infinity" {
		return Unlimited
	}
	shift := 0
	if strings.HasSuffix(s, "k") {
		shift, s = 10, s[:len(s)-1]
	}
	return Limit(int64(atoi(s)) << shift)
}

// taskManager reports whether the process was a TaskManager.
func (h HsErr) taskManager() bool {
	return strings.Contains(h.Command, "TaskManager") || strings.Contains(h.Command, "TaskExecutor")
}

// crashed reports whether a fault in native code ended the process, and no
// allocation that was refused.
func (h HsErr) crashed() bool {
	return strings.HasPrefix(h.Error, "SIG") || strings.HasPrefix(h.Error, "Internal Error") && !strings.Contains(h.Error, "emory")
}
