package report

import (
	"slices"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
)

// CauseSummary is one cause over the fleet, with its strongest confidence.
type CauseSummary struct {
	Cause      string            `json:"cause"`
	Confidence probes.Confidence `json:"confidence"`
	Hosts      int               `json:"hosts"`
	Names      string            `json:"names"` // folded: tm[003-017,022]
	// Shown are the hosts on which it is proven or likely.
	Shown HostSet `json:"shown"`
	// Proven to History are the hosts by how well it is shown there, each once.
	Proven   HostSet `json:"proven"`
	Likely   HostSet `json:"likely"`
	Possible HostSet `json:"possible"`
	History  HostSet `json:"history"`
	// Fail is how many of Shown have the status fail.
	Fail int `json:"fail"`
	// Since is the oldest evidence on Shown, nil where none tells a time.
	Since *time.Time `json:"since"`
	// Remedy is what to do on RemedyHost, the host that shows it best, and
	// RemedySame is true if that is what to do on all of Shown.
	Remedy     string `json:"remedy"`
	RemedyHost string `json:"remedy_host"`
	RemedySame bool   `json:"remedy_same"`
	// Place is the one place that sets the limit on Shown, nil if there is none,
	// or no limit.
	Place *Place `json:"place"`
	// Traits are what Shown have and the Others have not, what tells them apart
	// best first.
	Traits []Trait `json:"traits"`
	Others int     `json:"others"`
	// NotCompared are traits with too many different values.
	NotCompared []string `json:"not_compared"`
}

// HostSet is some hosts of the report.
type HostSet struct {
	Hosts int    `json:"hosts"`
	Names string `json:"names"` // folded
}

// causeTally counts the hosts of one cause.
type causeTally struct {
	names [4][]string // by strength, from 1 on
	fail  int
	since *time.Time
}

// addCauses counts the causes of one host, each at its strongest.
func (t *Tally) addCauses(h *Host) {
	type shown struct {
		best  int
		since *time.Time
	}
	var own map[string]shown
	for i := range h.Causes {
		c := &h.Causes[i]
		if own == nil {
			own = map[string]shown{}
		}
		one := own[c.Cause]
		one.best = max(one.best, strength(c.Confidence))
		if holds(c.Confidence) {
			one.since = earliest(one.since, c.Since)
		}
		own[c.Cause] = one
	}
	for name, one := range own {
		of := t.causes[name]
		if of == nil {
			if t.causes == nil {
				t.causes = map[string]*causeTally{}
			}
			of = &causeTally{}
			t.causes[name] = of
		}
		at := max(one.best, 1) - 1 // no confidence at all is no more than history
		of.names[at] = append(of.names[at], h.Name)
		if one.best >= strength(probes.Likely) {
			of.since = earliest(of.since, one.since)
			if h.Status == probes.Fail {
				of.fail++
			}
		}
	}
}

func earliest(a, b *time.Time) *time.Time {
	if a == nil || b != nil && b.Before(*a) {
		return b
	}
	return a
}

// cause is the summary of one cause.
func (t *Tally) cause(name string, of *causeTally) CauseSummary {
	var all []string
	var sets [4]HostSet
	best := 0
	for i, names := range of.names {
		sets[i] = hostSet(names)
		all = append(all, names...)
		if len(names) > 0 {
			best = i
		}
	}
	r := t.why.best[name]
	s := CauseSummary{
		Cause: name, Confidence: confidences[best], Hosts: len(all), Names: inventory.Fold(all),
		Shown: hostSet(slices.Concat(of.names[2], of.names[3])), History: sets[0], Possible: sets[1], Likely: sets[2], Proven: sets[3],
		Fail: of.fail, Since: of.since, Remedy: r.cause.Remedy, RemedyHost: r.host, RemedySame: !r.remedies,
	}
	s.Traits, s.Others, s.NotCompared = t.shared.traits(name)
	s.Place = t.shared.place(name, s.Traits)
	return s
}

func hostSet(names []string) HostSet { return HostSet{len(names), inventory.Fold(names)} }

// completeCauses are causes with empty lists in place of missing ones: those of
// an older report have none.
func completeCauses(causes []CauseSummary) []CauseSummary {
	done := make([]CauseSummary, len(causes))
	for i, c := range causes {
		c.Since, c.Traits, c.NotCompared = utc(c.Since), list(c.Traits), list(c.NotCompared)
		done[i] = c
	}
	return done
}
