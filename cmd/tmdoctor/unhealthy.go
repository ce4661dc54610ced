package main

import (
	"fmt"
	"os"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/report"
)

// readUnhealthy reads which hosts of a saved report were not ok, as it was
// judged then. It is streamed: facts of a large fleet are not kept.
func readUnhealthy(file string) (inventory.SavedReport, error) {
	f, err := os.Open(file)
	if err != nil {
		return inventory.SavedReport{}, err
	}
	defer f.Close()
	var u unhealthy
	if err := report.Scan(f, &u); err != nil {
		return inventory.SavedReport{}, fmt.Errorf("%s: %w", file, err)
	}
	return inventory.SavedReport{Unhealthy: u.names, Missing: max(0, u.selected-u.hosts)}, nil
}

// unhealthy is a format that keeps the names of the hosts that are not ok.
type unhealthy struct {
	selected, hosts int
	names           []string
}

func (u *unhealthy) Begin(r report.Run) error {
	u.selected = r.Selected
	return nil
}

func (u *unhealthy) Host(h *report.Host) error {
	u.hosts++
	if h.Status != probes.OK && h.Status != probes.Skipped {
		u.names = append(u.names, h.Name)
	}
	return nil
}

func (u *unhealthy) Cluster(*report.Cluster) error { return nil }

func (u *unhealthy) End(report.Fleet, report.Summary) error { return nil }
