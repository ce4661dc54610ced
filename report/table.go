package report

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
)

// A fleet of any size is one screen: on a terminal at most screenRows sick
// hosts get a row, otherwise (a file, a pipe, a mail) pageRows. The rest are
// in the folds below, which name every host.
const (
	screenRows = 20
	pageRows   = 200
)

// table is the report for people. It keeps the rows it may print, the folds
// and the counts.
type table struct {
	w      io.Writer
	o      Options
	run    Run
	seen   int
	rows   []row
	left   int // sick hosts that lost their row to a worse one
	folds  folds
	limits limits
	why    reasons
	not    unseen
	turn   byCheck
	// newKeys and lost say that hosts were not reached, for want of a host
	// key or otherwise: they choose what to type next.
	newKeys, lost bool
	cluster       *Cluster // nil if no REST API was asked
	// columns are the probes in the order they came, column their place.
	columns []string
	column  map[string]int
	out     bytes.Buffer
}

// row is one host of the table.
type row struct {
	name   string
	index  int
	status probes.Status
	lost   bool // not reached
	cause  string
	cells  []cell // by column; shorter than the columns where a probe is missing
	lines  []line // instead of cells on a narrow terminal
}

// cell is one check of one host.
type cell struct {
	status probes.Status
	text   string
}

// line is one thing that is wrong with a host.
type line struct {
	status probes.Status
	text   string
}

func newTable(w io.Writer, o Options) Format {
	return &table{w: w, o: o, column: map[string]int{}}
}

// Begin keeps the run for the line that says how long it took.
func (t *table) Begin(r Run) error {
	t.run = r
	return nil
}

// Host takes what the table needs of one host.
func (t *table) Host(h *Host) error {
	h = t.selected(h)
	status := statusOf(h)
	sick := status.Rank() > 0
	t.folds.add(h)
	all := t.o.All || t.o.Wide
	t.limits.add(h, all)
	t.why.add(h)
	t.not.add(h, t.seen, func(c *probes.Check, s *probes.Standing) bool { return all || noteworthy(c, s) })
	t.seen++
	if u := h.Unreachable; u != nil {
		isNew := unknownKey(u)
		t.newKeys, t.lost = t.newKeys || isNew, t.lost || !isNew
	}
	if t.o.By == "check" {
		t.turn.add(h, t.o.All)
		return nil
	}
	if sick || t.o.All {
		t.addRow(h, status)
	}
	return nil
}

// Cluster keeps what is printed behind the findings.
func (t *table) Cluster(c *Cluster) error {
	t.cluster = c
	return nil
}

// selected is the host without the probes that the options leave out.
func (t *table) selected(h *Host) *Host {
	if t.o.Probes == nil {
		return h
	}
	some := *h
	some.Checks = slices.DeleteFunc(slices.Clone(h.Checks), func(c probes.Check) bool {
		return !slices.Contains(t.o.Probes, c.Probe)
	})
	some.Findings = slices.DeleteFunc(slices.Clone(h.Findings), func(f probes.Finding) bool {
		return !strings.HasPrefix(f.Code, causePrefix) && !slices.Contains(t.o.Probes, f.Probe)
	})
	return &some
}

// statusOf is the host's status; what is none counts as unknown.
func statusOf(h *Host) probes.Status {
	if !known(h.Status) {
		return probes.StatusUnknown
	}
	return h.Status
}

func (t *table) narrow() bool { return t.o.Width > 0 && t.o.Width < 60 }

func (t *table) addRow(h *Host, status probes.Status) {
	r := row{name: Escape(h.Name), index: h.Index, status: status, lost: h.Unreachable != nil}
	r.cause = causeText(h)
	if t.narrow() {
		r.lines = narrowLines(h)
	}
	for i := range h.Checks {
		c := &h.Checks[i]
		at, ok := t.column[c.Probe]
		if !ok {
			at = len(t.columns)
			t.column[c.Probe] = at
			t.columns = append(t.columns, c.Probe)
		}
		for len(r.cells) <= at {
			r.cells = append(r.cells, cell{})
		}
		r.cells[at] = cellOf(c, t.o.Wide)
	}
	t.rows = append(t.rows, r)
	if limit := t.limit(); limit > 0 && len(t.rows) >= 2*limit {
		t.trim(limit)
	}
}

// limit is how many rows are printed, 0 for all.
func (t *table) limit() int {
	switch {
	case t.o.All:
		return 0
	case t.o.Width > 0:
		return screenRows
	default:
		return pageRows
	}
}

// trim sorts the rows, the worst first, and keeps limit of them.
func (t *table) trim(limit int) {
	slices.SortStableFunc(t.rows, func(a, b row) int {
		return cmp.Or(
			cmp.Compare(b.status.Rank(), a.status.Rank()),
			compareBool(a.lost, b.lost), // there is nothing to read in their cells
			cmp.Compare(a.index, b.index),
			cmp.Compare(a.name, b.name))
	})
	if limit > 0 && len(t.rows) > limit {
		t.left += len(t.rows) - limit
		clear(t.rows[limit:])
		t.rows = t.rows[:limit]
	}
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

// End prints the report.
func (t *table) End(fleet Fleet, s Summary) error {
	t.trim(t.limit())
	t.printHorizon()
	switch {
	case t.o.By == "check":
		t.printByCheck()
	case t.narrow():
		t.printLines()
	default:
		t.printRows()
	}
	t.printCauses(s)
	t.printFindings(fleet)
	t.printCluster()
	t.printLimits()
	t.printUnseen()
	t.printSummary(fleet, s)
	t.printNext(s)
	_, err := t.w.Write(t.out.Bytes())
	return err
}
