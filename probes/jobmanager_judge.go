package probes

import (
	"fmt"
	"slices"
	"strings"
)

func judgeJobManager(in Input) Judgement {
	var j Judgement
	jm := in.Facts.JobManager
	for i, t := range jm.Targets {
		c, known := t.Connect.Get()
		if i == 0 || known && c.Result != Connected {
			j.Observed = "?"
			if known {
				j.Observed = c.Result
			}
		}
		if known && c.Result != Connected && in.Facts.otherNetwork(t) {
			j.Unknown = append(j.Unknown, inContainers(in.Facts, t, c)...)
		} else if !lookedForHere(in.Facts, t) { // said by bound-to-localhost
			j.Findings = append(j.Findings, judgeTarget(in, t)...)
		}
	}
	j.Want = Connected
	reached := len(j.Findings) == 0
	for _, f := range notRegistered(in) {
		if !reached {
			f.Remedy = "mend the way to the JobManager first; a TaskManager that still runs then registers by itself"
		}
		j.Findings = append(j.Findings, f)
	}
	if f, ok := boundToLocalhost(in); ok {
		j.Findings = append(j.Findings, f)
	}
	j.Unknown = append(j.Unknown, unaddressed(in.Facts)...)
	return j
}

// inContainers says for which containers it is not known whether they reach the
// JobManager: those whose log does not say that they are registered.
func inContainers(f *Facts, t JobManagerTarget, c Connection) (unknown []string) {
	for _, tm := range f.Flink.TaskManagers {
		registered := slices.ContainsFunc(f.Logs.Runs, func(r LogRun) bool { return r.File == tm.LogFile && r.Registered > 0 })
		if slices.Contains(t.PIDs, tm.PID) && !registered {
			unknown = append(unknown, fmt.Sprintf("pid %d: it runs in a container, whose network may differ from the host's, and from the host %s:%d is %s", tm.PID, t.Host, t.Port, c.Result))
		}
	}
	return unknown
}

// unaddressed says for whom no address is known.
func unaddressed(f *Facts) []string {
	if _, ok := f.JobManager.Searched.Get(); !ok {
		return nil
	}
	why := "no log line and no configuration names the JobManager's address"
	if ha := highAvailability(f); ha != "" {
		why = "high availability is on (" + ha + ") and no readable log names the JobManager's address"
	}
	if len(f.JobManager.Targets) == 0 {
		return []string{why}
	}
	var unknown []string
	for _, tm := range f.Flink.TaskManagers {
		if !slices.ContainsFunc(f.JobManager.Targets, func(t JobManagerTarget) bool { return slices.Contains(t.PIDs, tm.PID) }) {
			unknown = append(unknown, fmt.Sprintf("pid %d: %s", tm.PID, why))
		}
	}
	return unknown
}

func judgeTarget(in Input, t JobManagerTarget) []Finding {
	at := fmt.Sprintf("%s:%d", t.Host, t.Port)
	c, known := t.Connect.Get()
	addresses, okA := t.Addresses.Get()
	local, okLocal := in.Facts.local(t)
	var f Finding
	switch {
	case known && c.Result == Connected:
		return nil
	case known && c.Result == Unresolvable || okA && len(addresses) == 0:
		f = in.Find("unresolvable", Live, "the JobManager's host name does not resolve")
		f.Observed, f.Remedy = "no address", "correct jobmanager.rpc.address, or add "+shellWord(t.Host)+" to DNS or /etc/hosts of this host (getent hosts "+shellWord(t.Host)+")"
	case !known:
		return nil
	case c.Result == TimedOut || c.Result == Unreachable || c.Result == ConnectFail:
		f = in.Find("timed-out", Live, "the JobManager's address does not answer")
		f.Observed, f.Remedy = c.Result, "look for a firewall, security group or route between this host and "+at
	default:
		f = in.Find("refused", Live, "the JobManager's address refuses connections")
		f.Observed = c.Result
		f.Remedy = "start the JobManager on " + t.Host + "; if it runs there, see on which address it listens (ss -ltn): jobmanager.bind-host is localhost in the configuration that Flink ships, set it to 0.0.0.0 and restart it"
		if okLocal && local && len(in.Facts.Flink.JobManagers) == 0 {
			f.Remedy = "no JobManager runs on this host: set jobmanager.rpc.address to the host where it runs"
		}
	}
	f.Subject, f.Want, f.Source = at, Connected, t.Source
	if c.Text != "" {
		f.Evidence = append(f.Evidence, Evidence{Source: "connect to " + at, Text: c.Text})
	}
	if len(addresses) > 0 && addresses[0] != t.Host {
		f.Evidence = append(f.Evidence, Evidence{Source: "getent ahosts " + t.Host, Text: strings.Join(addresses, " ")})
	}
	return []Finding{f}
}

// boundToLocalhost judges the configuration that Flink ships: right on a
// single host, a dead end on a cluster.
func boundToLocalhost(in Input) (Finding, bool) {
	f := in.Facts
	jobManager := len(f.Flink.JobManagers) > 0
	for _, t := range f.JobManager.Targets {
		if lookedForHere(f, t) && !f.otherNetwork(t) {
			x := in.Find("bound-to-localhost", Live, "a TaskManager looks for its JobManager on its own host, where none runs")
			x.Subject, x.Observed = fmt.Sprintf("%s:%d", t.Host, t.Port), t.Host
			x.Want, x.Source = "the host of the JobManager", t.Source
			x.Remedy = "set jobmanager.rpc.address to the host where the JobManager runs (" + t.Source + "); then " + starterOfPID(in, pidOf(t)).again()
			return x, true
		}
	}
	if !jobManager {
		return Finding{}, false
	}
	elsewhere := slices.ContainsFunc(f.JobManager.Targets, func(t JobManagerTarget) bool { return !isLoopback(t.Host) })
	for _, c := range f.Flink.Configs {
		s, ok := c.Settings["jobmanager.bind-host"]
		if !ok || !isLoopback(s.Value) || !elsewhere {
			continue
		}
		x := in.Find("bound-to-localhost", Live, "the JobManager listens on localhost only, but is looked for by its host name")
		x.Subject, x.Observed = "jobmanager.bind-host", s.Value
		x.Want, x.Source = "0.0.0.0", fmt.Sprintf("%s:%d", c.Path, s.Line)
		x.Remedy = "set jobmanager.bind-host: 0.0.0.0 in " + shellWord(c.Path) + " and restart the JobManager"
		return x, true
	}
	return Finding{}, false
}

// lookedForHere reports whether the target is localhost on a host without a
// JobManager.
func lookedForHere(f *Facts, t JobManagerTarget) bool {
	return isLoopback(t.Host) && len(f.Flink.JobManagers) == 0 && t.Connect.Or(Connection{}).Result != Connected
}

// pidOf is the first TaskManager that uses a target, 0 for none.
func pidOf(t JobManagerTarget) int {
	if len(t.PIDs) == 0 {
		return 0
	}
	return t.PIDs[0]
}

// highAvailability is the configured kind of high availability, "" for none.
func highAvailability(f *Facts) string {
	for _, key := range []string{"high-availability.type", "high-availability", "recovery.mode"} {
		for _, tm := range f.Flink.TaskManagers {
			if v := tm.Dynamic[key]; v != "" && !strings.EqualFold(v, "none") {
				return v
			}
		}
		for _, c := range f.Flink.Configs {
			if v := c.Settings[key].Value; v != "" && !strings.EqualFold(v, "none") && !strings.EqualFold(v, "standalone") {
				return v
			}
		}
	}
	return ""
}
