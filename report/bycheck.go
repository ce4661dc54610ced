package report

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
)

// byCheck turns the table: for each check, the hosts of each status.
type byCheck struct {
	checks map[string]*turned
	order  []*turned
}

type turned struct {
	probe string
	by    map[probes.Status]*group
}

// group is how many hosts, and which: names are kept of the sick, of all
// hosts only if they are to be shown.
type group struct {
	hosts int
	names []string
}

// notReached stands where a check would, for hosts without one.
const notReached = "(unreachable)"

func (b *byCheck) add(h *Host, all bool) {
	if h.Unreachable != nil {
		b.put(notReached, probes.StatusUnknown, h.Name, true)
		return
	}
	for i := range h.Checks {
		c := &h.Checks[i]
		status := c.Status
		if !known(status) {
			status = probes.StatusUnknown
		}
		b.put(c.Probe, status, h.Name, all || status.Rank() > 0)
	}
}

func (b *byCheck) put(probe string, s probes.Status, host string, named bool) {
	of := b.checks[probe]
	if of == nil {
		if b.checks == nil {
			b.checks = map[string]*turned{}
		}
		of = &turned{probe: probe, by: map[probes.Status]*group{}}
		b.checks[probe] = of
		b.order = append(b.order, of)
	}
	g := of.by[s]
	if g == nil {
		g = &group{}
		of.by[s] = g
	}
	g.hosts++
	if named {
		g.names = append(g.names, host)
	}
}

// worst is the rank of the worst status of a check.
func (c *turned) worst() int {
	rank := 0
	for s := range c.by {
		rank = max(rank, s.Rank())
	}
	return rank
}

// sickHosts is how many hosts a check is not ok on.
func (c *turned) sickHosts() int {
	n := 0
	for s, g := range c.by {
		if s.Rank() > 0 {
			n += g.hosts
		}
	}
	return n
}

// printByCheck prints each check that is not ok everywhere with its hosts,
// the worst first, and names the others.
func (t *table) printByCheck() {
	order := slices.Clone(t.turn.order)
	slices.SortStableFunc(order, func(a, b *turned) int {
		return cmp.Or(cmp.Compare(b.worst(), a.worst()), cmp.Compare(b.sickHosts(), a.sickHosts()))
	})
	mark := t.o.signs().ellipsis
	room := 0
	if t.o.Width > 0 {
		room = max(16, t.o.Width-len("(unreachable)  unknown  COUNT  "))
	}
	head := []string{"CHECK", "STATUS", "COUNT", "HOSTS"}
	if t.narrow() {
		// The count goes; it is in the names, or in the folds below.
		head, room = slices.Delete(head, 2, 3), max(16, t.o.Width-len("(unreachable)  unknown  "))
	}
	var grid [][]cell
	var well []string
	for _, c := range order {
		if c.worst() == 0 && !t.o.All {
			well = append(well, Escape(c.probe))
			continue
		}
		name := cutEnd(Escape(c.probe), len(notReached), mark)
		for _, s := range []probes.Status{probes.Fail, probes.StatusUnknown, probes.Warn, probes.OK, probes.Skipped} {
			g := c.by[s]
			if g == nil {
				continue
			}
			hosts := wrapAt(Escape(inventory.Fold(g.names)), ",", room)
			if !t.o.All {
				hosts = atMost(hosts, 3, room, mark)
			}
			for i, names := range hosts {
				row := []cell{{}, {}, {}, {text: names}}
				if i == 0 {
					row = []cell{{text: name}, {s, string(s)}, {text: strconv.Itoa(g.hosts)}, {text: names}}
				}
				if t.narrow() {
					row = slices.Delete(row, 2, 3)
				}
				grid = append(grid, row)
			}
			name = ""
		}
	}
	if len(grid) > 0 {
		t.layOut(head, grid)
	}
	if len(well) > 0 {
		t.paragraph("ok on every host: ", strings.Join(well, ", "))
	}
	if len(order) > 0 {
		t.out.WriteByte('\n')
	}
}
