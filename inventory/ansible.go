package inventory

import "slices"

// The two groups that every Ansible inventory has without naming them.
const (
	groupAll       = "all"
	groupUngrouped = "ungrouped"
)

// ansibleFile is an inventory of Ansible while it is read, whatever way it is
// written: what the file says, then what the folders beside it say. Nothing is
// decided before all of it is known.
type ansibleFile struct {
	file   string
	groups []*ansibleGroup
	byName map[string]*ansibleGroup
	hosts  []*ansibleHost
	index  map[string]*ansibleHost
	notes  notes
}

// ansibleGroup is a group with the variables of the inventory and those of
// group_vars, which hold before them.
type ansibleGroup struct {
	name           string
	at             position
	declared       bool // false: only mentioned so far
	children       []*ansibleGroup
	parents        []*ansibleGroup
	priority       int
	depth          int
	vars, fileVars ansibleVars
}

// ansibleHost is a host with the variables of the inventory and those of
// host_vars.
type ansibleHost struct {
	name           string
	at             position
	groups         []*ansibleGroup // those that name it
	vars, fileVars ansibleVars
}

func newAnsibleFile(file string) *ansibleFile {
	a := &ansibleFile{file: file, byName: map[string]*ansibleGroup{}, index: map[string]*ansibleHost{}}
	at := position{file: file, line: 1}
	for _, name := range []string{groupAll, groupUngrouped} {
		a.group(name, at).declared = true
	}
	return a
}

// group is the group of that name, a new one if there is none.
func (a *ansibleFile) group(name string, at position) *ansibleGroup {
	g := a.byName[name]
	if g == nil {
		g = &ansibleGroup{name: name, at: at, priority: 1}
		a.groups = append(a.groups, g)
		a.byName[name] = g
	}
	return g
}

// named is the group of that name, after a look at the name.
func (a *ansibleFile) named(name string, at position) (*ansibleGroup, error) {
	if f := checkName("group", name); f != nil {
		return nil, f.at(at, name)
	}
	return a.group(name, at), nil
}

// nest puts child into parent. Ansible gives all and ungrouped their place.
func (a *ansibleFile) nest(parent, child *ansibleGroup, at position) error {
	if child.name == groupAll || child.name == groupUngrouped && parent.name != groupAll {
		return at.errorf("leave it out", "group %q cannot be inside another", child.name)
	}
	if parent == child {
		return at.errorf("leave it out", "group %q is inside itself", child.name)
	}
	if !slices.Contains(parent.children, child) {
		parent.children = append(parent.children, child)
		child.parents = append(child.parents, parent)
	}
	return nil
}

// host is the host of that name in g, a new one if there is none. port is
// what NAME:PORT says, "" for nothing.
func (a *ansibleFile) host(name, port string, g *ansibleGroup, at position) (*ansibleHost, error) {
	h := a.index[name]
	if h == nil {
		if len(a.hosts) == MaxHosts {
			return nil, at.errorf("split the fleet into several runs", "more than %d hosts", MaxHosts)
		}
		h = &ansibleHost{name: name, at: at}
		a.hosts = append(a.hosts, h)
		a.index[name] = h
		if port != "" {
			h.vars.set("ansible_port", ansibleValue{kind: valueText, text: port, at: at})
		}
	} else if old, ok := h.vars.find("ansible_port"); port != "" && (!ok || old.text != port) {
		// Ansible takes the port of the first mention and drops this one.
		return nil, at.errorf("write the port with the first mention of the host, or as ansible_port",
			"host %q has port %s here and not at %s, where it is first named", name, port, h.at.short())
	}
	if !slices.Contains(h.groups, g) {
		h.groups = append(h.groups, g)
	}
	return h, nil
}
