package probes

import (
	_ "embed"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// JobManager is the probe of the way from a TaskManager to its JobManager.
var JobManager = Probe{
	Name: "jobmanager",
	Doc: `the JobManager as each TaskManager reaches it

A TaskManager that cannot register with the ResourceManager tries again and again and ends itself after taskmanager.registration.timeout (5 minutes). Tested is the
address that it really uses: of the newest line of its log, else of its -D arguments, else of its configuration. With high availability the port is random, so
without a log line nothing is tested: 6123 would be a guess. A connection that is made still does not prove registration: host names must be spelt alike on both sides.`,
	Words:  []string{"JobManager", "ResourceManager", "jobmanager.rpc.address", "6123", "Connection refused", "Could not resolve ResourceManager address", "RegistrationTimeoutException", "network", "jobmanager.bind-host", "ping", "telnet"},
	Budget: 12,
	Script: jobManagerScript,
	Codes:  jobManagerCodes,
	Parse:  parseJobManager,
	Judge:  judgeJobManager,
}

//go:embed jobmanager.sh
var jobManagerScript string

// JobManagerFacts are where TaskManagers look for their JobManager and what
// came of trying it.
type JobManagerFacts struct {
	// Searched is known if all sources of an address were read.
	Searched Value[bool]        `json:"searched" need:"needed"`
	Targets  []JobManagerTarget `json:"targets"`
	// LocalAddresses are the host's own IPv4 addresses.
	LocalAddresses Value[[]string] `json:"local_addresses"`
}

// JobManagerTarget is one address of a JobManager.
type JobManagerTarget struct {
	// PIDs are the TaskManagers that use it; none where it is from the last
	// log or the configuration of a host without one.
	PIDs []int  `json:"pids"`
	Host string `json:"host"`
	Port int    `json:"port"`
	// Source is where the address stands: a log file, /proc/PID/cmdline, a
	// configuration file.
	Source string `json:"source"`
	// Addresses are what the host's resolver makes of Host; empty if it says
	// that there is no such name.
	Addresses Value[[]string]   `json:"addresses"`
	Connect   Value[Connection] `json:"connect" need:"needed"`
}

// The results of a Connection.
const (
	Connected    = "connected"
	Refused      = "refused"
	TimedOut     = "timed-out"
	Unreachable  = "unreachable" // no route
	Unresolvable = "unresolvable"
	ConnectFail  = "failed" // for a reason that the tool did not tell
)

// Connection is what came of a TCP connect from the host.
type Connection struct {
	Result string `json:"result"`
	Text   string `json:"text"` // what the tool said
}

// Local reports whether the target is this host itself. ok is false where
// that cannot be told.
func (f *Facts) local(t JobManagerTarget) (local, ok bool) {
	if isLoopback(t.Host) {
		return true, true
	}
	addresses, okA := t.Addresses.Get()
	own, okO := f.JobManager.LocalAddresses.Get()
	if !okA || !okO || len(addresses) == 0 {
		return false, false
	}
	return slices.ContainsFunc(addresses, func(a string) bool { return isLoopback(a) || slices.Contains(own, a) }), true
}

// otherNetwork reports whether only containers use a target: their network and
// their names may be others than the host's, from which it was tried.
func (f *Facts) otherNetwork(t JobManagerTarget) bool {
	for _, tm := range f.Flink.TaskManagers {
		if slices.Contains(t.PIDs, tm.PID) && tm.Launch.Kind != LaunchContainer {
			return false
		}
	}
	return len(t.PIDs) > 0
}

// isLoopback reports whether a host name or address is this host for whoever
// uses it.
func isLoopback(host string) bool {
	if host == "localhost" || strings.HasPrefix(host, "localhost.") || strings.HasPrefix(host, "ip6-localhost") {
		return true
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && a.IsLoopback()
}

func parseJobManager(r Records, f *Facts) {
	jm := &f.JobManager
	jm.Targets = []JobManagerTarget{}
	jm.Searched = Unknown[bool](r.why("jobmanager.searched"))
	if _, ok := r.String("jobmanager.searched").Get(); ok {
		jm.Searched = Known(true)
	}
	jm.LocalAddresses = r.List("jobmanager.local")
	if a, ok := jm.LocalAddresses.Get(); ok {
		jm.LocalAddresses = Unknown[[]string](r.why("jobmanager.local"))
		if len(a) > 0 { // the kernel's two tables name each
			a = slices.Clone(a)
			slices.Sort(a)
			jm.LocalAddresses = Known(slices.Compact(a))
		}
	}
	// PID HOST PORT SOURCE, 0 for a host without a TaskManager.
	for _, line := range r.All("jobmanager.target") {
		w := strings.SplitN(line, " ", 4)
		if len(w) != 4 {
			continue
		}
		pid, port := atoi(w[0]), atoi(w[2])
		if port < 1 || port > 65535 {
			continue
		}
		i := slices.IndexFunc(jm.Targets, func(t JobManagerTarget) bool { return t.Host == w[1] && t.Port == port })
		if i < 0 {
			i = len(jm.Targets)
			jm.Targets = append(jm.Targets, JobManagerTarget{PIDs: []int{}, Host: w[1], Port: port, Source: w[3]})
		}
		if pid > 0 {
			jm.Targets[i].PIDs = append(jm.Targets[i].PIDs, pid)
		}
	}
	for i := range jm.Targets {
		t := &jm.Targets[i]
		t.Addresses = parseAddresses(r, t.Host)
		t.Connect = parseConnect(r, t)
	}
}

// parseAddresses reads what getent printed for a name: "host NAME", lines
// that begin with an address, "status N" (2: no such name).
func parseAddresses(r Records, host string) Value[[]string] {
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return Known([]string{a.String()})
	}
	found := []string{}
	in := false
	for _, line := range r.All("jobmanager.getent") {
		key, rest, _ := strings.Cut(line, " ")
		switch {
		case key == "host":
			in = rest == host
		case key == "status" && in:
			switch {
			case rest == "0" && len(found) > 0:
				return Known(found)
			case rest == "2":
				return Known([]string{})
			}
			return Unknown[[]string]("getent ended with status " + rest)
		case in:
			if a, err := netip.ParseAddr(key); err == nil && !slices.Contains(found, a.String()) {
				found = append(found, a.String())
			}
		}
	}
	return Unknown[[]string](r.why("jobmanager.getent"))
}

// parseConnect reads "HOST:PORT RESULT TEXT"; a recorded answer may say * for
// whatever the address is.
func parseConnect(r Records, t *JobManagerTarget) Value[Connection] {
	at := t.Host + ":" + strconv.Itoa(t.Port)
	for _, line := range r.All("jobmanager.connect") {
		w := strings.SplitN(line, " ", 3)
		if len(w) < 2 || w[0] != at && w[0] != "*" {
			continue
		}
		c := Connection{Result: w[1]}
		if len(w) == 3 {
			c.Text = w[2]
		}
		switch c.Result {
		case Connected, Refused, TimedOut, Unreachable, Unresolvable, ConnectFail:
			return Known(c)
		}
		return Unknown[Connection](strings.Join(w[1:], " "))
	}
	return Unknown[Connection](r.why("jobmanager.connect"))
}
