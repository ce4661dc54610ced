package inventory

import (
	"fmt"
	"maps"
	"slices"
)

// Inventory is the hosts of one run, in the order they were named.
type Inventory struct {
	// Hosts are all hosts, each name once.
	Hosts []Host
	// Files are the files that were read, as their names were given.
	Files []string
	// Notes say what was read and is not used, once a kind.
	Notes []Note

	index  map[string]int   // name to its place in Hosts
	groups map[string][]int // group to the places of its hosts, in order

	// open means that the operator named no inventory: then a pattern that
	// matches nothing and names hosts is those hosts.
	open   bool
	looked []string // where Find looked, for NoInventoryError
	saved  func(file string) (SavedReport, error)
}

// New is an inventory of hosts that were read elsewhere. Names are checked
// as those of a file are, and must differ.
func New(hosts []Host) (*Inventory, error) {
	inv := &Inventory{Hosts: slices.Clone(hosts)}
	for _, h := range inv.Hosts {
		if isIP(h.Name) {
			continue
		}
		if f := checkName("host", h.Name); f != nil {
			return nil, f.at(position{file: h.Source}, h.Name)
		}
	}
	if err := inv.build(nil); err != nil {
		return nil, err
	}
	return inv, nil
}

// build indexes the hosts; empty are groups that may have no host.
func (inv *Inventory) build(empty []string) error {
	inv.index = make(map[string]int, len(inv.Hosts))
	inv.groups = map[string][]int{}
	for _, g := range empty {
		inv.groups[g] = nil
	}
	for i, h := range inv.Hosts {
		if old, ok := inv.index[h.Name]; ok {
			return &Error{File: h.Source, Msg: fmt.Sprintf("host %q is there twice, also at %s", h.Name, inv.Hosts[old].Source)}
		}
		inv.index[h.Name] = i
		for _, g := range h.Groups {
			inv.groups[g] = append(inv.groups[g], i)
		}
	}
	return nil
}

// Host is the host of that name.
func (inv *Inventory) Host(name string) (Host, bool) {
	i, ok := inv.index[name]
	if !ok {
		return Host{}, false
	}
	return inv.Hosts[i], true
}

// HostNames are the names of all hosts, in the order of the inventory.
func (inv *Inventory) HostNames() []string {
	out := make([]string, len(inv.Hosts))
	for i, h := range inv.Hosts {
		out[i] = h.Name
	}
	return out
}

// GroupNames are the names of all groups, sorted, also of those without a
// host.
func (inv *Inventory) GroupNames() []string {
	return slices.Sorted(maps.Keys(inv.groups))
}

// Group is the names of the hosts of a group and of the groups inside it, in
// the order of the inventory.
func (inv *Inventory) Group(name string) []string {
	var out []string
	for _, i := range inv.groups[name] {
		out = append(out, inv.Hosts[i].Name)
	}
	return out
}

// entry is a host as one file has it, before files are joined.
type entry struct {
	name         string
	at           position
	set          settings
	groups       []string
	taskManagers int
	local        bool // said to be this machine, whatever its name
}

// contents is what one file says.
type contents struct {
	entries []entry
	groups  []string // all groups, also those without a host
	notes   []Note
	// ansible is an inventory that the folders beside it complete: then there
	// is nothing else yet.
	ansible *ansibleFile
}

// joiner joins the contents of files, in order.
type joiner struct {
	entries []entry
	index   map[string]int
	groups  []string
	notes   []Note
}

// add joins one more file. What only one file says about a host holds; what
// two say must agree, since none is more right than the other.
func (j *joiner) add(c contents) error {
	if j.index == nil {
		j.index = make(map[string]int, len(c.entries))
	}
	j.groups = append(j.groups, c.groups...)
	j.notes = append(j.notes, c.notes...)
	for _, e := range c.entries {
		i, ok := j.index[e.name]
		if !ok {
			if len(j.entries) == MaxHosts {
				return e.at.errorf("split the fleet into several runs", "more than %d hosts", MaxHosts)
			}
			j.index[e.name] = len(j.entries)
			j.entries = append(j.entries, e)
			continue
		}
		old := &j.entries[i]
		if mine, theirs, differ := e.set.clash(old.set); differ {
			return clashError(e, mine, theirs)
		}
		old.set = old.set.over(e.set)
		old.groups = append(slices.Clip(old.groups), e.groups...)
		old.taskManagers += e.taskManagers
		old.local = old.local || e.local
	}
	return nil
}

// clashError is one host with two values of one setting.
func clashError(e entry, mine, theirs setting) error {
	return mine.at.errorf("keep one of the two", "host %q has %s %q here and %q at %s",
		e.name, mine.name(), mine.text(), theirs.text(), theirs.at.short())
}

// inventory makes the hosts.
func (j *joiner) inventory() (*Inventory, error) {
	inv := &Inventory{Hosts: make([]Host, len(j.entries)), Notes: j.notes}
	for i, e := range j.entries {
		inv.Hosts[i] = e.host()
	}
	return inv, inv.build(j.groups)
}

// host is the entry as a host.
func (e entry) host() Host {
	h := Host{Name: e.name, Source: e.at.short(), TaskManagers: e.taskManagers}
	e.set.apply(&h)
	if len(e.groups) > 0 {
		groups := slices.Clone(e.groups)
		slices.Sort(groups)
		h.Groups = slices.Compact(groups)
	}
	h.Local = e.local || h.Name == "localhost" && h.bare()
	return h
}
