package report

import (
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
)

// Place is the one place that sets a limit on hosts with a cause: what is to be
// mended is the same on each of them.
type Place struct {
	Setting string `json:"setting"` // nofile; "" of a unit file, in which none is set
	Source  string `json:"source"`  // FILE:LINE, or a unit file
	Hosts   int    `json:"hosts"`   // that have it so
	// FirstChanged and LastChanged are the days on which the file was changed
	// last, the earliest and the latest over hosts; "" where no host tells.
	FirstChanged string `json:"first_changed"`
	LastChanged  string `json:"last_changed"`
}

// place is a file that sets a limit which concerns the causes of a probe.
type place struct {
	cause int
	file  string
}

type days struct{ first, last string }

// addChanges notes when the files that set limits of a sick host were changed.
func (s *sharing) addChanges(h *Host, roles []role) {
	note := func(probe, file string) {
		day := changed(h, file)
		if day == "" {
			return
		}
		for _, r := range roles {
			if r.sick && probes.CauseDocs[r.cause].Probe == probe {
				s.change(place{r.cause, file}, day)
			}
		}
	}
	eachSource(h, func(probe string, _ *probes.Standing, file, _ string) { note(probe, file) })
	eachUnitFile(h, func(file string, _ []probes.File) {
		for _, probe := range unitProbes {
			note(probe, file)
		}
	})
}

func (s *sharing) change(at place, day string) {
	if d := s.changed[at]; d != nil {
		d.first, d.last = min(d.first, day), max(d.last, day)
		return
	}
	if s.lost || len(s.changed) == maxPlaces {
		s.lost, s.changed = true, nil
		return
	}
	if s.changed == nil {
		s.changed = map[place]*days{}
	}
	at.file = strings.Clone(at.file)
	s.changed[at] = &days{day, day}
}

// place is the one line, or else the one unit file, that sets the limit of a
// cause on nine tenths of its hosts; nil if there is none. Where several limits
// may be at fault it is that of the limit which tells the hosts apart.
func (s *sharing) place(name string, traits []Trait) *Place {
	cause := causeIndex(name)
	if cause < 0 {
		return nil
	}
	probe := probes.CauseDocs[cause].Probe
	sick, _ := s.reached.of(cause)
	var found []Place
	for key, c := range s.kinds[kinSource].keys {
		if value, n := c.most(cause); key.probe == probe && n >= 2 && n*10 >= sick*9 {
			found = append(found, Place{Setting: strings.TrimSuffix(key.key, setAt), Source: value, Hosts: n})
		}
	}
	if len(found) > 1 {
		found = slices.DeleteFunc(found, func(p Place) bool {
			return !slices.ContainsFunc(traits, func(t Trait) bool { return t.kind == kinLimit && t.Trait == limitTrait(p.Setting) })
		})
	} else if len(found) == 0 && slices.Contains(unitProbes, probe) {
		for key, c := range s.kinds[kinUnitFile].keys {
			if _, n := c.most(cause); n >= 2 && n*10 >= sick*9 {
				found = append(found, Place{Source: strings.TrimPrefix(key.key, unitFile), Hosts: n})
			}
		}
	}
	if len(found) != 1 {
		return nil
	}
	p := found[0]
	file := p.Source
	if p.Setting != "" {
		file = file[:strings.LastIndexByte(file, ':')]
	}
	if d := s.changed[place{cause, file}]; d != nil {
		p.FirstChanged, p.LastChanged = d.first, d.last
	}
	p.Setting, p.Source = traitText(p.Setting), traitText(p.Source)
	return &p
}

// most is the value that most hosts with a cause have, and how many.
func (c *traitCount) most(cause int) (most string, hosts int) {
	for value, of := range c.values {
		if n, _ := of.of(cause); n > hosts || n == hosts && value < most {
			most, hosts = value, n
		}
	}
	return most, hosts
}
