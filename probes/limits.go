package probes

import (
	"fmt"
	"path"
	"strconv"
	"strings"
)

// UnitLimits are what systemd gives to the next start of a unit.
type UnitLimits struct {
	// Limits are by item of limits.conf ("nofile", "as", "nproc"), in the units
	// of /proc/PID/limits.
	Limits     map[string]LimitPair `json:"limits"`
	TasksMax   Limit                `json:"tasks_max"`
	MemoryMax  Value[Limit]         `json:"memory_max"`  // bytes; systemd before 231 does not tell
	NeedReload bool                 `json:"need_reload"` // systemctl daemon-reload is due
	Fragment   string               `json:"fragment"`    // the unit file
	DropIns    []string             `json:"drop_ins"`
	// State is UnitFileState: "enabled" means that a boot starts it.
	State string `json:"state"`
	// Result is how its last run ended, as systemd says: "success", "oom-kill",
	// "signal", "exit-code"; "" where it does not. ExitStatus is the status or
	// the signal of its main process.
	Result     string `json:"result,omitempty"`
	ExitStatus string `json:"exit_status,omitempty"`
}

// userKey names the user of a TaskManager in maps by user: its name, or its
// number where the host has no name for it.
func userKey(tm TaskManager) string {
	if name, ok := tm.User.Get(); ok && name != "" {
		return name
	}
	if uid, ok := tm.UID.Get(); ok {
		return strconv.FormatInt(uid, 10)
	}
	return "?"
}

// parseSessions reads what a new session of each TaskManager's user gets of
// the limit that a probe is about, or of the user that a TaskManager would run
// as. The records are PROBE.session (the session of this audit), PROBE.PID.session
// and PROBE.flink_session (sessions by sudo), each "UID SOFT HARD": a session
// that is not the user's own says nothing about it.
func parseSessions(r Records, f *Facts, probe string) map[string]Value[LimitPair] {
	sessions := map[string]Value[LimitPair]{}
	for _, tm := range f.Flink.TaskManagers {
		key := userKey(tm)
		uid, ok := tm.UID.Get()
		if sessions[key].IsKnown() {
			continue
		}
		if !ok {
			sessions[key] = Unknown[LimitPair](tm.UID.Why())
			continue
		}
		sessions[key] = parseUserSession(r, probe+".session", key, uid)
		if !sessions[key].IsKnown() {
			sessions[key] = parseUserSession(r, fmt.Sprintf("%s.%d.session", probe, tm.PID), key, uid)
		}
		if other := parseUserSession(r, probe+".flink_session", key, uid); !sessions[key].IsKnown() && other.IsKnown() {
			sessions[key] = other
		}
	}
	user, ok := f.Session.FlinkUser.Get()
	if len(sessions) > 0 || !ok || user == "" {
		return sessions
	}
	if me, known := f.Session.UID.Get(); known && user == f.Session.User.Or("") {
		sessions[user] = parseUserSession(r, probe+".session", user, me)
	} else {
		sessions[user] = parseUserSession(r, probe+".flink_session", user, -1)
	}
	return sessions
}

// parseUserSession reads one record "UID SOFT HARD" of the given uid; -1 is any.
func parseUserSession(r Records, name, user string, uid int64) Value[LimitPair] {
	line, ok := r.String(name).Get()
	p := strings.Fields(line)
	if ok && len(p) == 3 && (uid < 0 || p[0] == strconv.FormatInt(uid, 10)) {
		if pair, ok := parsePair(p[1], p[2]); ok {
			return Known(pair)
		}
		return Unknown[LimitPair]("not understood: " + strconv.Quote(clip(line, 40)))
	}
	for prefix := name; prefix != ""; prefix = parentOf(prefix) {
		if why := r.unknown[prefix]; why != "" {
			return Unknown[LimitPair](why)
		}
	}
	return Unknown[LimitPair]("only a session of " + user + " tells: log in as that user, or run with --sudo")
}

// linesOf is a list of FILE:LINE:TEXT as grep prints it, with the host's own
// paths where a directory stood for the host.
func linesOf(r Records, f *Facts, name string) Value[[]string] {
	lines, ok := r.List(name).Get()
	if !ok {
		return Unknown[[]string](r.why(name))
	}
	root := f.Session.Root.Or("")
	own := make([]string, 0, len(lines))
	for _, line := range lines {
		own = append(own, strings.TrimPrefix(line, root))
	}
	return Known(own)
}

func parsePair(soft, hard string) (LimitPair, bool) {
	s, err1 := ParseLimit(soft)
	h, err2 := ParseLimit(hard)
	return LimitPair{Soft: s, Hard: h}, err1 == nil && err2 == nil
}

// parseUnits reads the output of systemctl show: KEY=VALUE lines, one unit
// after another with an empty line between; asked are the names, in order.
func parseUnits(asked, lines []string) map[string]Value[UnitLimits] {
	units := map[string]Value[UnitLimits]{}
	blocks := []map[string]string{{}}
	for _, line := range lines {
		key, value, ok := strings.Cut(line, "=")
		if ok {
			blocks[len(blocks)-1][key] = value
		} else if len(blocks[len(blocks)-1]) > 0 {
			blocks = append(blocks, map[string]string{})
		}
	}
	for i, name := range asked {
		units[name] = Unknown[UnitLimits]("systemctl show does not tell")
		for j, b := range blocks {
			if len(b) > 0 && (b["Id"] == name || b["Id"] == "" && i == j) {
				units[name] = Known(unitOf(b))
			}
		}
	}
	return units
}

// unitItems are the limits of a unit by item of limits.conf.
var unitItems = map[string]string{"nofile": "LimitNOFILE", "as": "LimitAS", "nproc": "LimitNPROC"}

func unitOf(b map[string]string) UnitLimits {
	u := UnitLimits{
		Limits: map[string]LimitPair{}, TasksMax: Unlimited, DropIns: strings.Fields(b["DropInPaths"]),
		NeedReload: b["NeedDaemonReload"] == "yes", Fragment: b["FragmentPath"], State: b["UnitFileState"],
		Result: b["Result"], ExitStatus: b["ExecMainStatus"],
	}
	for item, key := range unitItems {
		hard, ok := unitLimit(b[key])
		if !ok {
			continue
		}
		pair := LimitPair{Soft: hard, Hard: hard}
		if soft, ok := unitLimit(b[key+"Soft"]); ok {
			pair.Soft = soft
		}
		u.Limits[item] = pair
	}
	if tasks, ok := unitLimit(b["TasksMax"]); ok {
		u.TasksMax = tasks
	}
	u.MemoryMax = Unknown[Limit]("systemctl show does not tell MemoryMax")
	if memory, ok := unitLimit(b["MemoryMax"]); ok {
		u.MemoryMax = Known(memory)
	}
	return u
}

// unitLimit reads a limit as systemd prints it; version 219 prints infinity as
// the greatest 64-bit number.
func unitLimit(s string) (Limit, bool) {
	if s == "infinity" || s == "18446744073709551615" {
		return Unlimited, true
	}
	l, err := ParseLimit(s)
	return l, err == nil && s != "unlimited"
}

// limitsLine is one line of limits.conf or limits.d that has four fields.
type limitsLine struct {
	At                        string // FILE:LINE
	Domain, Type, Item, Value string
	Text                      string
}

// limitsLines are the lines of the limits files that pam_limits reads, in
// order; which of them win is not decided here. limits.conf(5): a # begins a
// comment anywhere, fields are separated by blanks, all but the domain are
// read in lower case.
func limitsLines(f *Facts) []limitsLine {
	var lines []limitsLine
	for _, file := range f.Files {
		if !isLimitsFile(file.Path) {
			continue
		}
		for i, text := range strings.Split(file.Content, "\n") {
			body, _, _ := strings.Cut(text, "#")
			p := strings.Fields(body)
			if len(p) < 4 {
				continue
			}
			lines = append(lines, limitsLine{
				At: file.Path + ":" + strconv.Itoa(i+1), Domain: p[0], Type: strings.ToLower(p[1]),
				Item: strings.ToLower(p[2]), Value: strings.ToLower(p[3]), Text: strings.TrimSpace(text),
			})
		}
	}
	return lines
}

// isLimitsFile reports whether pam_limits reads the file of that path.
func isLimitsFile(p string) bool {
	dir, base := path.Split(p)
	if p == "/etc/security/limits.conf" {
		return true
	}
	return dir == "/etc/security/limits.d/" && strings.HasSuffix(base, ".conf") && !strings.HasPrefix(base, ".")
}

// appliesTo reports whether a line's domain surely covers the user; groups and
// ranges of ids are left out, because the files do not say who is in them.
func (l limitsLine) appliesTo(user string) bool {
	return l.Domain == user || l.Domain == "*" && user != "root"
}

// number is the value as strtoul reads it: the digits in front. ok is false
// for words like unlimited.
func (l limitsLine) number() (n int64, ok bool) {
	digits := l.Value
	if i := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		digits = digits[:i]
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil
}
