package probes

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var rpcAddress = regexp.MustCompile(`://flink@(\[[0-9a-fA-F:]+\]|[^:/\]]+):(\d+)`)

// jobManager: of success and failure only the newest counts, and of the runs
// only those that no newer one has replaced.
func (d *diagnosis) jobManager() {
	for i, run := range d.f.Logs.Runs {
		if run.Kind != LogTaskManager || run.Stopped > 0 || d.replaced(i) {
			continue
		}
		var last *LogEntry
		fatal, lost := false, run.Registered == 0
		for j := range d.entries {
			e := &d.entries[j]
			if e.Run != i || !e.trusted() || e.byUser() {
				continue
			}
			id := e.text()
			if id != textRegFailed && id != textRegTimeout || e.Last <= run.Registered {
				continue
			}
			if m := rpcAddress.FindStringSubmatch(e.Innermost().Message); m != nil && run.JobManager != "" && m[1]+":"+m[2] != run.JobManager {
				continue // another TaskManager
			}
			fatal = fatal || id == textRegTimeout
			// A connection that breaks and comes back is told, too.
			lost = lost || !strings.HasPrefix(e.Innermost().Message, "Association")
			if last == nil || better(*e, *last) {
				last = e
			}
		}
		if last != nil && lost {
			d.unreachable(i, *last, fatal)
		}
	}
}

// better prefers the entry that names an address and a reason.
func better(a, b LogEntry) bool {
	x, y := strings.Contains(a.Innermost().Message, "Association"), strings.Contains(b.Innermost().Message, "Association")
	if x != y {
		return x
	}
	return a.Last >= b.Last
}

// replaced reports whether a newer process registered after this one's end.
func (d *diagnosis) replaced(run int) bool {
	r := d.f.Logs.Runs[run]
	if d.taskManagerOf(run) != nil {
		return false
	}
	for i, o := range d.f.Logs.Runs {
		if o.Kind == LogTaskManager && o.Started >= r.Last && o.Registered > 0 && o.Started > r.Started && d.follows(i, run) {
			return true
		}
	}
	return false
}

func (d *diagnosis) unreachable(run int, e LogEntry, fatal bool) {
	text := e.Innermost().Message
	c := d.candidateOf(causeJobManager, e)
	c.over = ""
	target, said := "", ""
	if m := rpcAddress.FindStringSubmatch(text); m != nil {
		target = m[1] + ":" + m[2]
	}
	if i := strings.LastIndex(text, "Caused by: ["); i >= 0 {
		said = lastReason(strings.TrimRight(text[i+len("Caused by: ["):], "] "))
	}
	t := d.target(run, target)
	if t != nil {
		target = fmt.Sprintf("%s:%d", t.Host, t.Port)
		conn, ok := t.Connect.Get()
		names, resolved := t.Addresses.Get()
		switch {
		case ok && conn.Result == Connected:
			said = strings.TrimSpace(said + ", though a connection from this host succeeds now")
			if pressed := d.pressed(); len(pressed) > 0 {
				said += ", and the host stands still much of the time"
				c.Evidence = append(c.Evidence, pressed...)
			}
		case d.f.otherNetwork(*t): // what this host reaches says nothing of a container
		case ok && conn.Result != Connected, resolved && len(names) == 0:
			c.Confidence = Proven
			if said == "" {
				said = conn.Result
			}
			c.Evidence = append(c.Evidence, Evidence{Source: "connect from this host to " + target, Text: strings.TrimSpace(conn.Result + " " + conn.Text)})
		}
	}
	if target == "" {
		target = "its address"
	}
	c.Message = fmt.Sprintf("JobManager unreachable: %s%s; not registered since %s", target, orNothing(": ", strings.TrimPrefix(said, ", ")), d.clock(e.First))
	if fatal {
		c.Message += ", so the TaskManager gave up and ended"
	}
	c.Remedy = jobManagerRemedy(t, target, said)
	if t != nil && lookedForHere(d.f, *t) {
		c.Remedy = "set jobmanager.rpc.address to the host where the JobManager runs: this TaskManager looks for it on its own host, where none runs (" + t.Source + ")"
	} else if at, ok := d.boundHere(target); ok && strings.Contains(c.Remedy, "bind-host") {
		c.Remedy = fmt.Sprintf("start the JobManager at %s; if it runs, it listens on localhost only: %s says so, and where the JobManager reads the same, set it to 0.0.0.0 and restart the JobManager", target, at)
	}
	by := d.starter(run)
	if fatal || by.pid == 0 {
		c.Remedy += "; then " + by.again()
	} else {
		c.Remedy += "; a TaskManager that still runs then registers by itself, no restart is needed (a changed configuration of its own needs one: " + by.again() + ")"
	}
	d.add(c)
}

// exceptionClass is the class that a message of an exception begins with.
var exceptionClass = regexp.MustCompile(`^[\w.$]+(?:Exception|Error): `)

// lastReason is the last message of a chain that was written on one line,
// without its class: "Connection refused: jm1/10.20.0.10:6123".
func lastReason(chain string) string {
	if i := strings.LastIndex(chain, "caused by: "); i >= 0 {
		if rest := chain[i+len("caused by: "):]; strings.Contains(rest, ": ") {
			before := exceptionClass.ReplaceAllString(strings.TrimSuffix(chain[:i], ", "), "")
			last := exceptionClass.ReplaceAllString(rest, "")
			if strings.HasPrefix(before, last) { // the outer one names the address too
				return before
			}
			return last
		}
	}
	return exceptionClass.ReplaceAllString(chain, "")
}

// target is the address that a run uses, with what came of connecting to it.
func (d *diagnosis) target(run int, address string) *JobManagerTarget {
	var only *JobManagerTarget
	for i := range d.f.JobManager.Targets {
		t := &d.f.JobManager.Targets[i]
		if fmt.Sprintf("%s:%d", t.Host, t.Port) == address {
			return t
		}
		tm := d.taskManagerOf(run)
		if tm != nil && slices.Contains(t.PIDs, tm.PID) || len(d.f.JobManager.Targets) == 1 {
			only = t
		}
	}
	if address != "" && only != nil && only.Port != 0 && address != fmt.Sprintf("%s:%d", only.Host, only.Port) {
		return nil
	}
	return only
}

// boundHere is where a configuration on this host binds the JobManager to
// localhost, while TaskManagers look for it elsewhere: clusters share the file.
func (d *diagnosis) boundHere(target string) (string, bool) {
	if host, _, _ := strings.Cut(target, ":"); isLoopback(host) {
		return "", false
	}
	for _, c := range d.f.Flink.Configs {
		if s, ok := c.Settings["jobmanager.bind-host"]; ok && isLoopback(s.Value) {
			return fmt.Sprintf("jobmanager.bind-host: %s at %s:%d", s.Value, c.Path, s.Line), true
		}
	}
	return "", false
}

// unresolved are the words of Java and of the resolver for a name without an
// address (java.net.UnknownHostException, gai_strerror of glibc and musl).
var unresolved = regexp.MustCompile(`UnknownHost|not known|name resolution|No address associated|does not resolve|try again`)

func jobManagerRemedy(t *JobManagerTarget, target, said string) string {
	result := ""
	if t != nil {
		if conn, ok := t.Connect.Get(); ok {
			result = conn.Result
		}
		if names, ok := t.Addresses.Get(); ok && len(names) == 0 {
			result = Unresolvable
		}
	}
	switch {
	case result == Unresolvable || unresolved.MatchString(said):
		return "make the name of " + target + " resolve on this host (getent hosts NAME, /etc/hosts, DNS), or correct jobmanager.rpc.address"
	case result == Refused || strings.Contains(said, "refused"):
		return "start the JobManager at " + target + "; if it runs, it listens elsewhere: jobmanager.bind-host must not be localhost (ss -ltn on its host)"
	case result != "" && result != Connected || strings.Contains(said, "timed out") || strings.Contains(said, "NoRoute"):
		return "open the way from this host to " + target + ": a firewall (also of this host: nft list ruleset), a security group, a route (ip route get ADDRESS)"
	}
	return "look at the JobManager at " + target + ": TaskManagers must use exactly the name it calls itself (jobmanager.rpc.address)"
}
