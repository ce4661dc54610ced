package inventory

import (
	"cmp"
	"slices"
	"strconv"
)

// resolve gives each host its settings: its own before those of its groups,
// an inner group before the groups around it, those before the defaults.
func (y *yamlFile) resolve() (contents, error) {
	c := contents{entries: make([]entry, 0, len(y.hosts))}
	for _, g := range y.groups {
		c.groups = append(c.groups, g.name)
	}
	// Thousands of hosts share few sets of groups: each is resolved once.
	known := map[string]*merged{}
	for _, h := range y.hosts {
		var key []byte
		for _, g := range h.groups {
			key = append(strconv.AppendInt(key, int64(g.number), 10), ' ')
		}
		m := known[string(key)]
		if m == nil {
			m = merge(h.groups)
			m.set = m.set.over(y.defaults)
			known[string(key)] = m
		}
		if err := m.conflict(h); err != nil {
			return c, err
		}
		c.entries = append(c.entries, entry{name: h.name, at: h.at, set: h.set.over(m.set), groups: m.groups})
	}
	return c, nil
}

// merged is what a set of groups says together.
type merged struct {
	groups    []string // with all parents
	set       settings
	conflicts []groupConflict
}

// groupConflict is a setting to which two groups, of which neither is inside
// the other, give different values. It is an error only for a host that does
// not say itself what holds.
type groupConflict struct {
	a, b         *yamlGroup
	first, other setting
}

// merge joins the settings of groups and of all groups around them.
func merge(groups []*yamlGroup) *merged {
	m := &merged{}
	var all []*yamlGroup
	for _, g := range groups {
		for ; g != nil; g = g.parent {
			if !slices.Contains(all, g) {
				all = append(all, g)
				m.groups = append(m.groups, g.name)
			}
		}
	}
	slices.SortFunc(all, func(a, b *yamlGroup) int { return cmp.Compare(a.number, b.number) })
	for _, g := range all {
		for _, s := range g.set {
			m.offer(all, g, s)
		}
	}
	return m
}

// offer takes s of g, unless a group of all that is inside g says it too.
func (m *merged) offer(all []*yamlGroup, g *yamlGroup, s setting) {
	var rival *yamlGroup
	var theirs setting
	for _, o := range all {
		t, ok := o.set.find(s)
		switch {
		case o == g || !ok:
		case o.inside(g):
			return
		case !g.inside(o) && t.value != s.value && !shadowed(all, o, t):
			rival, theirs = o, t
		}
	}
	if rival != nil {
		m.conflicts = append(m.conflicts, groupConflict{g, rival, s, theirs})
	}
	if _, ok := m.set.find(s); !ok {
		m.set = append(m.set, s)
	}
}

// shadowed says whether a group of all that is inside o says s too.
func shadowed(all []*yamlGroup, o *yamlGroup, s setting) bool {
	return slices.ContainsFunc(all, func(g *yamlGroup) bool {
		_, ok := g.set.find(s)
		return ok && g.inside(o)
	})
}

// inside says whether g is, at any depth, a group of o.
func (g *yamlGroup) inside(o *yamlGroup) bool {
	for p := g.parent; p != nil; p = p.parent {
		if p == o {
			return true
		}
	}
	return false
}

// conflict is the error of a host whose groups contradict each other.
func (m *merged) conflict(h *yamlHost) error {
	for _, c := range m.conflicts {
		if _, ok := h.set.find(c.first); ok {
			continue
		}
		return h.at.errorf("set it for the host, or put one group inside the other",
			"host %q has %s %q from group %q (%s) and %q from group %q (%s)", h.name, c.first.name(),
			c.first.text(), c.a.name, c.first.at.short(), c.other.text(), c.b.name, c.other.at.short())
	}
	return nil
}
