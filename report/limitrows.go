package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
)

// maxLimitLines is how many lines the limits of a fleet take at most unless
// all were asked for.
const maxLimitLines = 20

// Widest columns of limits, in terminal columns.
const (
	maxLabel = 38
	maxLimit = 26
	maxNames = 16 // of hosts that a line has room for at least
)

// limitRow is one fold as it is printed.
type limitRow struct {
	fold   *limitFold
	cells  []cell // label, running, live, boot
	origin cell   // of the value after boot
	hosts  item
	notes  []string
}

// WriteLimits writes what a probe's setting is worth on the three horizons on
// each host, folded: the section LIMITS of the table, whole. Without a probe it
// is the section as a table has it: the limits of all probes, but those alone
// that somebody has to look at unless o.All is set; nothing if there is none.
func WriteLimits(w io.Writer, o Options, probe string, hosts []*Host) error {
	if probe != "" {
		o.All, o.Probes = true, []string{probe}
	}
	t := newTable(w, o).(*table)
	lost := 0
	for _, h := range hosts {
		t.limits.add(t.selected(h), o.All)
		if h.Unreachable != nil {
			lost++
		}
	}
	t.printLimits()
	if probe == "" {
		_, err := w.Write(t.out.Bytes())
		return err
	}
	if len(t.limits.list) == 0 {
		t.paragraph("", "no host of the report tells the limits of "+probe)
	}
	if lost > 0 {
		t.paragraph("", t.o.paint(probes.StatusUnknown, plural(lost, "host was not reached: nothing is known about it", "hosts were not reached: nothing is known about them")))
	}
	_, err := w.Write([]byte(strings.TrimRight(t.out.String(), "\n") + "\n"))
	return err
}

// printLimits prints the limits side by side on the three horizons, folded
// over hosts, with where each value comes from.
func (t *table) printLimits() {
	folds := t.limits.sorted()
	if len(folds) == 0 {
		return
	}
	usual := usualOrigins(folds)
	t.paragraph("", t.o.bold("LIMITS")+": "+limitsTitle())
	each := t.limitLines(folds)
	left := 0
	if most := maxLimitLines / each; len(folds) > most && !t.o.All {
		folds, left = folds[:most], len(folds)-most
	}
	rows := make([]limitRow, len(folds))
	for i, f := range folds {
		rows[i] = t.limitRow(f, usual[f.setting], each > 1)
	}
	if each == 3 {
		t.printLimitLines(rows)
	} else {
		t.printLimitRows(rows, each == 1)
	}
	told := map[string]bool{}
	for _, f := range folds {
		if text := usual[f.setting].text(); text != "" && !told[f.setting] {
			told[f.setting] = true
			t.printNotes("  ", 0, []string{shown(f.setting) + ": " + text})
		}
	}
	if left > 0 {
		fmt.Fprintf(&t.out, "and %d more limits; --all shows them\n", left)
	}
	if n := t.limits.lost; n > 0 {
		fmt.Fprintf(&t.out, "%d limits are not shown: there are more than %d different ones\n", n, maxLimitFolds)
	}
	t.out.WriteByte('\n')
}

// limitLines is how many lines one fold takes, the same for all: one where the
// widest of each column fit beside each other, two with the source after boot
// below, else a block of three.
func (t *table) limitLines(folds []*limitFold) int {
	if t.o.Width == 0 {
		return 1
	}
	var widest [6]int
	for i, title := range limitHead(true) {
		widest[i] = width(title)
	}
	for _, f := range folds {
		for i, c := range t.limitCells(f) {
			widest[i] = max(widest[i], width(c.text))
		}
		widest[4] = max(widest[4], width(f.at[2].origin))
		widest[5] = max(widest[5], min(maxNames, width(f.hosts())))
	}
	total := 5 * gap
	for _, w := range widest {
		total += w
	}
	switch {
	case t.narrow() || total-widest[4]-gap > t.o.Width:
		return 3
	case total > t.o.Width:
		return 2
	}
	return 1
}

func limitHead(origin bool) []string {
	if !origin {
		return []string{"SETTING", "RUNNING", "LIVE", "BOOT", "HOSTS"}
	}
	return []string{"SETTING", "RUNNING", "LIVE", "BOOT", "BOOT FROM", "HOSTS"}
}

// limitCells are the columns that are never left out.
func (t *table) limitCells(f *limitFold) []cell {
	mark := t.o.signs().ellipsis
	return []cell{
		{text: cutEnd(f.label(), maxLabel, mark)},
		{f.bad[0], cutMiddle(f.running(), maxLimit, mark)},
		{f.bad[1], cutMiddle(f.at[1].value, maxLimit, mark)},
		{f.bad[2], cutMiddle(f.at[2].value, maxLimit, mark)},
	}
}

// limitRow is a fold with, as notes, what is not said once for its setting.
func (t *table) limitRow(f *limitFold, usual origins, noteBoot bool) limitRow {
	r := limitRow{fold: f, cells: t.limitCells(f), hosts: item{hosts: f.hosts()}}
	r.origin = cell{text: f.at[2].origin}
	if f.at[2].unknown {
		r.origin.status = probes.StatusUnknown
	}
	for i, h := range probes.Horizons {
		if h == probes.Boot && noteBoot || h != probes.Boot && f.at[i].source() != usual[i].source() {
			r.notes = append(r.notes, string(h)+" "+f.at[i].source())
		}
	}
	return r
}

// source says where a value comes from, or why there is none.
func (h horizonText) source() string {
	switch {
	case h.unknown:
		return "not known: " + h.origin
	case h.origin == "":
		return "from somewhere that the host does not tell"
	}
	return "from " + h.origin
}

// origins are where the running and the live value of a setting come from, the
// same on every host that is shown; the zero horizonText where it differs.
type origins [2]horizonText

// usualOrigins finds what need not be said on every line.
func usualOrigins(folds []*limitFold) map[string]origins {
	usual := map[string]origins{}
	for _, f := range folds {
		of, seen := usual[f.setting]
		for i := range of {
			switch {
			case !seen:
				of[i] = f.at[i]
			case of[i].source() != f.at[i].source():
				of[i] = horizonText{}
			}
		}
		usual[f.setting] = of
	}
	return usual
}

// text is "running and live from /proc/sys/vm/max_map_count".
func (o origins) text() string {
	running, live := o[0].source(), o[1].source()
	switch {
	case o[0] == horizonText{} && o[1] == horizonText{}:
		return ""
	case o[0] == horizonText{}:
		return "live " + live
	case o[1] == horizonText{}:
		return "running " + running
	case running == live:
		return "running and live " + running
	}
	return "running " + running + "; live " + live
}

// printLimitRows prints a line a fold in columns, and notes below it.
func (t *table) printLimitRows(rows []limitRow, origin bool) {
	head := limitHead(origin)
	widest := make([]int, len(head)-1)
	for i := range widest {
		widest[i] = width(head[i])
		for j := range rows {
			if origin && i == 4 {
				rows[j].cells = append(rows[j].cells, rows[j].origin)
			}
			widest[i] = max(widest[i], width(rows[j].cells[i].text))
		}
	}
	used := 0
	var title strings.Builder
	for i, w := range widest {
		used += w + gap
		title.WriteString(pad(head[i], w+gap))
	}
	t.out.WriteString(t.o.bold(title.String()+head[len(head)-1]) + "\n")
	for i := range rows {
		r := &rows[i]
		for j, c := range r.cells {
			t.out.WriteString(t.o.paint(c.status, c.text) + strings.Repeat(" ", widest[j]+gap-width(c.text)))
		}
		t.printLimitHosts(r, used)
		t.printNotes("    ", 2, r.notes)
	}
}

// printLimitHosts ends a line that takes used columns with the hosts, or their
// number and their names below.
func (t *table) printLimitHosts(r *limitRow, used int) {
	room := maxText
	if t.o.Width > 0 {
		room = max(8, t.o.Width-used)
	}
	t.fitHosts(&r.hosts, 4, room)
	t.out.WriteString(r.hosts.hosts + "\n")
	for _, names := range r.hosts.names {
		t.out.WriteString("    " + names + "\n")
	}
}

// printNotes prints texts below a row, each on most lines; 0 is as many as it
// needs.
func (t *table) printNotes(indent string, most int, notes []string) {
	room := t.noteRoom(len(indent) + 2)
	for _, n := range notes {
		for i, l := range atMost(wrap(n, room), most, room, t.o.signs().ellipsis) {
			if i > 0 {
				l = "  " + l
			}
			t.out.WriteString(indent + l + "\n")
		}
	}
}

// printLimitLines prints a block a fold, where columns do not fit.
func (t *table) printLimitLines(rows []limitRow) {
	for i := range rows {
		r := &rows[i]
		label := r.cells[0].text
		t.out.WriteString(label)
		if room := t.o.Width - width(label) - gap; room >= 12 {
			t.out.WriteString(strings.Repeat(" ", gap))
			t.printLimitHosts(r, width(label)+gap)
		} else {
			t.out.WriteString("\n  ")
			t.printLimitHosts(r, 2)
		}
		var values []string
		for j, h := range probes.Horizons {
			values = append(values, t.o.paint(r.cells[j+1].status, string(h)+" "+r.cells[j+1].text))
		}
		for _, l := range wrapAt(strings.Join(values, ", "), ", ", t.noteRoom(2)) {
			t.out.WriteString("  " + l + "\n")
		}
		t.printNotes("  ", 2, r.notes)
	}
}
