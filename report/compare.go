package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
)

// Comparison accumulates what hosts of a fleet should have in common: a few
// words a host, whatever its facts weigh. The zero Comparison is ready and
// judges by the default policy.
//
// Hosts are compared within each group, since an inventory may hold several
// clusters; hosts of no group are compared with each other. What is unknown
// on a host is not compared.
type Comparison struct {
	// Policy gives the statuses of codes, nil is the default policy.
	Policy *probes.Policy
	names  []string
	seen   map[compared]*values
}

// compared is one thing that the hosts of one group should have in common.
type compared struct {
	group string // "" for hosts of no group
	trait int    // index in traits
	key   string // which of several of a trait: a setting
}

// values are the hosts of each value. Hosts are numbers: a fleet of ten
// thousand compared in thirty settings is a million of them.
type values struct {
	hosts map[string][]uint32
	lost  int // hosts whose value came when there were too many
}

// Bounds for what comes from hosts.
const (
	maxCompared = 2000 // groups times settings
	maxValues   = 50   // of one thing
	maxValue    = 60   // columns of a value
)

// Add notes one host.
func (c *Comparison) Add(h *Host) {
	id := uint32(len(c.names))
	c.names = append(c.names, h.Name)
	groups := h.Groups
	if len(groups) == 0 {
		groups = []string{""}
	}
	for i := range traits {
		traits[i].of(h, func(key, value string) {
			for _, g := range groups {
				c.put(compared{g, i, shown(key)}, shown(value), id)
			}
		})
	}
}

// shown is a text from a host, escaped and not too long.
func shown(s string) string { return cutEnd(Escape(s), maxValue, "..") }

func (c *Comparison) put(what compared, value string, id uint32) {
	of := c.seen[what]
	if of == nil {
		if len(c.seen) == maxCompared {
			return
		}
		if c.seen == nil {
			c.seen = map[compared]*values{}
		}
		of = &values{hosts: map[string][]uint32{}}
		// What a host told is part of all that it told.
		what.group, what.key = strings.Clone(what.group), strings.Clone(what.key)
		c.seen[what] = of
	}
	ids, ok := of.hosts[value]
	if !ok && len(of.hosts) == maxValues {
		of.lost++
		return
	}
	if !ok {
		value = strings.Clone(value)
	}
	if n := len(ids); n == 0 || ids[n-1] != id {
		of.hosts[value] = append(ids, id)
	}
}

// Fleet is what the comparison shows so far: a finding for each trait in
// which hosts of a group differ.
func (c *Comparison) Fleet() Fleet {
	var differ []compared
	for what, of := range c.seen {
		if len(of.hosts) > 1 {
			differ = append(differ, what)
		}
	}
	slices.SortFunc(differ, func(a, b compared) int {
		return cmp.Or(cmp.Compare(a.trait, b.trait), cmp.Compare(a.group, b.group), cmp.Compare(a.key, b.key))
	})
	f := Fleet{Findings: []probes.Finding{}}
	told := map[string]bool{}
	for len(differ) > 0 {
		first := differ[0]
		n := 1
		for n < len(differ) && differ[n].trait == first.trait && differ[n].group == first.group {
			n++
		}
		one := c.finding(differ[:n])
		differ = differ[n:]
		// A group and its parent with the same hosts say it once.
		if same := one.Code + one.Observed; !told[same] {
			told[same] = true
			f.Findings = append(f.Findings, one)
		}
	}
	return f
}

// finding is what hosts of one group differ in.
func (c *Comparison) finding(differ []compared) probes.Finding {
	t := &traits[differ[0].trait]
	probe, _, _ := strings.Cut(t.code, "/")
	f := probes.Finding{
		Code: t.code, Probe: probe, Horizon: probes.Live, Subject: differ[0].group,
		Status: c.Policy.Status(t.code, probes.Warn), Want: "the same on every host",
		Source: t.source, Remedy: t.remedy, Evidence: []probes.Evidence{},
	}
	where := ""
	if f.Subject != "" {
		where = " in group " + f.Subject
	}
	var texts []string
	for i, what := range differ {
		text := c.spread(c.seen[what])
		if what.key != "" {
			text = what.key + " is " + text
		}
		if i < maxSpread {
			texts = append(texts, text)
		}
		f.Evidence = append(f.Evidence, probes.Evidence{Source: t.source, Text: text})
	}
	if n := len(differ) - maxSpread; n > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", n))
	}
	f.Observed = strings.Join(texts, "; ")
	f.Message = t.message + where + ": " + f.Observed
	return f
}

// maxSpread is how many values, or settings, are named.
const maxSpread = 4

// spread is the values with their hosts, the most frequent first:
// "1.20.0 on tm[001-038] (38), 1.18.1 on tm007".
func (c *Comparison) spread(of *values) string {
	all := make([]string, 0, len(of.hosts))
	for v := range of.hosts {
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(of.hosts[b]), len(of.hosts[a])), cmp.Compare(a, b))
	})
	var parts []string
	for _, v := range all[:min(maxSpread, len(all))] {
		names := make([]string, 0, len(of.hosts[v]))
		for _, id := range of.hosts[v] {
			names = append(names, c.names[id])
		}
		parts = append(parts, v+" on "+cutHosts(hostsText(inventory.Fold(names), len(names)), 30, ".."))
	}
	if n := len(all) - maxSpread; n > 0 || of.lost > 0 {
		parts = append(parts, "and other values")
	}
	return strings.Join(parts, ", ")
}
