package repair

import (
	"fmt"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// Remembered is a run that no journal here tells of, for [Repair.Look] to ask
// hosts about: one of a script that a person ran, or of another machine.
func Remembered(run string, hosts []inventory.Host) (*SavedRun, error) {
	if err := checkRunID(run); err != nil {
		return nil, err
	}
	s := &SavedRun{Run: run, Plans: &fix.Document{}, Hosts: map[string]State{}}
	for _, h := range hosts {
		s.Plans.Hosts = append(s.Plans.Hosts, &fix.Plan{Host: h.Name})
		s.Hosts[h.Name] = Nothing
	}
	return s, nil
}

// Remember takes in what a host of a remembered run kept of it: enough to undo
// it, and to see that it is undone. Who could log in before is not among it. It
// gives why there is nothing to undo, "" if there is.
func (s *SavedRun) Remember(host string, run *fix.HostRun) (why string) {
	switch {
	case run == nil:
		return "the host knows nothing of run " + s.Run
	case run.State == fix.RunRolledBack:
		return fmt.Sprintf("the run is %s there", run.State)
	}
	for _, p := range s.Plans.Hosts {
		if p.Host != host {
			continue
		}
		p.Live, p.Reload, p.Restart = run.Live, run.Reload, run.Restart
		for _, f := range run.Files {
			p.Files = append(p.Files, fix.FileChange{
				Path: f.Path, Absent: f.Before == "", BeforeSHA256: f.Before, AfterSHA256: f.After, Before: f.BeforeText, After: f.NowText,
			})
		}
	}
	s.Hosts[host] = Unknown
	if s.Who == "" {
		s.Who = run.Who
	}
	if t, err := time.Parse(probes.RunLayout, s.Run[:min(len(s.Run), len(probes.RunLayout))]); err == nil {
		s.Began = t
	}
	return ""
}
