package report

import (
	"fmt"
	"strings"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
)

// Codes of findings that compare the inventory with the TaskManagers that are
// registered; see [VersionDiffers].
const (
	NotRegistered  = "flink/not-registered"
	NotInInventory = "flink/not-in-inventory"
	AsLocalhost    = "flink/registered-as-localhost"
)

// registrationFindings tell of hosts without a TaskManager that is registered,
// and of TaskManagers of no host.
func (c *Cluster) registrationFindings(policy *probes.Policy) (findings []probes.Finding) {
	r := c.Registration
	if r == nil {
		return nil
	}
	add := func(code, message, subject, observed, want, remedy string) {
		f := c.finding(policy, code, probes.Warn, message)
		f.Source += " /taskmanagers"
		f.Subject, f.Observed, f.Want, f.Remedy = subject, observed, want, remedy
		findings = append(findings, f)
	}
	if n := len(r.NotRegistered); n > 0 {
		names := inventory.Fold(r.NotRegistered)
		add(NotRegistered, fmt.Sprintf("%s of the inventory without a TaskManager that is registered: %s", plural(n, "host", "hosts"), names), names,
			"none registered", "1 or more", "the findings and causes of these hosts say why; if a host should have none, take it out of the inventory")
	}
	if n := len(r.NotInInventory); n > 0 {
		names := strings.Join(r.NotInInventory[:min(n, 10)], ", ")
		if n > 10 {
			names += fmt.Sprintf(" and %d more", n-10)
		}
		add(NotInInventory, fmt.Sprintf("TaskManagers are registered by %s that no host of the inventory has: %s", plural(n, "name", "names"), names), names,
			"registered", "in the inventory", "nobody looks at these hosts: add them to the inventory, or give the host that has this address its address there")
	}
	if r.AsLocalhost > 0 {
		add(AsLocalhost, plural(r.AsLocalhost, "TaskManager", "TaskManagers")+" registered as localhost: other hosts cannot reach what is called so", "localhost",
			"localhost", "a name that other hosts resolve", "set taskmanager.host on that host to a name that the JobManager and all TaskManagers resolve, then restart its TaskManager")
	}
	return findings
}
