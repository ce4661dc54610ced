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
// come up healthy" is At(Boot). A probe whose values do not differ between
// horizons is judged at Live, and skipped at Boot. A value that is not known
// at the horizon makes the check unknown.
func (a Audit) At(h Horizon) Audit {
	if h == "" {
		return a
	}
	a.Findings = slices.DeleteFunc(slices.Clone(a.Findings), func(f Finding) bool {
		return f.Horizon != h || h == Boot && strings.HasPrefix(f.Code, causePrefix)
	})
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

// at narrows a check to a horizon and derives its status anew.
func (c *Check) at(h Horizon, findings []Finding) {
	if c.Status == Skipped {
		return
	}
	if h == Boot {
		probe := ByName(c.Probe)
		if probe == nil || probe.Setting == nil {
			c.Status, c.Reason = Skipped, "no limit: a reboot does not change what it is"
			c.NotSeen = []NotSeen{}
			return
		}
		c.Reason, c.NotSeen = "", []NotSeen{}
		c.Observed = c.bootCell()
	}
	var unknown []string
	for _, s := range c.Horizons {
		v := s.at(h)
		if v.Unknown != "" {
			unknown = append(unknown, strings.TrimSpace(s.Setting+" of "+s.Subject)+": "+v.Unknown)
		}
	}
	if h == Boot && len(c.Horizons) == 0 {
		unknown = append(unknown, "nothing on the host says what a TaskManager would get")
	}
	switch {
	case h == Boot && len(unknown) > 0:
		c.Status, c.Reason = StatusUnknown, strings.Join(unknown, "; ")
	case c.Reason != "":
		c.Status = StatusUnknown
	default:
		c.Status = OK
	}
	for i := range findings {
		if f := &findings[i]; f.Probe == c.Probe && f.Waived == nil && !strings.HasPrefix(f.Code, causePrefix) {
			c.Status = Worst(c.Status, f.Status)
		}
	}
}

// at is the value of one horizon.
func (s *Standing) at(h Horizon) HorizonValue {
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
