package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
)

// VersionDrift is the code of the finding of the fleet that TaskManagers of
// one group run different versions of Flink.
const VersionDrift = "flink/version-drift"

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
	// groups are, for each thing compared, the hosts of each value.
	groups map[string]map[string][]string // group -> version -> names
}

// Add notes one host.
func (c *Comparison) Add(h *Host) {
	groups := h.Groups
	if len(groups) == 0 {
		groups = []string{""}
	}
	for _, version := range flinkVersions(h) {
		for _, g := range groups {
			c.put(g, version, h.Name)
		}
	}
}

func (c *Comparison) put(group, version, name string) {
	if c.groups == nil {
		c.groups = map[string]map[string][]string{}
	}
	if c.groups[group] == nil {
		c.groups[group] = map[string][]string{}
	}
	c.groups[group][version] = append(c.groups[group][version], name)
}

// maxVersion bounds a version, which is text from a host.
const maxVersion = 40

// flinkVersions are the versions of Flink that run on a host, each once.
func flinkVersions(h *Host) []string {
	var out []string
	for i := range h.TaskManagers {
		if v := h.TaskManagers[i].Version; v != "" {
			out = append(out, cutEnd(Escape(v), maxVersion, ".."))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Fleet is what the comparison shows so far.
func (c *Comparison) Fleet() Fleet {
	f := Fleet{Findings: []probes.Finding{}}
	told := map[string]bool{}
	groups := make([]string, 0, len(c.groups))
	for g := range c.groups {
		groups = append(groups, g)
	}
	slices.Sort(groups)
	for _, g := range groups {
		if len(c.groups[g]) < 2 {
			continue
		}
		observed := spread(c.groups[g])
		if told[observed] {
			continue // a group and its parent with the same hosts
		}
		told[observed] = true
		f.Findings = append(f.Findings, c.drift(g, observed))
	}
	return f
}

// drift is the finding for one group, "" for hosts of no group.
func (c *Comparison) drift(group, observed string) probes.Finding {
	where := ""
	if group != "" {
		where = " in group " + group
	}
	return probes.Finding{
		Code: VersionDrift, Probe: "flink", Horizon: probes.Running,
		Status: c.Policy.Status(VersionDrift, probes.Warn), Subject: group,
		Observed: observed, Want: "one version",
		Source:   "version of the running TaskManagers",
		Message:  "TaskManagers run different versions of Flink" + where + ": " + observed,
		Evidence: []probes.Evidence{},
		Remedy:   "restart the TaskManagers that are left over from an older version",
	}
}

// maxSpread is how many values are named; more is no drift but a mixture.
const maxSpread = 5

// spread is the values with their hosts, the most frequent first:
// "1.20.0 on tm[001-038] (38), 1.18.1 on tm007".
func spread(by map[string][]string) string {
	values := make([]string, 0, len(by))
	for v := range by {
		values = append(values, v)
	}
	slices.SortFunc(values, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(by[b]), len(by[a])), cmp.Compare(a, b))
	})
	var parts []string
	for _, v := range values {
		if len(parts) == maxSpread {
			parts = append(parts, fmt.Sprintf("%d more", len(values)-maxSpread))
			break
		}
		names := cutHosts(hostsText(inventory.Fold(by[v]), len(by[v])), 30, "..")
		parts = append(parts, v+" on "+names)
	}
	return strings.Join(parts, ", ")
}
