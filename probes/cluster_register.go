package probes

import (
	"slices"
	"strings"
)

// Registration compares the hosts of an inventory with the TaskManagers that
// are registered at the JobManager.
type Registration struct {
	// NotRegistered are the hosts that were asked and have none registered.
	NotRegistered []string `json:"not_registered"`
	// NotInInventory are the names and addresses that TaskManagers registered
	// by and that no host of the inventory has.
	NotInInventory []string `json:"not_in_inventory"`
	// AsLocalhost is how many registered by a name that every host has.
	AsLocalhost int `json:"as_localhost"`
	// Unclear is why nobody can tell which hosts have none, "" if that is
	// known: one that registered by an address that no host has may be any.
	Unclear string `json:"unclear"`
}

// ReadTaskManagers asks a REST API for the TaskManagers that are registered,
// and for nothing else.
func ReadTaskManagers(get func(path string) ([]byte, error)) ([]ClusterTaskManager, error) {
	body, err := get("/taskmanagers")
	if err != nil {
		return nil, err
	}
	return decodeTaskManagers(body)
}

// Located reports whether the name that it registered by tells which host it
// is on.
func (t *ClusterTaskManager) Located() bool { return t.Host != "" && !loopback(canonical(t.Host)) }

// registered is a TaskManager and the host whose facts or address show it.
type registered struct {
	ClusterTaskManager
	host string
}

// indexRegistered prepares for [Placement.Of] to find the TaskManagers of a
// host by their ids and by the address that it was reached by.
func (p *Placement) indexRegistered() {
	list, _ := p.facts.TaskManagers.Get()
	p.registered = make([]registered, len(list))
	p.byRegistered = map[string][]int{}
	for i, t := range list {
		p.registered[i].ClusterTaskManager = t
		if t.ID != "" {
			p.byRegistered[t.ID] = append(p.byRegistered[t.ID], i)
		}
		if name := canonical(t.Host); name != "" && !loopback(name) {
			p.byRegistered[name] = append(p.byRegistered[name], i)
		}
	}
}

// claim notes the TaskManagers that are those of a host that was asked.
func (p *Placement) claim(host, address string, ids map[string]bool) {
	for _, i := range p.byRegistered[canonical(address)] {
		p.registered[i].host = host
	}
	for id := range ids {
		for _, i := range p.byRegistered[id] {
			p.registered[i].host = host
		}
	}
}

// Registration compares, after the last host. asked are the hosts that should
// have a TaskManager, inventory all that are known. It is nil where nobody
// knows which TaskManagers are registered.
func (p *Placement) Registration(asked []string, inventory []ClusterHost) *Registration {
	if p == nil || !p.facts.TaskManagers.IsKnown() {
		return nil
	}
	known := &Placement{exact: map[string][]string{}, short: map[string][]named{}}
	for _, h := range inventory {
		known.know(h)
	}
	r := &Registration{NotRegistered: []string{}, NotInInventory: []string{}}
	has := map[string]bool{}
	for _, t := range p.registered {
		name := canonical(t.Host)
		hosts := known.called(t.Host)
		for _, h := range slices.Concat(hosts, []string{t.host}) {
			has[h] = true
		}
		switch {
		case len(hosts) > 0:
		case loopback(name):
			r.AsLocalhost++
		case t.host != "":
		case name == "":
			r.Unclear = "the paths of some TaskManagers do not tell their hosts"
		default:
			r.NotInInventory = append(r.NotInInventory, t.Host)
			if isAddress(name) {
				r.Unclear = "TaskManagers are registered by addresses that no host of the inventory has: " + t.Host
			}
		}
	}
	if slices.ContainsFunc(p.facts.Cut, func(cut string) bool { return strings.Contains(cut, "TaskManagers") }) {
		r.Unclear = "there are more TaskManagers than are read"
	}
	slices.Sort(r.NotInInventory)
	r.NotInInventory = slices.Compact(r.NotInInventory)
	for _, h := range asked {
		if r.Unclear == "" && !has[h] {
			r.NotRegistered = append(r.NotRegistered, h)
		}
	}
	return r
}
