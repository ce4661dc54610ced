package probes

import (
	"slices"
	"strings"
)

// Setting is the limit that a probe judges on three horizons: its name and
// where the value of each horizon is read. tmdoctor why takes the name.
type Setting struct {
	Name string // as its own file spells it: "vm.max_map_count", "nofile"
	// Unit is what its values count: "maps", "files", "bytes", "threads".
	Unit                string
	Running, Live, Boot string

	// limit says how the setting is judged, if it is a limit of limits.conf.
	limit func(Input) limitSpec
}

// HorizonValue is what a setting is worth on one horizon, and where that was
// read. It is a value, or Unknown says why there is none.
type HorizonValue struct {
	// Value is a number, "unlimited", or "SOFT:HARD" where the two differ; ""
	// where it is not known.
	Value string `json:"value"`
	// Source is where it comes from: FILE:LINE, a path in /proc, a command, or
	// words such as "kernel default".
	Source string `json:"source"`
	// Unknown says why there is no value; "" where there is one.
	Unknown string `json:"unknown,omitempty"`
}

// Standing is one setting side by side on the three horizons, for one
// TaskManager, one user or one unit of a host.
type Standing struct {
	Setting string `json:"setting"`
	// Subject is what it is about: "pid 4711", "user flink", a unit.
	Subject string `json:"subject"`
	// Start is what starts the TaskManager that Subject names: "user flink", a
	// unit. It stays the same when the process is another; "" where one value
	// holds for all.
	Start string `json:"start,omitempty"`
	// Used is how much of the running value is in use, -1 where that is not
	// known or nothing runs.
	Used    int64        `json:"used"`
	Running HorizonValue `json:"running"`
	Live    HorizonValue `json:"live"`
	Boot    HorizonValue `json:"boot"`
}

// Horizons are the horizons in the order in which they are shown.
var Horizons = []Horizon{Running, Live, Boot}

// At is the audit as if only one horizon had been asked for: "will this fleet
// come up healthy" is At(Boot). What is no limit has one truth, the present: it
// is judged at Running and at Live, and skipped at Boot. A limit that is not
// known at the horizon makes the check unknown.
func (a Audit) At(h Horizon) Audit {
	if h == "" {
		return a
	}
	a.Findings = slices.DeleteFunc(slices.Concat(a.Findings, a.implied), func(f Finding) bool { return !f.of(h) })
	a.implied = nil
	a.Checks = slices.Clone(a.Checks)
	for i := range a.Checks {
		a.Checks[i].at(h, a.Findings)
	}
	if h == Boot {
		a.Causes = []Cause{}
	}
	a.settle()
	return a
}

// of reports whether a finding is about a horizon. A cause is about the
// present, whatever its limit.
func (f *Finding) of(h Horizon) bool {
	probe := ByName(f.Probe)
	if strings.HasPrefix(f.Code, causePrefix) || probe == nil || probe.Setting == nil {
		return h != Boot
	}
	return f.Horizon == h
}

// setAsideImplied takes out what is found about the next boot and found, with
// the same code and subject, about now as well.
func (a *Audit) setAsideImplied() {
	known := map[[2]string]bool{}
	for _, f := range a.Findings {
		if f.Horizon != Boot {
			known[[2]string{f.Code, f.Subject}] = true
		}
	}
	kept := a.Findings[:0:0]
	for _, f := range a.Findings {
		if f.Horizon == Boot && known[[2]string{f.Code, f.Subject}] {
			a.implied = append(a.implied, f)
		} else {
			kept = append(kept, f)
		}
	}
	a.Findings = append([]Finding{}, kept...)
}

// at narrows a check to a horizon and derives its status anew.
func (c *Check) at(h Horizon, findings []Finding) {
	probe := ByName(c.Probe)
	limit := probe != nil && probe.Setting != nil
	switch {
	case c.Status == Skipped || !limit && h != Boot:
		return
	case !limit:
		c.Status, c.Reason, c.NotSeen = Skipped, "no limit: a reboot does not change what it is", []NotSeen{}
		return
	case h == Boot:
		c.Reason, c.NotSeen, c.Observed = "", []NotSeen{}, c.bootCell()
	}
	var unknown []string
	if c.Reason != "" {
		unknown = append(unknown, c.Reason)
	}
	for i := range c.Horizons {
		s := &c.Horizons[i]
		if why := s.At(h).Unknown; why != "" && why != noneRuns {
			unknown = append(unknown, strings.TrimSuffix(s.Setting+" ("+s.Subject+")", " ()")+": "+why)
		}
	}
	if len(c.Horizons) == 0 {
		unknown = append(unknown, "nothing on the host says what a TaskManager would get")
	}
	c.Status, c.Reason = OK, strings.Join(unknown, "; ")
	if len(unknown) > 0 {
		c.Status = StatusUnknown
	}
	for i := range findings {
		if f := &findings[i]; f.Probe == c.Probe && f.Waived == nil && !strings.HasPrefix(f.Code, causePrefix) {
			c.Status = Worst(c.Status, f.Status)
		}
	}
}

// At is the value of one horizon.
func (s *Standing) At(h Horizon) HorizonValue {
	switch h {
	case Running:
		return s.Running
	case Boot:
		return s.Boot
	}
	return s.Live
}

// bootCell is the lowest value after the next boot, "?" where one is unknown.
func (c *Check) bootCell() string {
	lowest, cell := Unlimited, "?"
	for _, s := range c.Horizons {
		if s.Boot.Unknown != "" {
			return "?"
		}
		text := s.Boot.Value
		if _, hard, ok := strings.Cut(text, ":"); ok {
			text = hard
		}
		if l, err := ParseLimit(text); err == nil && (cell == "?" || l < lowest) {
			lowest, cell = l, l.String()
		}
	}
	return cell
}

// afterReboot ends the name of a value of the next boot.
const afterReboot = " after a reboot"

// bootNotSeen names values of the next boot that are not known, each reason
// once: they leave the verdict about now.
func bootNotSeen(standings []Standing) (all []NotSeen) {
	for _, s := range standings {
		n := NotSeen{Fact: s.Setting + afterReboot, Why: s.Boot.Unknown}
		if n.Why != "" && !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all
}
