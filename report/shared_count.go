package report

import (
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
)

// Bounds for what comes from hosts. A trait with more values tells nothing: it
// is of each host alone.
const (
	maxTraitKeys   = 300  // traits of one kind
	maxTraitValues = 128  // of one trait
	maxTold        = 1000 // of one kind and one host
	maxPlaces      = 5000
)

// sharing counts what hosts have, by cause. It keeps numbers and each different
// value once, and nothing of a host.
type sharing struct {
	reached census
	kinds   [kinds]kindCount
	changed map[place]*days
	lost    bool // there were too many changes: none is told
	serial  uint32
	told    []told // of the host that is counted
}

type told struct{ probe, key, value string }

// kindCount are the traits of one kind.
type kindCount struct {
	told census // hosts that tell any
	keys map[traitKey]*traitCount
	cut  bool // there were too many: none is compared
}

// traitKey is one trait; probe is "" where it concerns every cause.
type traitKey struct{ probe, key string }

// traitCount are the hosts of each value of a trait.
type traitCount struct {
	known  census
	values map[string]*census
	cut    bool
}

// census counts hosts: all, and by cause those that have it and those of which
// that is not known. Most hosts have none.
type census struct {
	all  int
	by   []standing
	last uint32 // the host that was counted last: each counts once
}

type standing struct{ sick, left int32 }

// role is what a host is to a cause: it has it, or is left out.
type role struct {
	cause int // index in probes.CauseDocs
	sick  bool
}

func (c *census) add(serial uint32, roles []role) {
	if c.last == serial {
		return
	}
	c.last = serial
	c.all++
	if len(roles) > 0 && c.by == nil {
		c.by = make([]standing, len(probes.CauseDocs))
	}
	for _, r := range roles {
		if r.sick {
			c.by[r.cause].sick++
		} else {
			c.by[r.cause].left++
		}
	}
}

// of is how many hosts have a cause, and how many are known not to have it.
func (c *census) of(cause int) (sick, others int) {
	if c.by == nil {
		return 0, c.all
	}
	s := c.by[cause]
	return int(s.sick), c.all - int(s.sick+s.left)
}

// rolesOf is what a host is to each cause. A cause that is only possible, or
// over, makes it neither sick nor one of the others; nor is a host one of the
// others whose check, or whose logs, are unknown.
func rolesOf(h *Host) (roles []role) {
	var unknown []string
	for i := range h.Checks {
		if c := &h.Checks[i]; c.Status == probes.StatusUnknown || !known(c.Status) {
			unknown = append(unknown, c.Probe)
		}
	}
	blind := h.Facts != nil && !h.Facts.Logs.Read.IsKnown()
	if !blind && len(unknown) == 0 && len(h.Causes) == 0 {
		return nil
	}
	for i := range probes.CauseDocs {
		d := &probes.CauseDocs[i]
		best := 0
		for j := range h.Causes {
			if h.Causes[j].Cause == d.Name {
				best = max(best, strength(h.Causes[j].Confidence)+1)
			}
		}
		switch {
		case best > strength(probes.Likely):
			roles = append(roles, role{i, true})
		case best > 0 || blind || slices.Contains(unknown, d.Probe):
			roles = append(roles, role{i, false})
		}
	}
	return roles
}

// add counts one host. One that was not reached tells nothing.
func (s *sharing) add(h *Host) {
	if h.Unreachable != nil {
		return
	}
	s.serial++
	roles := rolesOf(h)
	s.reached.add(s.serial, roles)
	for kind := range kins {
		s.told = s.told[:0]
		put := func(probe, key, value string) {
			if len(s.told) <= maxTold {
				s.told = append(s.told, told{probe, key, value})
			}
		}
		if k := &kins[kind]; k.ofProbe != nil {
			k.ofProbe(h, put)
		} else {
			k.of(h, func(key, value string) { put("", key, value) })
		}
		if n := len(s.told); n == 0 || n > maxTold {
			continue // which of them came first would be chance
		}
		s.kinds[kind].add(s.told, s.serial, roles)
	}
	if slices.ContainsFunc(roles, func(r role) bool { return r.sick }) {
		s.addChanges(h, roles)
	}
}

func (k *kindCount) add(all []told, serial uint32, roles []role) {
	k.told.add(serial, roles)
	for _, t := range all {
		if k.cut {
			return
		}
		key := traitKey{t.probe, t.key}
		c := k.keys[key]
		if c == nil {
			if len(k.keys) == maxTraitKeys {
				k.cut, k.keys = true, nil
				return
			}
			if k.keys == nil {
				k.keys = map[traitKey]*traitCount{}
			}
			c = &traitCount{}
			// What a host told is part of all that it told.
			k.keys[traitKey{t.probe, strings.Clone(t.key)}] = c
		}
		c.add(t.value, serial, roles)
	}
}

func (c *traitCount) add(value string, serial uint32, roles []role) {
	c.known.add(serial, roles)
	if value == "" || c.cut {
		return
	}
	of := c.values[value]
	if of == nil {
		if len(c.values) == maxTraitValues {
			c.cut, c.values = true, nil
			return
		}
		if c.values == nil {
			c.values = map[string]*census{}
		}
		of = &census{}
		c.values[strings.Clone(value)] = of
	}
	of.add(serial, roles)
}
