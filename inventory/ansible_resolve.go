package inventory

import (
	"cmp"
	"slices"
	"strconv"
)

// groupVariable is a variable of a group in the inventory itself.
func (a *ansibleFile) groupVariable(g *ansibleGroup, name string, v ansibleValue) error {
	if name != "ansible_group_priority" {
		a.variable(&g.vars, name, v)
		return nil
	}
	n, err := strconv.Atoi(v.text)
	if err != nil || v.kind != valueText {
		return v.at.errorf("write a number", "ansible_group_priority of group %q: %q is no number", g.name, v.text)
	}
	g.priority = n
	return nil
}

// resolve gives each host its settings, by the precedence of Ansible
// (VARIABLE_PRECEDENCE): variables of all in the inventory, of the other
// groups there, group_vars of all, of the other groups, then those of the host
// in the inventory, then host_vars. Of groups a deeper one holds before one
// around it, then a higher ansible_group_priority, then a later name.
func (a *ansibleFile) resolve() (contents, error) {
	c := contents{entries: make([]entry, 0, len(a.hosts))}
	for _, g := range a.groups {
		if g.name != groupAll && len(g.parents) == 0 {
			g.parents = append(g.parents, a.byName[groupAll])
		}
		if g.name != groupAll && g.name != groupUngrouped {
			c.groups = append(c.groups, g.name)
		}
	}
	for _, g := range a.groups {
		if err := g.sink(nil); err != nil {
			return c, err
		}
	}
	// Thousands of hosts share few sets of groups: each is resolved once.
	known := map[string]*ansibleLayer{}
	numbers := make(map[*ansibleGroup]int, len(a.groups))
	for i, g := range a.groups {
		numbers[g] = i
	}
	for _, h := range a.hosts {
		a.place(h)
		var key []byte
		for _, g := range h.groups {
			key = append(strconv.AppendInt(key, int64(numbers[g]), 10), ' ')
		}
		layer := known[string(key)]
		if layer == nil {
			layer = a.layer(h.groups)
			known[string(key)] = layer
		}
		e := entry{name: h.name, at: h.at, groups: layer.groups}
		err := a.settings(&e, func(name string) (ansibleVar, bool) {
			for _, vars := range []ansibleVars{h.fileVars, h.vars, layer.vars} {
				if v, ok := vars.find(name); ok {
					return v, v.kind != valueNull
				}
			}
			return ansibleVar{}, false
		})
		if err != nil {
			return c, err
		}
		c.entries = append(c.entries, e)
	}
	c.notes = a.notes.all()
	return c, nil
}

// sink sets how deep g is, by the longest way from all, and refuses a circle.
func (g *ansibleGroup) sink(below []*ansibleGroup) error {
	if slices.Contains(below, g) {
		return g.at.errorf("take one of the two out of the other", "group %q is inside itself, by way of %q", g.name, below[len(below)-1].name)
	}
	if g.depth > 0 || g.name == groupAll {
		return nil
	}
	if len(below) > maxNested {
		return g.at.errorf("", "groups are nested more than %d deep", maxNested)
	}
	depth := 0
	for _, p := range g.parents {
		if err := p.sink(append(below, g)); err != nil {
			return err
		}
		depth = max(depth, p.depth)
	}
	g.depth = depth + 1
	return nil
}

// place takes a host that is in another group out of ungrouped, and puts one
// that is in none into it.
func (a *ansibleFile) place(h *ansibleHost) {
	all, rest := a.byName[groupAll], a.byName[groupUngrouped]
	h.groups = slices.DeleteFunc(h.groups, func(g *ansibleGroup) bool { return g == all || g == rest })
	if len(h.groups) == 0 {
		h.groups = append(h.groups, rest)
	}
}

// ansibleLayer is what a set of groups says together.
type ansibleLayer struct {
	groups []string // with all around them, without all
	vars   ansibleVars
}

func (a *ansibleFile) layer(groups []*ansibleGroup) *ansibleLayer {
	var within []*ansibleGroup
	seen := map[*ansibleGroup]bool{a.byName[groupAll]: true}
	var climb func(g *ansibleGroup)
	climb = func(g *ansibleGroup) {
		if seen[g] {
			return
		}
		seen[g] = true
		within = append(within, g)
		for _, p := range g.parents {
			climb(p)
		}
	}
	for _, g := range groups {
		climb(g)
	}
	slices.SortFunc(within, func(a, b *ansibleGroup) int {
		return cmp.Or(cmp.Compare(a.depth, b.depth), cmp.Compare(a.priority, b.priority), cmp.Compare(a.name, b.name))
	})
	l := &ansibleLayer{}
	sorted := append([]*ansibleGroup{a.byName[groupAll]}, within...)
	for _, of := range []func(*ansibleGroup) ansibleVars{
		func(g *ansibleGroup) ansibleVars { return g.vars },
		func(g *ansibleGroup) ansibleVars { return g.fileVars },
	} {
		for _, g := range sorted {
			for _, v := range of(g) {
				l.vars.set(v.name, v.ansibleValue)
			}
		}
	}
	for _, g := range within {
		l.groups = append(l.groups, g.name)
	}
	return l
}
